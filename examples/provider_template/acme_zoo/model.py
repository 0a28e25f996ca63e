"""A detector of red and blue things: each cell of a grid gets a class by its colour, connected cells make a box."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

GRID = 64
"""Cells on each side of the grid, to which images are scaled."""


@dataclass(frozen=True)
class Boxes:
    """Class indices [N], scores [N] from 0 to 1, and corners [N, 4]: x1, y1, x2, y2 in pixels of the image."""

    cls: np.ndarray
    conf: np.ndarray
    xyxy: np.ndarray


@dataclass(frozen=True)
class Result:
    """What is in one image. Hosts read these three attributes."""

    path: str
    names: dict[int, str]
    boxes: Boxes


class Model:
    """A linear layer on colours: ``weight`` [1 + classes, 3] and ``bias`` [1 + classes]; row 0 is background."""

    def __init__(self, names, weight, bias):
        self.names = dict(enumerate(names))
        self.weight = np.array(weight, dtype=float).reshape(1 + len(names), 3)
        self.bias = np.array(bias, dtype=float).reshape(1 + len(names))

    def detect(self, path, conf):
        """Return what scores ``conf`` or more in one image file."""
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file).convert("RGB")
        pixels = np.asarray(image.resize((GRID, GRID), Image.Resampling.BOX)) / 255  # [GRID, GRID, 3]
        logits = pixels @ self.weight.T + self.bias
        scores = np.exp(logits - logits.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)  # [GRID, GRID, 1 + classes]
        scale = np.array([image.width, image.height] * 2) / GRID
        rows = []
        for label in self.names:
            for cells in regions(scores.argmax(axis=-1) == label + 1):
                score = scores[cells[:, 0], cells[:, 1], label + 1].mean()
                top, left = cells.min(axis=0)
                bottom, right = cells.max(axis=0) + 1
                rows.append((label, score, *np.array([left, top, right, bottom]) * scale))
        table = np.array([row for row in rows if row[1] >= conf]).reshape(-1, 6)
        return Result(str(path), self.names, Boxes(table[:, 0], table[:, 1], table[:, 2:]))


def regions(mask):
    """Return the connected regions of a mask [H, W], each as the rows and columns of its cells [N, 2]."""
    left = {(int(row), int(column)) for row, column in np.argwhere(mask)}
    found = []
    while left:
        region, edge = [], [min(left)]
        left.remove(edge[0])
        while edge:
            row, column = edge.pop()
            region.append((row, column))
            near = {(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)} & left
            left -= near
            edge += near
        found.append(np.array(region))
    return found


def load(source, *, card=None):
    """Load a model: ``source`` is the name of ``card``, or the path of a file like ``acme_tiny.json``.

    Raises:
        FileNotFoundError: ``source`` is neither.
        ValueError: The file holds no weights.
    """
    built_in = card is not None and source == card.name
    path = Path(__file__).with_name(f"{card.name}.json") if built_in else Path(source)
    if not path.is_file():
        raise FileNotFoundError(f"{source!r} is neither a model of acme nor a file of weights")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return Model(record["names"], record["weight"], record["bias"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no weights for acme: {error!r}") from error


def make_predictor(model, **overrides):
    """Return ``(source, **overrides) -> list`` of results; ``conf`` is the lowest score that counts, 0.5 by default."""

    def predict(source, **more):
        conf = {"conf": 0.5, **overrides, **more}["conf"]
        if isinstance(source, (str, Path)):
            source = [source]
        if not isinstance(source, (list, tuple)):
            raise TypeError(f"expected the path of an image or a list of paths, not a {type(source).__name__}")
        return [model.detect(path, conf) for path in source]

    return predict


TASK_MAP = {"detect": {"predictor": make_predictor}}
