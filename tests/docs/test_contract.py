"""The page about the contract says what the code says, and its examples run."""

from __future__ import annotations

import argparse
import builtins
import inspect
import re
import textwrap
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from model_zoo_api import ModelCard, ModelProvider, errors, hookspecs
from model_zoo_api.problems import Phase, PluginProblem
from model_zoo_api.settings import RESERVED, Kind, Setting
from model_zoo_api.types import (
    KNOWN_TASKS,
    Licence,
    Metric,
    WeightFile,
    check_told,
)
from model_zoo_api.zoo import ALLOW_LIST, ModelZoo
from sites import Site

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "contract" / "tests"
PAGE = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("model_zoo_")}


def section(title: str) -> str:
    """The text below a heading, up to the next one of the same level."""
    (text,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return text


def first_column(text: str) -> list[str]:
    return re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE)


def test_the_hooks_are_documented_with_their_exact_signatures() -> None:
    documented = re.findall(r"^### `(.+)`$", section("Hooks"), re.MULTILINE)
    # Annotations are strings, which `Signature` prints in quotes; the source has none.
    assert documented == [name + str(inspect.signature(hook)).replace("'", "") for name, hook in HOOKS.items()]


@pytest.mark.parametrize("record", [ModelProvider, ModelCard], ids=lambda record: record.__name__)
def test_every_field_is_documented_in_order(record: type) -> None:
    assert first_column(section(record.__name__)) == [field.name for field in fields(record)]


def test_settings_and_their_kinds_are_documented() -> None:
    names = [field.name for field in fields(Setting)]
    assert first_column(section("Setting")) == [*names, *get_args(Kind)]
    (row,) = [line for line in section("Setting").splitlines() if line.startswith("| `name`")]
    assert {f"`{word}`" for word in RESERVED} <= set(re.findall(r"`\w+`", row))


def test_problems_and_their_phases_are_documented() -> None:
    names = [field.name for field in fields(PluginProblem)]
    assert first_column(section("PluginProblem")) == [*names, *get_args(Phase)]


@pytest.mark.parametrize("record", [Metric, WeightFile, Licence], ids=lambda record: record.__name__)
def test_the_parts_of_a_card_are_documented(record: type) -> None:
    rows = [
        line for line in section("ModelCard").splitlines() if line.startswith("|") and f"`{record.__name__}" in line
    ]
    row = rows[0]
    assert {field.name for field in fields(record)} <= set(re.findall(r"`(\w+)`", row))


def test_tasks_the_allow_list_and_the_version_are_documented() -> None:
    assert {f"`{task}`" for task in KNOWN_TASKS} <= set(re.findall(r"`\w+`", section("ModelCard")))
    assert f"`{ALLOW_LIST}`" in section("The allow-list")
    assert f"`hookspecs.API_VERSION` is {hookspecs.API_VERSION}." in section("API_VERSION")


def test_what_a_host_may_call_is_documented() -> None:
    public = {name for name in vars(ModelZoo) if not name.startswith("_")}
    assert set(re.findall(r"^\| `(?:zoo|ModelZoo)\.(\w+)", section("For hosts"), re.MULTILINE)) == public


def test_every_hook_has_a_test() -> None:
    tests = re.findall(
        r"^def test_hook_(\w+)", "".join(path.read_text() for path in TESTS.glob("test_*.py")), re.MULTILINE
    )
    untested = [hook for hook in HOOKS if not any(f"model_zoo_{test}".startswith(f"{hook}_") for test in tests)]
    assert untested == []


def test_every_plugin_of_this_folder_is_used() -> None:
    tests = "".join(path.read_text() for path in TESTS.glob("test_*.py"))
    assert [path.stem for path in (TESTS / "plugins").iterdir() if path.suffix and f'"{path.stem}"' not in tests] == []


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_of_a_hook_runs(site: Site, hook: str) -> None:
    example = textwrap.dedent(inspect.getdoc(HOOKS[hook]).partition("Example::")[2])
    assert f"def {hook}(" in example
    site.add("acme-example", "1.0", entry_points={"example": "acme_example"}, files={"acme_example.py": example})
    found = site.discover(strict=True)
    assert found.error is None
    assert "example" in found.plugins


def code_blocks(title: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", section(title), re.MULTILINE | re.DOTALL)


def test_the_examples_for_hosts_run(site: Site) -> None:
    blocks = code_blocks("For hosts")
    assert len(blocks) == 3
    for block in blocks:
        done = site.python("-W", "error", "-c", block)
        assert done.returncode == 0, done.stderr


def test_the_example_of_a_command_line_reads_what_the_provider_takes() -> None:
    (example,) = [block for block in code_blocks("For hosts") if "argparse" in block]
    names: dict[str, Any] = {}
    exec(example, names)
    provider = ModelZoo.discover().providers["yolo_nas"]
    parser = argparse.ArgumentParser()
    names["add_arguments"](parser, provider)
    typed = "--conf 0.4 --imgsz 64 96 --classes cat 3 --rect --max-det 5 --runtime openvino --no-lean --threads 2"
    given = {name: value for name, value in vars(parser.parse_args(typed.split())).items() if value is not None}
    options = {name: given.pop(name) for name in ("runtime", "lean", "threads")}
    assert check_told(provider, "loader", options) == {"runtime": "openvino", "lean": False, "threads": 2}
    found = {"conf": 0.4, "imgsz": (64, 96), "classes": ["cat", "3"], "rect": True, "max_det": 5}
    assert check_told(provider, "predictor", given) == found
    parser.format_help()


def test_every_error_is_documented() -> None:
    own = [name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)]
    (table,) = re.findall(r"^### Errors$(.*?)^###", section("For hosts"), re.MULTILINE | re.DOTALL)
    assert sorted(first_column(table)) == sorted(own)
    for name, text in re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE):
        for base in re.findall(r"`(\w+)`", text.rpartition(";")[2]):
            known = getattr(builtins, base, None) or getattr(errors, base, None)
            assert known is None or issubclass(getattr(errors, name), known), (name, base)


def test_the_example_for_plugin_authors_runs(site: Site) -> None:
    (source,) = code_blocks("For plugin authors")
    site.add("acme-zoo", "1.0", entry_points={"acme": "acme_zoo"}, files={"acme_zoo.py": source})
    found = site.discover(strict=True)
    assert found.zoo["providers"]["acme"] == ["acme_tiny"]
