"""Boxes: selection from a network's predictions, clipping to the image, detections of one image as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """From the predictions for one image to its detections: threshold, the best candidates, NMS, the best boxes.

    :mod:`.tensors` and :mod:`.arrays` do it alike. Each has ``select_boxes(boxes, scores, keypoints, keypoint_scores,
    **settings)``: ``boxes`` are x1, y1, x2, y2 in pixels [A, 4], ``scores`` from 0 to 1 [A, C], where there are any
    ``keypoints`` x, y in pixels [A, K, 2] and ``keypoint_scores`` from 0 to 1 [A, K], and ``settings`` the arguments
    here. The result is rows x1, y1, x2, y2, score, class [N, 6], float32, best first; with keypoints [N, 6 + 3K], x, y
    and score of each after the class.

    Args:
        conf: Lowest score, exclusive with ``multi_label``, inclusive without (as in super-gradients).
        iou: Highest overlap (IoU) of two kept boxes, 0 to 1.
        top_k: Most candidates for NMS.
        max_detections: Most boxes returned.
        multi_label: Let a box be an object of several classes.
        class_agnostic: Let a box suppress boxes of other classes.
        classes: Indices of the classes to keep; None keeps all.
    """

    conf: float
    iou: float
    top_k: int = 1024
    max_detections: int = 300
    multi_label: bool = True
    class_agnostic: bool = False
    classes: Sequence[int] | None = None
