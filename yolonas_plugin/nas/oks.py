"""Keypoints held against a data set's labels as COCO's own program does it: object keypoint similarity, and its AP.

That is ``COCOeval`` of pycocotools for ``keypoints``: the similarity takes the object's own area; objects without a
labelled keypoint and crowds count for nothing, nor does what is found there; and of each image the 20 best detections
are looked at. The engine's own metric takes 0.53 of the box for the area, counts objects without a labelled keypoint as
missed, and integrates between recall points.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from yolonas_plugin.data import Sample
from yolonas_plugin.nn.pose_loss import OBJECT_SHARE
from yolonas_plugin.skeleton import Skeleton

THRESHOLDS: Final = np.linspace(0.5, 0.95, 10)
"""Lowest similarities of a hit; AP is the mean over them."""

BEST: Final = 20
"""Detections of each image that are looked at."""

_RECALLS: Final = np.linspace(0, 1, 101)

Floats = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]


class Truth(NamedTuple):
    """The G labels of an image, in its pixels; crowds last.

    Attributes:
        boxes: x1, y1, x2, y2 [G, 4].
        areas: [G].
        keypoints: x, y and a visibility, 0 for not labelled [G, K, 3].
        crowd: Whether each stands for any number of objects [G].
    """

    boxes: Floats
    areas: Floats
    keypoints: Floats
    crowd: Flags

    @classmethod
    def of(cls, sample: Sample) -> Truth:
        """Return the labels of a sample that has keypoints."""
        assert sample.keypoints is not None
        height, width = sample.shape
        unit = np.array([width, height], np.float64)
        middle, extent = sample.boxes[:, :2] * unit, sample.boxes[:, 2:] * unit
        areas = OBJECT_SHARE * extent.prod(axis=1)
        if sample.areas is not None:
            own = sample.areas.astype(np.float64) * width * height
            areas = np.where(own > 0, own, areas)
        crowds = sample.crowds * [width, height, width, height, width * height]
        keypoints = sample.keypoints * [width, height, 1]
        return cls(
            np.concatenate((np.column_stack((middle - extent / 2, middle + extent / 2)), crowds[:, :4])),
            np.concatenate((areas, crowds[:, 4])),
            np.concatenate((keypoints, np.zeros((len(crowds), *keypoints.shape[1:])))),
            np.arange(len(areas) + len(crowds)) >= len(areas),
        )

    @property
    def ignored(self) -> Flags:
        """Whether each counts for nothing: neither as found nor as missed [G]."""
        return self.crowd | ~(self.keypoints[..., 2] > 0).any(axis=1)


def sigmas_of(data: Skeleton, model: Skeleton) -> Floats:
    """Return the constants of the similarity [K]: the data's, else the model's, see ``Skeleton.oks_sigmas``."""
    return np.array(data.sigmas or model.oks_sigmas, np.float64)


def similarities(truth: Truth, keypoints: Floats, sigmas: Floats) -> Floats:
    """Return the similarity of N detections with each label, 0 to 1 [N, G].

    For a label without a labelled keypoint it is that of the distance to twice its box, to either side of it.

    Args:
        truth: The labels.
        keypoints: x, y in pixels of the image, and more [N, K, 2 or more].
        sigmas: [K].
    """
    labelled: Flags = truth.keypoints[..., 2] > 0  # [G, K]
    found = keypoints[:, None, :, :2].astype(np.float64)  # [N, 1, K, 2]
    apart = found - truth.keypoints[None, ..., :2]  # [N, G, K, 2]
    low, high = truth.boxes[:, None, :2], truth.boxes[:, None, 2:]  # [G, 1, 2]
    extent = high - low
    outside = np.maximum(0, low - extent - found) + np.maximum(0, found - high - extent)
    bare: Flags = np.logical_not(labelled.any(axis=1))
    apart = np.where(bare[:, None, None], outside, apart)
    exponent = (apart**2).sum(axis=-1) / (2 * sigmas) ** 2 / (truth.areas[:, None] + np.spacing(1)) / 2
    used: Flags = labelled | bare[:, None]
    return (np.exp(-exponent) * used).sum(axis=-1) / used.sum(axis=-1)


def match(truth: Truth, keypoints: Floats, scores: Floats, sigmas: Floats) -> tuple[Flags, Flags]:
    """Tell which of N detections are hits, and which count for nothing, at each of :data:`THRESHOLDS`.

    Args:
        truth: The labels.
        keypoints: x, y in pixels of the image, and more [N, K, 2 or more].
        scores: [N].
        sigmas: [K].

    Returns:
        Two arrays [N, 10].
    """
    hits = np.zeros((len(scores), len(THRESHOLDS)), dtype=bool)
    nothing = np.ones_like(hits)
    best = np.argsort(-scores, kind="stable")[:BEST]
    nothing[best] = False
    if not len(truth.areas) or not len(best):
        return hits, nothing
    similar, ignored = similarities(truth, keypoints[best], sigmas), truth.ignored
    for column, threshold in enumerate(THRESHOLDS):
        taken = np.zeros(len(ignored), dtype=bool)
        for row, found in zip(best, similar, strict=True):
            free = (found >= threshold) & (~taken | truth.crowd)
            for kind in (free & ~ignored, free & ignored):  # one that counts comes first
                if kind.any():
                    candidates = np.flatnonzero(kind)
                    chosen = candidates[len(candidates) - 1 - found[candidates][::-1].argmax()]  # the last of equals
                    taken[chosen] = True
                    nothing[row, column] = ignored[chosen]
                    hits[row, column] = not ignored[chosen]
                    break
    return hits, nothing


def average_precisions(hits: Flags, nothing: Flags, scores: Floats, count: int) -> Floats:
    """Return AP at each of :data:`THRESHOLDS` [10], over 101 points of recall; zeros where there is nothing to find.

    Args:
        hits: Of all images, as :func:`match` returns them [N, 10].
        nothing: Likewise.
        scores: [N].
        count: Of the labels that count.
    """
    found = np.zeros(len(THRESHOLDS))
    order = np.argsort(-scores, kind="stable")
    for column in range(len(THRESHOLDS) if count else 0):
        counted = order[~nothing[order, column]]
        right = hits[counted, column].cumsum()
        precision = right / np.arange(1, len(right) + 1)
        precision = np.maximum.accumulate(precision[::-1])[::-1]  # at this recall or a higher one
        places = np.searchsorted(right / count, _RECALLS, side="left")
        found[column] = np.append(precision, 0)[places].mean()
    return found
