"""How well the boxes that a detector finds are those of the pages: mAP by pycocotools, precision and recall."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

MOST: Final = 100  # best boxes of a page and a class that count for mAP, as in COCO's protocol
OVERLAP: Final = 0.5  # IoU from which a box that was found is one of the page
LEFT_OUT: Final = 0.5  # share of a found box in a region that isn't judged, from which the box isn't judged either


@dataclass(frozen=True)
class Page:
    """What is on a page, and what was found there; boxes are x1, y1, x2, y2 in pixels of the page.

    Attributes:
        boxes: [N, 4].
        labels: The class of each box, [N].
        found: x1, y1, x2, y2, score, class: [K, 6], those of low scores included.
        ignored: Regions in which nothing is judged, [M, 4].
    """

    boxes: NDArray[np.float64]
    labels: NDArray[np.intp]
    found: NDArray[np.float64]
    ignored: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 4)))


class Fit(NamedTuple):
    """Shares from 0 to 1: of the found boxes that are right, of the page's boxes that were found; the harmonic mean."""

    precision: float
    recall: float
    f1: float


def mean_average_precision(pages: Sequence[Page], names: Sequence[str]) -> dict[str, float]:
    """Measure by COCO's protocol.

    Args:
        pages: With classes from 0 to ``len(names) - 1``.
        names: The classes.

    Returns:
        ``mAP50-95`` and ``mAP50``, the means over the classes of which there is a box; and the mAP50-95 of each class
        by its name, NaN for one of which there is none.
    """
    truth, found = [], []
    for image, page in enumerate(pages, start=1):
        truth += [_annotation(image, label, box) for box, label in zip(page.boxes, page.labels, strict=True)]
        for region in page.ignored:
            truth += [_annotation(image, label, region) | {"iscrowd": 1} for label in range(len(names))]
        found += [_annotation(image, row[5], row[:4]) | {"score": float(row[4])} for row in page.found]
    data = COCO()
    data.dataset = {
        "images": [{"id": image} for image in range(1, len(pages) + 1)],
        "annotations": [{"id": number, "iscrowd": 0, **one} for number, one in enumerate(truth, start=1)],
        "categories": [{"id": index, "name": name} for index, name in enumerate(names)],
    }
    if not found:
        return {"mAP50-95": 0.0, "mAP50": 0.0, **dict.fromkeys(names, 0.0)}
    with contextlib.redirect_stdout(io.StringIO()):
        data.createIndex()
        evaluation = COCOeval(data, data.loadRes(found), "bbox")
        evaluation.params.maxDets = [1, 10, MOST]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, 2]  # [IoU, recall, class], all areas; -1 without a box
    there = (precision >= 0).all(axis=(0, 1))
    by_class = np.where(there, precision.mean(axis=(0, 1)), np.nan)
    return {
        "mAP50-95": float(precision[:, :, there].mean()),
        "mAP50": float(precision[0][:, there].mean()),
        **dict(zip(names, by_class.tolist(), strict=True)),
    }


def fit(pages: Iterable[Page], score: float, *, by_class: bool) -> Fit:
    """Return precision, recall and F1 of the found boxes of this score and more.

    The best boxes come first; each takes the box of the page that it overlaps most, from :data:`OVERLAP` on, among
    those that are left, ``by_class`` among those of its class.
    """
    right = wrong = there = 0
    for page in pages:
        found = page.found[page.found[:, 4] >= score]
        found = found[np.argsort(-found[:, 4], kind="stable")]
        overlap = _iou(found[:, :4], page.boxes)
        if by_class:
            overlap = np.where(found[:, 5:] == page.labels, overlap, 0.0)
        judged = (_within(found[:, :4], page.ignored) < LEFT_OUT).tolist()
        for row, counts in zip(overlap, judged, strict=True):
            best = int(row.argmax()) if row.size else -1
            if best >= 0 and row[best] >= OVERLAP:
                right += 1
                overlap[:, best] = 0.0
            else:
                wrong += counts
        there += len(page.boxes)
    precision, recall = right / max(1, right + wrong), right / max(1, there)
    return Fit(precision, recall, 2 * precision * recall / max(1e-9, precision + recall))


def _annotation(image: int, label: float, box: NDArray[np.float64]) -> dict[str, object]:
    x1, y1, x2, y2 = map(float, box)
    width, height = x2 - x1, y2 - y1
    return {"image_id": image, "category_id": int(label), "bbox": [x1, y1, width, height], "area": width * height}


def _common(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area that each of the first boxes has in common with each of the second ones, [N, M]."""
    corner = np.minimum(first[:, None, 2:], second[None, :, 2:]) - np.maximum(first[:, None, :2], second[None, :, :2])
    return np.asarray(corner.clip(min=0).prod(axis=2))


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))


def _iou(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    common = _common(first, second)
    return common / np.maximum(_area(first)[:, None] + _area(second) - common, 1e-9)


def _within(boxes: NDArray[np.float64], regions: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of each box that lies in the region that has most of it, [N]."""
    return (_common(boxes, regions) / np.maximum(_area(boxes), 1e-9)[:, None]).max(axis=1, initial=0.0)
