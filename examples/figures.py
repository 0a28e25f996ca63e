"""Draw people of sticks, with their keypoints, as a data set on which a training of poses can be tried.

    python examples/figures.py figures --train 400 --val 60

writes ``figures/images``, ``figures/labels`` and ``figures/data.yaml``. People look at the camera, so that their left
is to the right; some stand before others, or reach out of the picture.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import yaml
from PIL import Image, ImageDraw

NAMES = [
    "head",
    "neck",
    *(f"{side}_{part}" for part in ("elbow", "hand", "hip", "knee", "foot") for side in ("left", "right")),
]
FLIP = [0, 1, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10]
SIGMAS = [0.05, 0.05, *[0.07, 0.07] * 5]
BONES = [(0, 1), (1, 2), (2, 4), (1, 3), (3, 5), (1, 6), (1, 7), (6, 7), (6, 8), (8, 10), (7, 9), (9, 11)]


def joints(random: np.random.Generator) -> np.ndarray:
    """Return the places of a figure's keypoints [12, 2], its trunk one long, with the hips' middle in the origin."""
    lean = random.uniform(-0.25, 0.25)
    neck = np.array([np.sin(lean), -np.cos(lean)])
    points = [neck * 1.35, neck]
    arms, hips, legs = [], [], []
    for side in (1, -1):  # left, which is on the right, first
        angles = random.uniform((0.2, -0.6), (2.4, 1.6))
        elbow = neck + 0.55 * np.array([side * np.sin(angles[0]), np.cos(angles[0])])
        hand = elbow + 0.5 * np.array([side * np.sin(angles.sum()), np.cos(angles.sum())])
        hip = np.array([side * 0.2, 0.0])
        angles = random.uniform((0.0, -0.5), (0.8, 0.3))
        knee = hip + 0.65 * np.array([side * np.sin(angles[0]), np.cos(angles[0])])
        foot = knee + 0.65 * np.array([side * np.sin(angles.sum()), np.cos(angles.sum())])
        arms.append((elbow, hand))
        hips.append(hip)
        legs.append((knee, foot))
    for left, right in zip(*arms, strict=True):
        points += [left, right]
    points += hips
    for left, right in zip(*legs, strict=True):
        points += [left, right]
    return np.array(points)


def draw(random: np.random.Generator, side: int) -> tuple[Image.Image, list[str]]:
    """Return a picture of ``side`` by ``side`` pixels, and a label for each figure on it."""
    colours = random.integers(0, 256, (8, 8, 3), dtype=np.uint8) // 2 + 64
    picture = Image.fromarray(colours).resize((side, side), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    labels = []
    for _ in range(random.integers(1, 4)):
        height = random.uniform(0.1, 0.24) * side
        points = joints(random) * height + random.uniform(0.2, 0.8, 2) * side
        colour = tuple(int(part) for part in random.choice([0, 255], 3))
        width = max(round(height * 0.14), 2)
        for a, b in BONES:
            pen.line([*map(tuple, points[[a, b]])], fill=colour, width=width)
        radius = height * 0.2
        pen.ellipse([*(points[0] - radius), *(points[0] + radius)], fill=colour)
        labels.append(label(points, radius, side))
    return picture, [line for line in labels if line]


def label(points: np.ndarray, radius: float, side: int) -> str:
    """Return the line of a figure: class, box, then x, y and visibility of each keypoint, 0 outside of the picture."""
    low = np.minimum(points.min(axis=0), points[0] - radius).clip(0, side) / side
    high = np.maximum(points.max(axis=0), points[0] + radius).clip(0, side) / side
    inside = ((points >= 0) & (points < side)).all(axis=1)
    if not inside.any():
        return ""
    keypoints = np.column_stack((points / side, np.full(len(points), 2))) * inside[:, None]
    return " ".join(f"{number:.5f}" for number in (*(low + high) / 2, *(high - low), *keypoints.flatten()))


def write(folder: Path, counts: dict[str, int], side: int = 128, seed: int = 0) -> Path:
    """Write so many pictures of each split; return the path of the YAML file."""
    random = np.random.default_rng(seed)
    for split, count in counts.items():
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            picture, labels = draw(random, side)
            picture.save(folder / "images" / split / f"{index:04d}.png")
            (folder / "labels" / split / f"{index:04d}.txt").write_text("".join(f"0 {line}\n" for line in labels))
    described = {"path": str(folder.absolute()), **{split: f"images/{split}" for split in counts}, "names": ["figure"]}
    described |= {"kpt_shape": [len(NAMES), 3], "flip_idx": FLIP, "kpt_names": {0: NAMES}, "kpt_oks_sigmas": SIGMAS}
    (folder / "data.yaml").write_text(yaml.safe_dump(described))
    return folder / "data.yaml"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", type=int, default=400, help="pictures to train on (default: 400)")
    parser.add_argument("--val", type=int, default=60, help="pictures to measure with (default: 60)")
    parser.add_argument("--side", type=int, default=128, help="height and width in pixels (default: 128)")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(write(given.folder, {"train": given.train, "val": given.val}, given.side, given.seed))
