"""The folder of a training's results, which the engine makes before it has looked at data, weights and device."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_FIRST: Final = {"args.yaml", "labels.jpg", "weights"}
"""What the engine puts there before the first batch; the last is a folder."""


class RunFolder:
    """A folder that is left as it was, or not there at all, by a training that wrote no result.

    Args:
        path: The folder, before the engine has made it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._missing = [folder for folder in (path, *path.parents) if not folder.exists()]

    @contextlib.contextmanager
    def unless_refused(self) -> Iterator[None]:
        """Remove the folder, and those above it that weren't there either, if the block raises and it has no result."""
        try:
            yield
        except BaseException:
            with contextlib.suppress(OSError):
                self._discard()
            raise

    def _discard(self) -> None:
        weights = self._path / "weights"
        if not self._missing or set(os.listdir(self._path)) - _FIRST or os.listdir(weights):
            return
        weights.rmdir()
        for file in self._path.iterdir():
            file.unlink()
        for folder in self._missing:
            folder.rmdir()
