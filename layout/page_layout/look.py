"""`python -m page_layout.look OUTPUT`: contact sheets of a data set with its boxes, for people to check."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .classes import NAMES

# BGR, one for each class
COLOURS: Final = (
    (0, 0, 220), (0, 110, 255), (0, 140, 0), (220, 60, 0), (190, 0, 170), (170, 170, 0),
    (160, 0, 255), (0, 130, 130), (40, 60, 110), (160, 90, 0), (130, 130, 130), (0, 170, 230),
)  # fmt: skip


def drawn(image: NDArray[np.uint8], labels: list[str]) -> NDArray[np.uint8]:
    """The page with its boxes and their classes."""
    height, width = image.shape[:2]
    for line in labels:
        index, x, y, w, h = (float(value) for value in line.split())
        left, top = round((x - w / 2) * width), round((y - h / 2) * height)
        right, bottom = round((x + w / 2) * width), round((y + h / 2) * height)
        colour = COLOURS[int(index)]
        cv2.rectangle(image, (left, top), (right, bottom), colour, 1)
        cv2.putText(
            image, NAMES[int(index)], (left, max(9, top - 2)), cv2.FONT_HERSHEY_SIMPLEX, 0.36, colour, 1, cv2.LINE_AA
        )
    return image


def sheet(output: Path, split: str, names: list[str], columns: int, side: int) -> NDArray[np.uint8]:
    """Pages beside each other, each in a square of `side` pixels."""
    tiles = []
    for name in names:
        image = cv2.imread(str(output / "images" / split / name), cv2.IMREAD_COLOR)
        if image is None:
            raise FileNotFoundError(f"{output / 'images' / split / name} is no image")
        image = drawn(
            image, (output / "labels" / split / name).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
        )
        scale = side / max(image.shape[:2])
        if scale != 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        tile = np.full((side, side, 3), 90, np.uint8)
        tile[: image.shape[0], : image.shape[1]] = image[:side, :side]
        tiles.append(tile)
    tiles += [np.full((side, side, 3), 90, np.uint8)] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[row : row + columns]) for row in range(0, len(tiles), columns)])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m page_layout.look", description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--split", choices=("train", "val", "test"), default="train")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--columns", type=int, default=4)
    parser.add_argument("--side", type=int, default=720, help="pixels; 1024 is full size")
    parser.add_argument("--family", help="only pages of this kind of document")
    options = parser.parse_args(arguments)
    with (options.output / f"pages-{options.split}.jsonl").open(encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    names = [record["image"] for record in records if options.family in (None, record["family"])]
    names = names[options.first : options.first + options.count]
    each = options.columns * 2
    for number, start in enumerate(range(0, len(names), each)):
        path = options.output / f"look-{options.split}-{number:02d}.png"
        cv2.imwrite(
            str(path), sheet(options.output, options.split, names[start : start + each], options.columns, options.side)
        )
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
