"""Box selection on NumPy arrays, without torch; the detections equal those of :mod:`.tensors`."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yolonas_plugin.boxes import Selection

Floats: TypeAlias = NDArray[np.float32]


def select_boxes(
    boxes: NDArray[Any],
    scores: NDArray[Any],
    keypoints: NDArray[Any] | None = None,
    keypoint_scores: NDArray[Any] | None = None,
    **settings: Any,
) -> Floats:
    """Select the detections of one image; see :class:`~yolonas_plugin.boxes.Selection`."""
    chosen = Selection(**settings)
    boxes, scores = np.asarray(boxes, np.float32), np.asarray(scores, np.float32)
    if chosen.classes is not None:
        scores = np.where(np.isin(np.arange(scores.shape[1]), chosen.classes), scores, np.float32(-1))
    if chosen.multi_label:
        places = np.flatnonzero(scores > float(chosen.conf))  # several times as fast as nonzero of two axes
        anchors, labels = np.divmod(places, scores.shape[1])
        confidence = scores.ravel()[places]
    else:
        labels, confidence = scores.argmax(axis=1), scores.max(axis=1)
        (anchors,) = np.nonzero(confidence >= chosen.conf)
        confidence, labels = confidence[anchors], labels[anchors]
    best = np.argsort(-confidence, kind="stable")[: chosen.top_k]
    anchors, confidence, labels = anchors[best], confidence[best], labels[best]
    boxes = boxes[anchors]
    kept = nms(boxes, chosen.iou, None if chosen.class_agnostic else labels)[: chosen.max_detections]
    rows = [boxes[kept], confidence[kept], labels[kept]]
    if keypoints is not None and keypoint_scores is not None:
        best = anchors[kept]
        points = np.concatenate((keypoints[best], keypoint_scores[best, :, None]), axis=2)
        rows.append(points.reshape(len(best), 3 * points.shape[1]))
    return np.column_stack(rows).astype(np.float32, copy=False)


def nms(boxes: Floats, iou: float, labels: NDArray[np.integer] | None = None) -> NDArray[np.intp]:
    """Return the indices of the boxes that overlap no kept one before them by more than ``iou``.

    Args:
        boxes: x1, y1, x2, y2 [N, 4], best first.
        iou: Highest overlap of two kept boxes, 0 to 1.
        labels: Classes [N], among which boxes don't compete; None lets all compete.
    """
    low, high = boxes[:, :2], boxes[:, 2:]
    sides = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)  # [N, N, 2]
    intersection = np.maximum(sides[..., 0], 0) * np.maximum(sides[..., 1], 0)
    area = (high - low).prod(axis=1)
    with np.errstate(invalid="ignore"):  # two boxes of no area
        overlap = intersection / (area[:, None] + area - intersection)
    suppresses = np.triu(overlap > iou, k=1)
    if labels is not None:
        suppresses &= labels[:, None] == labels
    # who is kept depends on those before: right for the first after one round, and for all once nothing changes
    kept = np.ones(len(boxes), dtype=bool)
    while True:
        before, kept = kept, ~suppresses[kept].any(axis=0)
        if (kept == before).all():
            return np.nonzero(kept)[0]
