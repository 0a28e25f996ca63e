"""Box selection on tensors, on any device, with torchvision's NMS but without importing torchvision.

``import torchvision`` brings torch's compiler, sympy and a hundred models, and takes as long as ``import torch``. What
is needed of it is one operator, which lies in its compiled library.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor

from yolonas_plugin.boxes import Selection


def select_boxes(
    boxes: Tensor,
    scores: Tensor,
    keypoints: Tensor | None = None,
    keypoint_scores: Tensor | None = None,
    **settings: Any,
) -> Tensor:
    """Select the detections of one image; see :class:`~yolonas_plugin.boxes.Selection`."""
    chosen = Selection(**settings)
    boxes, scores = boxes.float(), scores.float()
    if chosen.classes is not None:
        wanted = torch.zeros(scores.shape[1], dtype=torch.bool, device=scores.device)
        wanted[list(chosen.classes)] = True
        scores = scores.masked_fill(~wanted, -1.0)
    if chosen.multi_label:
        anchors, labels = _above(scores, float(chosen.conf))
        confidence = scores[anchors, labels]
    else:
        confidence, labels = scores.max(dim=1)
        anchors = (confidence >= chosen.conf).nonzero(as_tuple=True)[0]
        confidence, labels = confidence[anchors], labels[anchors]
    if len(confidence) > chosen.top_k:
        confidence, best = confidence.topk(chosen.top_k)
        anchors, labels = anchors[best], labels[best]
    boxes = boxes[anchors]
    kept = (
        nms(boxes, confidence, chosen.iou)
        if chosen.class_agnostic
        else class_aware_nms(boxes, confidence, labels, chosen.iou)
    )
    kept = kept[: chosen.max_detections]
    rows = [boxes[kept], confidence[kept, None], labels[kept, None].float()]
    if keypoints is not None and keypoint_scores is not None:
        best = anchors[kept]
        points = torch.cat((keypoints[best], keypoint_scores[best, :, None]), dim=2)
        rows.append(points.flatten(1).float())
    return torch.cat(rows, dim=1)


def _above(scores: Tensor, conf: float) -> tuple[Tensor, Tensor]:
    """Return the rows and columns of the scores [A, C] above ``conf``.

    On a CPU NumPy looks for them, in this thread: other cores may be at work on other images.
    """
    if not scores.is_cpu:
        anchors, labels = (scores > conf).nonzero(as_tuple=True)
        return anchors, labels
    places = torch.from_numpy(np.flatnonzero(scores.detach().numpy() > conf))
    return places // scores.shape[1], places % scores.shape[1]


def nms(boxes: Tensor, scores: Tensor, iou: float) -> Tensor:
    """Return the indices of the boxes that overlap no better one by more than ``iou``, best first.

    Args:
        boxes: x1, y1, x2, y2 [N, 4].
        scores: [N].
        iou: Highest overlap of two kept boxes, 0 to 1.

    Raises:
        ImportError: torchvision isn't installed.
    """
    _load_operator()
    return torch.ops.torchvision.nms(boxes, scores, iou)


def class_aware_nms(boxes: Tensor, scores: Tensor, labels: Tensor, iou: float) -> Tensor:
    """Return what :func:`nms` does, where boxes of different ``labels`` [N] don't compete.

    Equals ``torchvision.ops.batched_nms`` to the bit: it moves the classes apart and suppresses all at once, which
    rounds coordinates a little, or, among more than 1,000 boxes on a CPU, suppresses class by class.
    """
    if len(boxes) == 0:
        return torch.empty(0, dtype=torch.int64, device=boxes.device)
    if len(boxes) <= 1000 or not boxes.is_cpu:
        apart = labels.to(boxes) * (boxes.max() + 1)
        return nms(boxes + apart[:, None], scores, iou)
    members = [(labels == label).nonzero()[:, 0] for label in labels.unique()]
    kept = torch.cat([index[nms(boxes[index], scores[index], iou)] for index in members]).sort().values
    return kept[scores[kept].sort(descending=True).indices]


@functools.cache
def _load_operator() -> None:
    """Register torchvision's operators with torch; a later ``import torchvision`` finds them there and is content."""
    package = None if "torchvision" in sys.modules else find_spec("torchvision")
    if package and package.submodule_search_locations:
        for name in ("_C_stable", "_C"):  # what the library is called of late, and was before
            library = PathFinder.find_spec(name, package.submodule_search_locations)
            if library and library.origin:
                with contextlib.suppress(OSError):  # torchvision may know how to mend it, or how to explain it
                    torch.ops.load_library(library.origin)
                    return
    importlib.import_module("torchvision.ops")
