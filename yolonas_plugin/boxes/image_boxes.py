"""The detections of one image as arrays, taken from the engine's results or the contract's, and made the contract's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_zoo_api import Detections
from yolonas_plugin.boxes.clipping import clip_boxes, have_area

if TYPE_CHECKING:
    from ultralytics.engine.results import Results

    from yolonas_plugin.processing import Image


class ImageBoxes(NamedTuple):
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

    def within_image(self) -> ImageBoxes:
        """Return the detections that overlap the image, with boxes clipped to it."""
        boxes = clip_boxes(self.boxes, self.height, self.width)
        inside = have_area(boxes)
        return ImageBoxes(self.height, self.width, boxes[inside], self.scores[inside], self.labels[inside])


def as_arrays(result: Results | Detections) -> ImageBoxes:
    """Return the detections of an image as arrays, from the engine's result or the contract's."""
    if isinstance(result, Detections):
        return ImageBoxes(result.height, result.width, *map(np.asarray, (result.boxes, result.scores, result.labels)))
    assert result.boxes is not None
    found: Any = result.boxes.cpu().numpy()
    height, width = result.orig_shape
    return ImageBoxes(height, width, found.xyxy, found.conf, found.cls.astype(np.intp))


def as_detections(
    found: ImageBoxes,
    names: Mapping[int, str],
    *,
    path: str | None,
    image: Image,
    track_ids: NDArray[np.integer[Any]] | None = None,
    native: Any = None,
) -> Detections:
    """Return the detections of an image as the contract's record; every runtime's results are made here."""
    return Detections(
        path=path,
        height=found.height,
        width=found.width,
        boxes=found.boxes,
        scores=found.scores,
        labels=found.labels,
        names=names,
        track_ids=track_ids,
        image=image,
        native=native,
    )
