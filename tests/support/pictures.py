"""Small images of noise, and how the boxes that are found on them are compared."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def picture(seed: int = 0, height: int = 120, width: int = 150) -> np.ndarray:
    """An image [H, W, 3], uint8 BGR, of smooth noise."""
    coarse = np.random.RandomState(seed).randint(0, 256, (height // 10, width // 10, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def write_video(path: Path) -> None:
    """Six frames of a picture that moves to the right."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (150, 120))
    for step in range(6):
        writer.write(np.roll(picture(), 2 * step, axis=1))
    writer.release()


def assert_same_boxes(found: np.ndarray, expected: np.ndarray, atol: float) -> None:
    """See that every row [N, 6] has its like among the others: two whose scores are all but equal may change places."""
    assert len(found) == len(expected)
    distances = np.abs(found[:, None] - expected).max(axis=-1)
    assert distances.min(axis=0).max() < atol
    assert distances.min(axis=1).max() < atol
