"""Discs, rings and crosses: a data set that is drawn when it is wanted, and learned in seconds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import yaml

NAMES = ("disc", "ring", "cross")
SIDE = 96  # pixels of each picture


def draw(seed: int) -> tuple[np.ndarray, list[tuple[float, ...]]]:
    """A picture of discs, rings and crosses on grey, and its labels: class, centre x, y, width, height as fractions."""
    rng = np.random.RandomState(seed)
    image = np.full((SIDE, SIDE, 3), rng.randint(90, 160), np.uint8)
    labels = []
    for column in rng.permutation(2)[: rng.randint(1, 3)]:
        kind, radius = rng.randint(3), rng.randint(12, 20)
        x, y = 24 + 48 * int(column), int(rng.randint(24, 72))
        colour = [(40, 40, 220), (40, 200, 40), (220, 60, 40)][kind]
        if kind == 0:
            cv2.circle(image, (x, y), radius, colour, -1)
        elif kind == 1:
            cv2.circle(image, (x, y), radius, colour, 4)
        else:
            cv2.line(image, (x - radius, y - radius), (x + radius, y + radius), colour, 5)
            cv2.line(image, (x - radius, y + radius), (x + radius, y - radius), colour, 5)
        labels.append((kind, x / SIDE, y / SIDE, 2 * radius / SIDE, 2 * radius / SIDE))
    return image, labels


def write_shapes(folder: Path, train: int = 8, val: int = 4) -> Path:
    for split, seeds in (("train", range(train)), ("val", range(1000, 1000 + val))):
        for part in ("images", "labels"):
            (folder / part / split).mkdir(parents=True)
        for seed in seeds:
            image, labels = draw(seed)
            cv2.imwrite(str(folder / "images" / split / f"{seed}.png"), image)
            rows = "".join(" ".join(map(str, row)) + "\n" for row in labels)
            (folder / "labels" / split / f"{seed}.txt").write_text(rows)
    data = folder / "shapes.yaml"
    data.write_text(
        yaml.safe_dump({"path": str(folder), "train": "images/train", "val": "images/val", "names": list(NAMES)})
    )
    return data
