"""Ultralytics' solutions with a file that ``NAS.save`` wrote. ``make hosts`` has their environment."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from ultralytics import YOLO
from ultralytics.solutions import AIGym, Heatmap, ObjectCounter

from tests.hosts.conftest import DETECTORS, HEIGHT, LAYOUT, WIDTH, Known, render
from tests.support.pictures import picture
from tests.support.pose import pose_model
from yolonas_plugin import NAS

pytestmark = pytest.mark.usefixtures("one_thread")

STEP, FRAMES = 16, 12
SETTINGS = {
    "imgsz": 320,  # solutions take 640, whatever the file says
    "tracker": "bytetrack.yaml",  # the default starts a track at high scores only
    "show": False,
    "verbose": False,
}


@pytest.fixture
def stock(known: Known, tmp_path: Path) -> str:
    return str(NAS(known.weights).save(tmp_path / "x.pt"))


@pytest.fixture
def scene(known: Known) -> np.ndarray:
    """An image of which each frame shows a part: the demo's page on a table, or cells."""
    if known.weights != LAYOUT:
        return cv2.imread(str(known.images[0]))
    table, page = np.full((HEIGHT, WIDTH, 3), 90, np.uint8), render(0.4)
    height, width = page.shape[:2]
    top, left = (HEIGHT - height) // 2, WIDTH - STEP * FRAMES - width
    table[top : top + height, left : left + width] = page
    return table


@pytest.fixture
def frames(scene: np.ndarray, tmp_path: Path) -> list[np.ndarray]:
    """A camera that pans to the right over an image: from a video file, things move to the left by STEP."""
    path = str(tmp_path / "pan.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 10, (WIDTH - STEP * FRAMES, HEIGHT))
    for step in range(FRAMES):
        writer.write(scene[:, step * STEP :][:, : WIDTH - STEP * FRAMES])
    writer.release()
    video = cv2.VideoCapture(path)
    found = [video.read()[1] for _ in range(FRAMES)]
    assert not video.read()[0]
    return found


@DETECTORS
def test_the_counter_counts_what_moves_over_its_line(known: Known, stock: str, frames: list[np.ndarray]) -> None:
    line = 224
    settings = {**SETTINGS, "imgsz": 480 if known.weights == LAYOUT else 320}
    counter = ObjectCounter(model=stock, region=[(line, 0), (line, HEIGHT)], **settings)
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
    assert set(result.classwise_count) <= set(known.names)
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


def test_the_gym_counts_by_the_angles_of_its_keypoints(tmp_path: Path) -> None:
    """The angle between three keypoints goes up and down with the picture; what is counted is counted again here."""
    path = str(pose_model().save(tmp_path / "pose.pt"))
    settings = {**SETTINGS, "imgsz": 96, "kpts": [6, 8, 10], "conf": 0.5}
    waves = [picture(1) // 4 * 3 + np.uint8(60 * (0.5 + 0.5 * np.sin(step))) for step in range(14)]
    angles: dict[int, list[float]] = {}
    model = YOLO(path)
    for frame in waves:
        (result,) = model.track(frame.copy(), persist=True, **{k: v for k, v in settings.items() if k != "kpts"})
        for track, points in zip(result.boxes.id.int().tolist(), result.keypoints.data.numpy(), strict=True):
            angles.setdefault(track, []).append(_angle(*points[[6, 8, 10], :2]))
    longest = max(angles, key=lambda track: (len(angles[track]), np.ptp(angles[track])))
    low, high = np.quantile(angles[longest], [0.4, 0.6])
    gym = AIGym(model=path, up_angle=float(high), down_angle=float(low), **settings)
    for frame in waves:
        found = gym(frame.copy())
    counts = dict(zip(gym.track_ids, found.workout_count, strict=True))
    assert counts == {track: _count(angles[track], low, high) for track in counts}
    assert sum(counts.values()) > 2


def _angle(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    """The angle at ``b`` in degrees, 0 to 180."""
    turn = abs(np.degrees(np.arctan2(*(c - b)[::-1]) - np.arctan2(*(a - b)[::-1])))
    return float(turn if turn <= 180 else 360 - turn)


def _count(angles: list[float], low: float, high: float) -> int:
    stage, count = "", 0
    for angle in angles:
        if angle < low:
            count += stage == "up"
            stage = "down"
        elif angle > high:
            stage = "up"
    return count
