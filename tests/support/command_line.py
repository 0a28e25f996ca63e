"""Running the command line in this process, with a small data set, and before a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import sys
import termios
import threading
from pathlib import Path
from typing import IO

import cv2
import pytest

from tests.support.pictures import picture
from yolonas_plugin.cli import main


def run(*argv: str | Path) -> int:
    return main([str(arg) for arg in argv])


def small_data(root: Path, classes: str = "disc, ring, cross") -> Path:
    """Two pictures for training and two for validation, with the same labels on all."""
    for seed in range(4):
        split = ("train", "val")[seed // 2]
        for part in ("images", "labels"):
            (root / part / split).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / "images" / split / f"{seed}.png"), picture(seed))
        (root / "labels" / split / f"{seed}.txt").write_text("0 0.5 0.5 0.4 0.4\n2 0.3 0.3 0.2 0.2\n")
    (root / "data.yaml").write_text(f"path: {root}\ntrain: images/train\nval: images/val\nnames: [{classes}]\n")
    return root


class Terminal:
    """A terminal of 80 columns that stands for standard error while it is entered; ``text`` is what it was sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch, self.text = monkeypatch, ""

    def __enter__(self) -> Terminal:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self._stream: IO[str] = os.fdopen(slave, "w")
        self._before = sys.stderr
        self._monkeypatch.setattr(sys, "stderr", self._stream)
        return self

    def __exit__(self, *error: object) -> None:
        self._monkeypatch.setattr(sys, "stderr", self._before)
        self._stream.close()
        self._reader.join()
        os.close(self._master)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # EIO when the other end is closed
            while piece := os.read(self._master, 4096):
                self.text += piece.decode()
