"""What was found in an image, as arrays, whoever found it: the engine's ``Results`` or lean ``Detections``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ultralytics.engine.results import Results

    from yolonas_plugin.lean import Detections


class Arrays(NamedTuple):
    """N detections, best first.

    Attributes:
        height: Of the image, in pixels.
        width: Of the image, in pixels.
        boxes: x1, y1, x2, y2 in pixels of the image [N, 4], not clipped to it.
        scores: 0 to 1 [N].
        labels: Class indices [N].
    """

    height: int
    width: int
    boxes: NDArray[np.floating[Any]]
    scores: NDArray[np.floating[Any]]
    labels: NDArray[np.integer[Any]]


def as_arrays(result: Results | Detections) -> Arrays:
    """Return the detections of an image."""
    if isinstance(result.boxes, np.ndarray):
        return Arrays(*result.image.shape[:2], result.boxes, result.scores, result.labels)
    found = result.boxes.cpu().numpy()
    return Arrays(*result.orig_shape, found.xyxy, found.conf, found.cls.astype(np.intp))
