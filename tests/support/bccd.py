"""BCCD, blood cells under the microscope: its layout, and how two sets of detections on it are compared."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
import torch
import yaml
from torchvision.ops import box_iou

from yolonas_plugin.boxes.tensors import select_boxes
from yolonas_plugin.weights import read_checkpoint

CLASSES: Final = ("RBC", "WBC", "Platelets")

Rows: TypeAlias = np.ndarray
"""x1, y1, x2, y2 in pixels of the image, score, class: [N, 6]."""


def plain_predictor(checkpoint: Path, conf: float) -> Callable[[Path], Rows]:
    """Return a detector made of the package's parts alone: reader, network, processing."""
    weights = read_checkpoint(checkpoint)
    network, spec = weights.build().fuse(), weights.processing
    assert spec is not None

    def predict(path: Path) -> Rows:
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        pixels, place = spec.letterbox(image)
        with torch.no_grad():
            boxes, scores = network(spec.normalise(torch.from_numpy(pixels).permute(2, 0, 1)[None]))
        rows = select_boxes(boxes[0], scores[0], conf=conf, iou=spec.iou, top_k=spec.top_k)
        rows[:, :4] = place.to_image(rows[:, :4])
        return rows.numpy()

    return predict


def agreement(found: Rows, expected: Rows) -> tuple[float, float]:
    """Pair the detections of an image, and return the lowest IoU and the largest difference of scores.

    Each expected box is paired with the box of its class that overlaps it most.

    Raises:
        AssertionError: Their numbers or classes differ.
    """
    assert len(found) == len(expected)
    if not len(found):
        return 1.0, 0.0
    overlap = box_iou(torch.from_numpy(expected[:, :4]).double(), torch.from_numpy(found[:, :4]).double()).numpy()
    overlap[expected[:, 5:6] != found[None, :, 5]] = 0
    partner = overlap.argmax(axis=1)
    assert len(set(partner)) == len(partner), "two expected boxes are nearest to the same box"
    return float(overlap.max(axis=1).min()), float(np.abs(found[partner, 4] - expected[:, 4]).max())


def assert_agree(predict: Callable[[Path], Rows], expected: dict[Path, Rows]) -> None:
    """Hold ``predict`` to IoU over 0.999 and scores within 1e-4 on every image."""
    pairs = [agreement(predict(path), rows) for path, rows in expected.items()]
    iou, score = min(pair[0] for pair in pairs), max(pair[1] for pair in pairs)
    print(f"{sum(map(len, expected.values()))} boxes: IoU >= {iou:.6f}, scores within {score:.1e}")
    assert iou > 0.999
    assert score < 1e-4


def write_yolo(folder: Path, bccd: Path, split: str) -> Path:
    """Write a split in the layout of YOLO, with links to the images; return its data.yaml."""
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    for name in (bccd / "ImageSets" / "Main" / f"{split}.txt").read_text().split():
        (folder / "images" / f"{name}.jpg").symlink_to((bccd / "JPEGImages" / f"{name}.jpg").resolve())
        (folder / "labels" / f"{name}.txt").write_text(_labels(bccd / "Annotations" / f"{name}.xml"))
    data = folder / "data.yaml"
    data.write_text(yaml.safe_dump({"path": str(folder), "train": "images", "val": "images", "names": list(CLASSES)}))
    return data


def _labels(annotation: Path) -> str:
    root = ElementTree.parse(annotation).getroot()
    width, height = (int(root.findtext(f"size/{side}") or 0) for side in ("width", "height"))
    lines = []
    for item in root.iter("object"):
        x1, y1, x2, y2 = (float(item.findtext(f"bndbox/{key}") or 0) for key in ("xmin", "ymin", "xmax", "ymax"))
        centre = (x1 + x2) / 2 / width, (y1 + y2) / 2 / height
        sides = (x2 - x1) / width, (y2 - y1) / height
        label = CLASSES.index(item.findtext("name") or "")
        lines.append(" ".join(map(repr, (label, *centre, *sides))))
    return "\n".join(lines)
