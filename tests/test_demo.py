"""`make demo`: the embedded model on the page that comes along, and on whatever is given."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from yolonas_plugin import NAS
from yolonas_plugin.cards import LAYOUT_CLASSES

ROOT = Path(__file__).parents[1]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A copy of what the demo needs, so that its pictures don't fall among the user's."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_demo_detects_on_its_page_and_on_what_is_given(elsewhere: Path) -> None:
    shutil.copy(elsewhere / "examples" / "demo_page.pdf", elsewhere / "paper.pdf")
    cv2.imwrite(str(elsewhere / "photo.png"), np.full((90, 120, 3), 255, np.uint8))
    (elsewhere / "text.txt").write_text("no page")
    command = [sys.executable, "examples/demo.py", "paper.pdf", "photo.png", "text.txt"]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = {name: rest.strip() for name, _, rest in (line.partition("  ") for line in done.stdout.splitlines())}
    assert "text" in found["demo"]
    assert found["1-paper"] == found["demo"]
    assert "3 pages in" in done.stdout
    assert "left out, neither an image nor a PDF: text.txt" in done.stderr
    drawn = {path.name for path in (elsewhere / "runs" / "demo").iterdir()}
    assert drawn == {"demo.png", "1-paper.png", "2-photo.png"}


def test_the_embedded_model_loads_by_its_name() -> None:
    model = NAS("yolo_nas_n_layout")
    assert tuple(model.names.values()) == LAYOUT_CLASSES
