"""Temporary folders that no Ctrl-C leaves behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

from yolonas_plugin.system.interrupts import held_off


class TemporaryFolder(tempfile.TemporaryDirectory[str]):
    """A folder of this user's alone, until the end of a block, or until :meth:`cleanup`.

    Python's own stays if Ctrl-C comes just after it is made, or while it is removed.

    Raises:
        OSError: It can't be made.
    """

    def __init__(self) -> None:
        with held_off():
            super().__init__(prefix="yolonas-")

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self.name)

    def cleanup(self) -> None:
        """Remove it, with all that is in it."""
        with held_off():
            super().cleanup()
