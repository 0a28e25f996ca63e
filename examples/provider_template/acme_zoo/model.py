"""A detector of red and blue things: each cell of a grid gets a class by its colour, connected cells make a box."""

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from acme_zoo.plugin import SETTINGS
from model_zoo_api import Detections
from model_zoo_api.errors import SourceError, WeightsNotFoundError
from model_zoo_api.settings import check_settings
from model_zoo_api.sources import outcomes

GRID = 64
"""Cells on each side of the grid, to which images are scaled."""


class Model:
    """A linear layer on colours: ``weight`` [1 + classes, 3] and ``bias`` [1 + classes]; row 0 is background."""

    def __init__(self, names, weight, bias):
        self.names = dict(enumerate(names))
        self.weight = np.array(weight, dtype=float).reshape(1 + len(names), 3)
        self.bias = np.array(bias, dtype=float).reshape(1 + len(names))

    def detect(self, source, conf):
        """Return what scores ``conf`` or more in one image: a path, or an array [height, width, 3] in BGR."""
        image = read(source)
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
                rows.append((*np.array([left, top, right, bottom]) * scale, score, label))
        rows = sorted((row for row in rows if row[4] >= conf), key=lambda row: -row[4])  # the best first
        table = np.array(rows).reshape(-1, 6)
        found = {"boxes": table[:, :4], "scores": table[:, 4], "labels": table[:, 5].astype(int)}
        return Detections(height=image.height, width=image.width, names=self.names, **found)


def read(source):
    """Return Pillow's image, RGB. What can't be read is a ``SourceError``, which becomes an outcome with ``error``."""
    if not isinstance(source, str):
        return Image.fromarray(np.ascontiguousarray(source[..., ::-1]))
    try:
        with Image.open(source, formats=["BMP", "JPEG", "PNG", "TIFF", "WEBP"]) as file:
            return ImageOps.exif_transpose(file).convert("RGB")
    except Exception as error:  # Pillow raises many kinds for damaged files
        raise SourceError(f"{source} can't be read: {error}") from error


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
        WeightsNotFoundError: ``source`` is neither.
        ValueError: The file holds no weights.
    """
    built_in = card is not None and source == card.name
    path = Path(__file__).with_name(f"{card.name}.json") if built_in else Path(source)
    if not path.is_file():
        raise WeightsNotFoundError(f"{source!r} is neither a model of acme nor a file of weights")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return Model(record["names"], record["weight"], record["bias"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no weights for acme: {error!r}") from error


def make_predictor(model, **overrides):
    """Return ``(source, **overrides) -> list`` of ``Detections``, one for each image; ``SETTINGS`` are its settings."""
    before = check_settings(overrides, SETTINGS, "the predictor of acme")

    def predict(source, **more):
        settings = {**DEFAULTS, **before, **check_settings(more, SETTINGS, "the predictor of acme")}
        return list(outcomes(source, lambda image: model.detect(image, settings["conf"])))

    return predict


DEFAULTS = {setting.name: setting.default for setting in SETTINGS}
TASK_MAP = {"detect": {"predictor": make_predictor}}
