"""The detections of one image as arrays, taken from the engine's results or the contract's, and made the contract's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_zoo_api import Detections
from model_zoo_api.detections import SHOWN
from yolonas_plugin.boxes.clipping import clip_boxes, have_area
from yolonas_plugin.skeleton import Skeleton, coco_person, flip_index_by_names, numbered_names

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
        keypoints: x, y in pixels of the image, which they may lie outside of, and score from 0 to 1 [N, K, 3]; None
            where a model finds none.
    """

    height: int
    width: int
    boxes: NDArray[np.floating[Any]]
    scores: NDArray[np.floating[Any]]
    labels: NDArray[np.integer[Any]]
    keypoints: NDArray[np.floating[Any]] | None = None

    @classmethod
    def of_rows(cls, rows: NDArray[np.floating[Any]], height: int, width: int) -> ImageBoxes:
        """Return the detections that ``select_boxes`` found, rows [N, 6 + 3K] in pixels of the image."""
        count = (rows.shape[1] - 6) // 3
        keypoints = rows[:, 6:].reshape(len(rows), count, 3) if count else None
        return cls(height, width, rows[:, :4], rows[:, 4], rows[:, 5].astype(np.intp), keypoints)

    def shown_keypoints(self) -> NDArray[np.bool_]:
        """Return which keypoints a picture shows: those in the image that score :data:`SHOWN` at least, [N, K]."""
        assert self.keypoints is not None
        x, y, score = np.moveaxis(self.keypoints, -1, 0)
        shown: NDArray[np.bool_] = (x >= 0) & (x <= self.width) & (y >= 0) & (y <= self.height) & (score >= SHOWN)
        return shown

    def within_image(self) -> ImageBoxes:
        """Return the detections that overlap the image, with boxes clipped to it; keypoints stay as they are."""
        boxes = clip_boxes(self.boxes, self.height, self.width)
        inside = have_area(boxes)
        keypoints = None if self.keypoints is None else self.keypoints[inside]
        return ImageBoxes(self.height, self.width, boxes[inside], self.scores[inside], self.labels[inside], keypoints)


def as_arrays(result: Results | Detections) -> ImageBoxes:
    """Return the detections of an image as arrays, from the engine's result or the contract's."""
    if isinstance(result, Detections):
        boxes, scores, labels = map(np.asarray, (result.boxes, result.scores, result.labels))
        points = None if result.keypoints is None else np.asarray(result.keypoints)
        return ImageBoxes(result.height, result.width, boxes, scores, labels, points)
    assert result.boxes is not None
    found: Any = result.boxes.cpu().numpy()
    keypoints: Any = None if result.keypoints is None else result.keypoints.cpu().numpy().data
    height, width = result.orig_shape
    return ImageBoxes(height, width, found.xyxy, found.conf, found.cls.astype(np.intp), keypoints)


def as_detections(
    found: ImageBoxes,
    names: Mapping[int, str],
    *,
    path: str | None,
    image: Image,
    skeleton: Skeleton | None = None,
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
        keypoints=found.keypoints,
        keypoint_names=() if skeleton is None else skeleton.names,
        edges=() if skeleton is None else skeleton.edges,
        track_ids=track_ids,
        image=image,
        native=native,
    )


def skeleton_of(result: Any) -> Skeleton | None:
    """Return what the keypoints of a result are, the engine's or the contract's; None where there are none.

    A result of another's model may say their names, and what is joined; else they are numbered, 17 are COCO's.

    Raises:
        SkeletonError: What it says contradicts itself.
    """
    own: Skeleton | None = getattr(result, "skeleton", None)
    if own is not None or result.keypoints is None:
        return own
    data = getattr(result.keypoints, "data", None)  # of the engine's; of an array it is memory
    count = (result.keypoints if data is None or isinstance(data, memoryview) else data).shape[1]
    names = tuple(getattr(result, "keypoint_names", ()))
    if known := coco_person(names):
        return known
    if not names and not getattr(result, "edges", ()):
        return Skeleton.unnamed(count) if count else None
    names = names or numbered_names(count)
    return Skeleton(names, edges=tuple(result.edges), flip_index=flip_index_by_names(names))
