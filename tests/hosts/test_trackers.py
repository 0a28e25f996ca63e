"""Roboflow's trackers follow what is detected. ``make hosts`` has their environment."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import supervision
from trackers import ByteTrackTracker

from yolonas_plugin import NAS

FRAMES = 10
STEP = np.array([7, 5, 7, 5])  # pixels to the right and down, from frame to frame


def frame(page: np.ndarray, number: int) -> np.ndarray:
    """A page that moves over a grey table."""
    height, width = page.shape[:2]
    left, top = number * STEP[:2]
    table = np.full((height + 60, width + 80, 3), 90, np.uint8)
    table[top : top + height, left : left + width] = page
    return table


def test_what_moves_keeps_its_identity(page: np.ndarray) -> None:
    model, tracker = NAS("yolo_nas_n_layout"), ByteTrackTracker()
    places: defaultdict[int, list[np.ndarray]] = defaultdict(list)  # on the page, by identity
    most = 0
    for number in range(FRAMES):
        (result,) = model.predict(frame(page, number), conf=0.5, verbose=False)
        tracked = tracker.update(supervision.Detections.from_ultralytics(result))
        most = max(most, len(tracked))
        for box, identity in zip(tracked.xyxy, tracked.tracker_id, strict=True):
            if identity >= 0:  # others aren't followed yet
                places[int(identity)].append(box - number * STEP)
    always = [boxes for boxes in places.values() if len(boxes) == FRAMES - 1]  # it begins with the second frame
    assert len(always) >= 10
    for boxes in always:
        first = boxes[:1]
        assert supervision.box_iou_batch(np.array(first), np.array(boxes)).min() > 0.6
    assert len(places) <= most + 2  # hardly any gets a second identity
