"""Pictures to predict on and to train with, drawn from formulas: coloured discs on patches."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from tests.support import synthetic

NAMES: Final = ("blue", "green", "red")
"""The classes of the data set: the colours of the discs, in the order of BGR."""

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
