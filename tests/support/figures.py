"""A small data set of figures with keypoints as COCO describes it, and detections that are the truth with noise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from yolonas_plugin.skeleton import COCO_PERSON, Skeleton

SIDE = 120
"""Height of the images in pixels; they are half as wide again."""


def write_figures(folder: Path, skeleton: Skeleton = COCO_PERSON, images: int = 14, seed: int = 0) -> Path:
    """Write images and ``person_keypoints_val2017.json``, and return that file.

    Among the labels are crowds, figures without a labelled keypoint, figures of which some are labelled, and areas that
    have little to do with their box.
    """
    random = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    count = len(skeleton)
    category = {"id": 1, "name": "person", "keypoints": list(skeleton.names), "skeleton": []}
    data: dict[str, Any] = {"images": [], "annotations": [], "categories": [category]}
    for number in range(images):
        size = {"height": SIDE, "width": SIDE * 3 // 2}
        cv2.imwrite(str(folder / f"images/{number + 1:03}.png"), np.full((SIDE, SIDE * 3 // 2, 3), 90, np.uint8))
        data["images"].append({"id": number + 1, "file_name": f"{number + 1:03}.png", **size})
        for figure in range(1 + number % 4):
            width, height = random.uniform(15, 60, 2)
            x, y = random.uniform(0, 150 - width / 2), random.uniform(0, 90 - height / 2)
            width, height = min(width, 179 - x), min(height, 119 - y)
            points = np.column_stack((random.uniform(x, x + width, count), random.uniform(y, y + height, count)))
            seen = random.integers(0, 3, count) if figure < 2 else np.zeros(count, int)
            crowd = int(figure == 3)
            label = {
                "id": len(data["annotations"]) + 1,
                "image_id": number + 1,
                "category_id": 1,
                "bbox": [x, y, width, height],
                "area": width * height * random.uniform(0.2, 0.9),
                "iscrowd": crowd,
                "keypoints": np.column_stack((points * (seen > 0)[:, None], seen)).ravel().tolist(),
                "num_keypoints": int((seen > 0).sum()),
            }
            data["annotations"].append(label)
    path = folder / "annotations/person_keypoints_val2017.json"
    path.write_text(json.dumps(data))
    return path


def noisy(data: dict[str, Any], count: int, noise: float, seed: int = 1) -> dict[int, np.ndarray]:
    """Return detections of each image by its id, rows [N, 6 + 3K] in its pixels.

    They are the labels, moved by noise in parts of their size, some twice, and some that are nowhere near a label;
    every fifth image has more of these than COCO looks at.
    """
    random = np.random.default_rng(seed)
    found = {}
    for place, image in enumerate(data["images"]):
        rows = []
        for label in (label for label in data["annotations"] if label["image_id"] == image["id"]):
            x, y, width, height = label["bbox"]
            points = np.array(label["keypoints"], float).reshape(-1, 3)[:, :2]
            points = np.where(points.any(axis=1, keepdims=True), points, [x + width / 2, y + height / 2])
            for _ in range(random.integers(0, 4)):
                spread = noise * np.sqrt(label["area"]) * random.uniform(0.2, 2)
                rows.append(
                    _row([x, y, x + width, y + height], points + random.normal(0, spread, points.shape), random)
                )
        for _ in range(30 if place % 5 == 0 else 2):
            x, y = random.uniform(0, [image["width"], image["height"]])
            rows.append(_row([x, y, x + 20, y + 30], random.uniform([x, y], [x + 20, y + 30], (count, 2)), random))
        found[image["id"]] = np.array(rows, np.float32)
    return found


def _row(box: list[float], points: np.ndarray, random: np.random.Generator) -> np.ndarray:
    seen = random.uniform(0, 1, len(points))
    return np.concatenate((box, [random.uniform(0.05, 0.95), 0], np.column_stack((points, seen)).ravel()))
