"""Pictures to predict on and to train with, drawn from formulas: coloured discs on patches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from tests.support import synthetic

NAMES: Final = ("blue", "green", "red")
"""The classes of the data set: the colours of the discs, in the order of BGR."""

KEYPOINTS: Final = ("middle", "left", "right", "top", "bottom")
"""Of a disc, in a data set for poses."""

EDGES: Final = ((0, 1), (0, 2), (0, 3), (0, 4))
FLIP: Final = (0, 2, 1, 3, 4)

SHAPES: Final = ((320, 320), (375, 500))
"""Heights and widths of the pictures to predict on. Nothing scales the first to an input of 320x320."""

INPUT: Final = 320
"""Side of the network's input for whatever is trained here."""

Disc = tuple[int, int, int, int]
"""Class, x and y of the centre, radius."""


def draw(height: int, width: int, discs: int = 6) -> tuple[np.ndarray, list[Disc]]:
    """Return a picture [H, W, 3] in BGR and what is on it."""
    picture = np.ascontiguousarray(synthetic.batch(height, width)[0].permute(1, 2, 0).mul(255).byte().numpy())
    rng = np.random.RandomState(height * 10_007 + width)
    found = []
    for index in range(discs):
        radius = int(rng.randint(12, 40))
        x, y = int(rng.randint(radius, width - radius)), int(rng.randint(radius, height - radius))
        colour = [30, 30, 30]
        colour[index % 3] = 220
        cv2.circle(picture, (x, y), radius, colour, -1)
        found.append((index % 3, x, y, radius))
    return picture, found


def write_pictures(folder: Path) -> list[Path]:
    """Write the pictures to predict on."""
    paths = [folder / f"{height}x{width}.png" for height, width in SHAPES]
    for path, shape in zip(paths, SHAPES, strict=True):
        cv2.imwrite(str(path), draw(*shape)[0])
    return paths


def write_data_set(folder: Path) -> Path:
    """Write a data set in YOLO's layout, two pictures to train with and two to validate on; return its data.yaml."""
    for split, sides in (("train", (INPUT, 288)), ("val", (300, 256))):
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True)
        for side in sides:
            picture, discs = draw(side, side)
            cv2.imwrite(str(folder / "images" / split / f"{side}.png"), picture)
            rows = (f"{label} {x / side} {y / side} {2 * r / side} {2 * r / side}" for label, x, y, r in discs)
            (folder / "labels" / split / f"{side}.txt").write_text("\n".join(rows))
    data = folder / "data.yaml"
    data.write_text(f"path: {folder}\ntrain: images/train\nval: images/val\nnames: [{', '.join(NAMES)}]\n")
    return data


def write_pose_data_set(folder: Path) -> Path:
    """Write the same pictures with discs of one class and their keypoints, in YOLO's layout and as COCO's JSON.

    Returns:
        The data.yaml, beside which lie ``train.json`` and ``val.json``.
    """
    data = write_data_set(folder)
    for split in ("train", "val"):
        images, annotations = [], []
        for path in sorted((folder / "images" / split).iterdir()):
            side = int(path.stem)
            images.append({"id": side, "file_name": path.name, "height": side, "width": side})
            rows = []
            for _, x, y, r in draw(side, side)[1]:
                points = [(x, y), (x - r, y), (x + r, y), (x, y - r), (x, y + r)]
                row = (0, x / side, y / side, 2 * r / side, 2 * r / side)
                rows.append(" ".join(map(str, (*row, *(n for px, py in points for n in (px / side, py / side, 2))))))
                box = {"bbox": [x - r, y - r, 2 * r, 2 * r], "area": 4 * r * r, "iscrowd": 0, "segmentation": []}
                flat = [n for point in points for n in (*point, 2)]
                number = {"id": len(annotations) + 1, "image_id": side, "category_id": 1}
                annotations.append({**number, **box, "keypoints": flat, "num_keypoints": len(points)})
            (folder / "labels" / split / f"{side}.txt").write_text("\n".join(rows))
        kind = {"id": 1, "name": "disc", "keypoints": KEYPOINTS, "skeleton": [[a + 1, b + 1] for a, b in EDGES]}
        content = {"images": images, "annotations": annotations, "categories": [kind]}
        (folder / f"{split}.json").write_text(json.dumps(content))
    about = f"kpt_shape: [{len(KEYPOINTS)}, 3]\nflip_idx: {list(FLIP)}\nkpt_names: [{', '.join(KEYPOINTS)}]\n"
    data.write_text(f"path: {folder}\ntrain: images/train\nval: images/val\nnames: [disc]\n{about}")
    return data
