"""Mean average precision by pycocotools, the protocol of COCO: the same ruler for every library's detections."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from yolonas_plugin.data import Sample

Rows: TypeAlias = np.ndarray
"""x1, y1, x2, y2 in pixels of the image, score, class: [N, 6]."""


def mean_average_precision(
    samples: Sequence[Sample], names: Sequence[str], predict: Callable[[str], Rows]
) -> dict[str, float]:
    """Measure a detector.

    Args:
        samples: Images and their labels.
        names: The classes, in the order of both the labels and the detections.
        predict: From the path of an image to its detections, those of low scores included; the best 100 count.

    Returns:
        ``mAP50-95``, ``mAP50``, and the mAP50-95 of each class by its name, 0 to 1; NaN for a class without a label.
    """
    truth, found = [], []
    for image, sample in enumerate(samples, start=1):
        height, width = sample.shape
        for label, (x, y, w, h) in zip(sample.classes, sample.boxes.astype(float), strict=True):
            box = [(x - w / 2) * width, (y - h / 2) * height, w * width, h * height]
            truth.append(_annotation(image, label, box) | {"id": len(truth) + 1, "iscrowd": 0})
        for x1, y1, x2, y2, score, label in np.asarray(predict(sample.image), dtype=float):
            found.append(_annotation(image, label, [x1, y1, x2 - x1, y2 - y1]) | {"score": score})
    data = COCO()
    data.dataset = {
        "images": [{"id": image} for image in range(1, len(samples) + 1)],
        "annotations": truth,
        "categories": [{"id": i, "name": name} for i, name in enumerate(names)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        data.createIndex()
        evaluation = COCOeval(data, data.loadRes(found), "bbox") if found else None
        if evaluation is None:
            return {"mAP50-95": 0.0, "mAP50": 0.0, **dict.fromkeys(names, 0.0)}
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    precision = evaluation.eval["precision"][:, :, :, 0, 2]  # [IoU, recall, class], all areas, 100 detections
    per_class = {
        name: float(precision[:, :, i].mean()) if (precision[:, :, i] >= 0).all() else float("nan")
        for i, name in enumerate(names)
    }
    return {"mAP50-95": float(evaluation.stats[0]), "mAP50": float(evaluation.stats[1]), **per_class}


def _annotation(image: int, label: float, box: list[float]) -> dict[str, object]:
    return {"image_id": image, "category_id": int(label), "bbox": box, "area": box[2] * box[3]}
