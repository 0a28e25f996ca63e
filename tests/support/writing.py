"""A file and a folder written whole or not at all, and read again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from yolonas_plugin.files.whole import whole, whole_folder


def write_file(path: Path, text: str, then: Callable[[], object] = lambda: None) -> None:
    with whole(path) as temporary:
        temporary.write_text(text)
        then()


def write_folder(path: Path, text: str, then: Callable[[], object] = lambda: None) -> None:
    with whole_folder(path) as new:
        (new / "a").write_text(text)
        (new / "in").mkdir(exist_ok=True)
        (new / "in" / "b").write_text(text)
        then()


def content(path: Path) -> str:
    if path.is_file():
        return path.read_text()
    a, b = (path / "a").read_text(), (path / "in" / "b").read_text()
    assert a == b
    return a
