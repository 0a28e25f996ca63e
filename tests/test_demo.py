"""`make demo`: the embedded model on the page that comes along, and on whatever is given."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pytest
import torch
from torchvision.ops import box_iou

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


def test_the_embedded_model_gives_each_part_of_a_page_once() -> None:
    page = pypdfium2.PdfDocument(ROOT / "examples" / "demo_page.pdf")[0].render().to_numpy()[..., :3]
    model = NAS("yolo_nas_n_layout")
    (found,) = model.predict(page, verbose=False)
    assert len(found.boxes) > 10
    assert found.boxes.conf.min() >= 0.45
    assert largest_overlap(found.boxes.xyxy) <= 0.6
    (all_classes,) = model.predict(page, verbose=False, conf=0.1, agnostic_nms=False)
    assert largest_overlap(all_classes.boxes.xyxy) > 0.6


def largest_overlap(boxes: torch.Tensor) -> float:
    """The highest IoU of two of the boxes [N, 4]."""
    return float(box_iou(boxes, boxes).fill_diagonal_(0).max())
