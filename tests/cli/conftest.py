"""What the tests of the command line share: a working directory of their own, and a folder of pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from tests.support.pictures import picture


@pytest.fixture
def cwd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A new working directory, in which what a command writes by default is found."""
    path = tmp_path / "cwd"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, each of another height."""
    path = tmp_path / "pictures"
    path.mkdir()
    for seed in range(3):
        cv2.imwrite(str(path / f"{seed}.png"), picture(seed, height=100 + 10 * seed))
    return path
