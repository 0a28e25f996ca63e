"""The providers in ``examples`` are installed with the contract alone, and pass their own tests and the suite."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from model_zoo_api.testing import ProviderConformance
from tests.support.environments import ROOT, Environment, build_contract, run

pytest.importorskip("hatchling", reason="it builds the contract's wheel")
pytest.importorskip("setuptools", "77", reason="it builds the examples")
EXAMPLES = ROOT / "examples"
CHECKS = {name for name in dir(ProviderConformance) if name.startswith("test_")}
NOT_OFFERED = {
    *("test_validator_measures", "test_trainer_trains", "test_exporter_writes"),
    "test_trainer_settings_take_what_they_say",
}
TEMPLATE = ["numpy", "pillow", "pytest", "setuptools"]


def copy(example: str, folder: Path) -> Path:
    """Copy an example without what building it left."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", ".*")
    return Path(shutil.copytree(EXAMPLES / example, folder / example, ignore=ignored))


def with_contract(path: Path, packages: list[str] | None = None) -> Environment:
    """An environment that has the contract and no plugin."""
    environment = Environment(path / "environment", packages)
    environment.pip("install", str(build_contract(path)), cwd=path)
    found = "import importlib.util, model_zoo_api; print(importlib.util.find_spec('yolonas_plugin'))"
    assert environment.evaluate(found) == "None"
    return environment


def check(environment: Environment, tests: Path) -> None:
    """Run an example's tests there; what it doesn't offer is skipped, and nothing else is."""
    report = tests / "report.xml"
    (tests / "pytest.ini").write_text("[pytest]\n")
    environment.python("-m", "pytest", "-q", f"--junitxml={report}", str(tests), cwd=tests)
    skipped = {
        case.get("name"): case.find("skipped") is not None for case in ElementTree.parse(report).iter("testcase")
    }
    assert skipped.keys() > CHECKS  # and tests of its own
    assert {name for name, was in skipped.items() if was} == NOT_OFFERED


def test_the_template_is_renamed_installed_and_passes(tmp_path: Path) -> None:
    """The way of an author, who has the contract and nothing else of ours: ``scripts/author-path.sh`` times it."""
    environment = with_contract(tmp_path, TEMPLATE)
    mine = copy("provider_template", tmp_path)
    run([str(environment.python_path), "rename.py", "pallas"], mine)
    assert [path for path in mine.rglob("*") if path.is_file() and "acme" in f"{path} {path.read_text()}".lower()] == []
    environment.pip("install", "-e", ".[test]", cwd=mine)
    check(environment, mine / "tests")
    assert environment.python(str(EXAMPLES / "small_host.py")) == "pallas_tiny detect\n"


def test_the_template_takes_no_name_that_is_none(tmp_path: Path) -> None:
    mine = copy("provider_template", tmp_path)
    for name in ("my-zoo", "Pallas", "2d", ""):
        with pytest.raises(AssertionError, match="has to be a word"):
            run([sys.executable, "rename.py", name], mine)
    assert (mine / "acme_zoo" / "acme_tiny.json").is_file()


@pytest.mark.exhaustive
def test_the_torchvision_provider_is_installed_and_passes(tmp_path: Path) -> None:
    for module in ("torch", "torchvision", "PIL"):
        pytest.importorskip(module)
    environment = with_contract(tmp_path)
    source = copy("torchvision_provider", tmp_path)
    environment.pip("install", ".", cwd=source)
    check(
        environment, source.rename(tmp_path / "sources") / "tests"
    )  # the package itself is found where it's installed


def test_a_provider_is_tested_in_15_lines() -> None:
    source = (EXAMPLES / "provider_template" / "tests" / "test_conformance.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 15


def test_the_torchvision_provider_is_small() -> None:
    modules = (EXAMPLES / "torchvision_provider" / "torchvision_provider").glob("*.py")
    assert sum(len(module.read_text(encoding="utf-8").splitlines()) for module in modules) <= 160
