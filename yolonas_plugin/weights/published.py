"""A file that lies where a published one belongs is compared with the card's SHA-256, once."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

from model_zoo_api.types import WeightFile
from yolonas_plugin.errors import DownloadError
from yolonas_plugin.files.digest import file_sha256

_FOUND_RIGHT: Final[set[str]] = set()
"""Marks of files that this process has compared, for folders that can't be written to."""


def check_published(path: Path, file: WeightFile) -> Path:
    """Return ``path`` if it holds what was published; how it looked then is noted beside it, in ``.NAME.checked``.

    Raises:
        DownloadError: It holds something else, or can't be read.
    """
    try:
        state = path.stat()
        mark = f"{file.sha256} {state.st_size} {state.st_mtime_ns} {state.st_ino} {path.absolute()}"
        if mark in _FOUND_RIGHT or _noted(path) == mark:
            return path
        digest = file_sha256(path)
    except OSError as error:
        raise DownloadError(f"{path}: the file can't be read: {error.strerror or error}") from error
    if digest != file.sha256:
        raise DownloadError(
            f"{path}: this isn't the file that was published under the name: its SHA-256 is {digest}, that of the "
            f"published one {file.sha256}. It was neither used nor changed: remove it, and it is downloaded anew, or "
            "give its path if it is what you want"
        )
    _FOUND_RIGHT.add(mark)
    with contextlib.suppress(OSError):
        _note(path).write_text(mark, encoding="utf-8")
    return path


def _note(path: Path) -> Path:
    return path.with_name(f".{path.name}.checked")


def _noted(path: Path) -> str | None:
    try:
        return _note(path).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
