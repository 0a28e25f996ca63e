"""The house: modules import each other in no circle, and no room reaches for what it should do without."""

from __future__ import annotations

from pathlib import Path

from benchmarks.structure import HERE, circles, sources


def test_modules_import_each_other_in_no_circle() -> None:
    """Imports inside functions and for type checkers included."""
    assert list(circles(sources(HERE))) == []


def test_a_circle_would_be_seen(tmp_path: Path) -> None:
    package = tmp_path / "yolonas_plugin"
    package.mkdir()
    package.joinpath("__init__.py").touch()
    package.joinpath("one.py").write_text("def work():\n    from yolonas_plugin.two import other\n")
    package.joinpath("two.py").write_text("if TYPE_CHECKING:\n    from yolonas_plugin import one\n")
    assert list(circles(sources(tmp_path))) == [["yolonas_plugin.one", "yolonas_plugin.two"]]
