"""Ultralytics' solutions with a file that ``NAS.save`` wrote. ``make hosts`` has their environment."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from ultralytics.solutions import Heatmap, ObjectCounter

from yolonas_plugin import NAS

pytestmark = pytest.mark.usefixtures("one_thread")

STEP, FRAMES = 16, 12
SETTINGS = {
    "imgsz": 320,  # solutions take 640, whatever the file says
    "tracker": "bytetrack.yaml",  # the default starts a track at scores that few cells have
    "show": False,
    "verbose": False,
}


@pytest.fixture
def stock(bccd_checkpoint: Path, tmp_path: Path) -> str:
    return str(NAS(bccd_checkpoint).save(tmp_path / "x.pt"))


@pytest.fixture
def frames(bccd_test_images: list[Path], tmp_path: Path) -> list[np.ndarray]:
    """A microscope that pans to the right over an image: from a video file, cells move to the left by STEP."""
    image = cv2.imread(str(bccd_test_images[0]))
    path = str(tmp_path / "pan.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 10, (640 - STEP * FRAMES, 480))
    for step in range(FRAMES):
        writer.write(image[:, step * STEP :][:, : 640 - STEP * FRAMES])
    writer.release()
    video = cv2.VideoCapture(path)
    found = [video.read()[1] for _ in range(FRAMES)]
    assert not video.read()[0]
    return found


def test_the_counter_counts_what_moves_over_its_line(stock: str, frames: list[np.ndarray]) -> None:
    line = 224
    counter = ObjectCounter(model=stock, region=[(line, 0), (line, 480)], **SETTINGS)
    seen: list[dict[int, float]] = []  # where each track's centre is, along x
    for frame in frames:
        result = counter(frame.copy())
        centres = [float(x1 + x2) / 2 for x1, _, x2, _ in counter.boxes]
        seen.append(dict(zip(counter.track_ids, centres, strict=True)))
    first, last = seen[0], seen[-1]
    both = first.keys() & last.keys()
    assert len(both) > 3  # most keep their number
    assert np.median([last[i] - first[i] for i in both]) == pytest.approx(-STEP * (FRAMES - 1), abs=5)
    crossed = [i for i in both if first[i] > line > last[i]]
    assert len(crossed) > 1
    assert set(result.classwise_count) <= {"RBC", "WBC", "Platelets"}
    assert result.in_count + result.out_count >= len(crossed)
    assert min(result.in_count, result.out_count) == 0  # all in one direction
    assert result.total_tracks == len(last)


def test_the_heatmap_is_warm_where_things_are(stock: str, frames: list[np.ndarray]) -> None:
    heatmap = Heatmap(model=stock, **SETTINGS)
    result = [heatmap(frame.copy()) for frame in frames[:4]][-1]
    assert result.plot_im.shape == frames[0].shape
    assert result.total_tracks > 3
    warm = heatmap.heatmap > 0
    for x1, y1, x2, y2 in heatmap.boxes.int().tolist():
        assert warm[(y1 + y2) // 2, (x1 + x2) // 2]
    assert not warm.all()
