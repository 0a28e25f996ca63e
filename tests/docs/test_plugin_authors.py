"""The page for plugin authors says what the suite has."""

from __future__ import annotations

import re
from pathlib import Path

from model_zoo_api import testing
from model_zoo_api.testing import ProviderConformance

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plugin-authors.md").read_text(encoding="utf-8")
SUITE = {name: value for base in reversed(ProviderConformance.__mro__[:-1]) for name, value in vars(base).items()}


def rows(title: str) -> list[str]:
    """The first column of all tables below a heading."""
    (text,) = re.findall(rf"^### {re.escape(title)}\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)


def test_every_check_is_listed_in_the_order_of_the_suite() -> None:
    assert rows("The checks") == [name for name in SUITE if name.startswith("test_")]


def test_what_an_author_may_declare_is_listed() -> None:
    plain = [name for name, value in SUITE.items() if not name.startswith("_") and not callable(value)]
    assert set(plain) >= {"heavy", "xfail"}
    assert rows("What you may declare") == [*plain, "provider", "source", "images", "work"]


def test_every_public_name_is_mentioned() -> None:
    assert [name for name in testing.__all__ if f"`{name}" not in PAGE and f" {name}\n" not in PAGE] == []


def test_the_example_is_the_template_s_test() -> None:
    first = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
    template = ROOT / "examples" / "provider_template" / "tests" / "test_conformance.py"
    assert first == template.read_text(encoding="utf-8")


def test_the_predictor_is_the_template_s() -> None:
    (predictor,) = re.findall(r"^```python\n(def make_predictor.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    template = ROOT / "examples" / "provider_template" / "acme_zoo" / "model.py"
    assert predictor in template.read_text(encoding="utf-8")
