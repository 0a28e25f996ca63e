"""The example host, which knows no model by name, detects with YOLO-NAS as any other host would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from yolonas_plugin import NAS

APP = Path(__file__).parents[2] / "examples" / "host_app.py"


def test_it_prints_a_row_for_each_box(nano: Path, model: NAS, image: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(APP), "--model", str(nano), "--provider", "yolo_nas", str(image)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr

    rows = [line.split("\t") for line in done.stdout.splitlines()]
    (expected,) = model.predict(image, verbose=False)
    boxes = expected.boxes
    assert len(rows) == len(boxes) > 0
    for (path, name, score, corners), label, confidence, box in zip(
        rows, boxes.cls, boxes.conf, boxes.xyxy, strict=True
    ):
        assert path == str(image)
        assert name == expected.names[int(label)]
        assert float(score) == pytest.approx(float(confidence), abs=0.006)
        assert [float(value) for value in corners.split()] == pytest.approx(box.tolist(), abs=0.06)
    assert list(tmp_path.iterdir()) == []
