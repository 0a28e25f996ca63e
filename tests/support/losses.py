"""Predictions and boxes on which the loss is compared with super-gradients', made from formulas."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from yolonas_plugin.nn import RawPredictions
from yolonas_plugin.nn.head import REG_MAX, STRIDES, anchor_points


class Case(NamedTuple):
    """Predictions for some images, and the boxes in them.

    Attributes:
        raw: What a network might predict.
        targets: Image, class, centre x, y, width, height in pixels, [T, 6]: super-gradients' form.
        num_classes: Number of classes.
    """

    raw: RawPredictions
    targets: Tensor
    num_classes: int

    @property
    def ours(self) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes, labels and images, as our loss takes them; the corners rounded as super-gradients rounds them."""
        images, labels, centre, size = self.targets.split((1, 1, 2, 2), dim=1)
        low = centre - 0.5 * size
        return torch.cat((low, low + size), dim=1), labels.flatten().long(), images.flatten().long()


KINDS = {
    "no boxes": (3, (320, 320), 3),
    "some images without boxes": (3, (256, 416), 3),
    "one box": (2, (320, 320), 80),
    "a few boxes": (4, (320, 320), 80),
    "one class": (2, (224, 160), 1),
    "300 boxes": (2, (320, 320), 80),
    "crowd": (2, (256, 256), 3),
    "twins": (2, (192, 192), 3),
    "partly outside": (2, (256, 416), 3),
    "wholly outside": (2, (256, 256), 3),
    "no area": (2, (320, 320), 3),
    "larger than the image": (2, (128, 96), 3),
}
"""Images, height and width, and classes of each kind."""

PREDICTIONS = ("new", "trained")
"""A network at the start of training, which predicts much the same everywhere, and one that finds most boxes."""


ASSIGNERS = ("by alignment", "by place")


def compute(case: Case, loss: Callable[[Tensor, Tensor], tuple[Tensor, dict[str, Tensor]]]) -> np.ndarray:
    """Return numbers that tell a ``loss`` of logits and distances, and its gradients.

    Returns:
        The three parts; the length of each gradient; each gradient summed over images and cells.
    """
    logits, distances = (tensor.clone().requires_grad_() for tensor in case.raw[:2])
    total, parts = loss(logits, distances)
    total.backward()
    gradients = (logits.grad, distances.grad)
    numbers = [parts[name].reshape(1) for name in ("box_loss", "cls_loss", "dfl_loss")]
    numbers += [gradient.norm().reshape(1) for gradient in gradients]
    numbers += [gradient.sum(dim=(0, 1)) for gradient in gradients]
    return torch.cat(numbers).detach().numpy()


def case(kind: str, predictions: str) -> Case:
    batch, shape, num_classes = KINDS[kind]
    return make(kind, predictions, batch, shape, num_classes)


def make(kind: str, predictions: str, batch: int, shape: tuple[int, int], num_classes: int) -> Case:
    rng = np.random.RandomState(zlib.crc32(f"{kind} {predictions} {batch} {shape} {num_classes}".encode()))
    targets = torch.from_numpy(_targets(rng, kind, batch, shape, num_classes).astype(np.float32))
    points, strides = anchor_points(tuple(torch.zeros(1, 1, shape[0] // s, shape[1] // s) for s in STRIDES))
    logits = rng.normal(-4.6 if predictions == "new" else -3, 0.5, (batch, len(points), num_classes))
    distances = rng.normal(0, 0.5, (batch, len(points), 4, REG_MAX + 1))
    if predictions == "trained":
        _find(rng, targets.numpy(), points.numpy(), strides.numpy(), logits, distances)
    raw = (torch.from_numpy(array.astype(np.float32)) for array in (logits, distances.reshape(*logits.shape[:2], -1)))
    return Case(RawPredictions(*raw, points, strides), targets, num_classes)


def _targets(rng: np.random.RandomState, kind: str, batch: int, shape: tuple[int, int], classes: int) -> np.ndarray:
    height, width = shape
    sides = np.array((width, height))
    if kind == "no boxes":
        return np.zeros((0, 6))
    count = {"one box": 1, "300 boxes": 300 * batch, "twins": 40}.get(kind, 12 * batch)
    images = rng.randint(0, batch, count) if kind != "300 boxes" else np.arange(count) % batch
    centres = rng.uniform(0, 1, (count, 2)) * sides
    sizes = sides * np.exp(rng.uniform(np.log(0.02), np.log(0.9), (count, 2)))
    centres = np.clip(centres, sizes / 2, sides - sizes / 2)
    if kind == "some images without boxes":
        images = np.where(images == 1, 2, images)
    if kind == "crowd":
        centres = sides * 0.5 + rng.normal(0, 6, (count, 2))
        sizes = np.array((60, 80)) + rng.normal(0, 8, (count, 2))
    if kind == "twins":
        centres[1::2], sizes[1::2], images[1::2] = centres[::2], sizes[::2], images[::2]
    if kind == "partly outside":
        centres = np.where(rng.uniform(size=(count, 1)) < 0.5, np.round(centres / sides) * sides, centres)
    if kind == "wholly outside":
        centres[::2] = (centres + sides * rng.choice((-1, 1), (count, 2)))[::2]
        centres[0], sizes[0] = (-20, -20), (90, 90)  # a corner of it is inside, yet x1 + y1 + x2 + y2 < 0
    if kind == "no area":
        sizes[::2] = np.array([(0, 0), (0, 90), (90, 0), (0.01, 0.01), (1, 1), (3, 0.2)])[rng.randint(0, 6, count)][::2]
        centres[::4] = (np.floor(centres / 8) * 8 + 4)[::4]  # about the centre of a cell
    if kind == "larger than the image":
        sizes = sides * rng.uniform(1, 3, (count, 2))
    return np.column_stack((images, rng.randint(0, classes, count), centres, sizes))


def _find(
    rng: np.random.RandomState,
    targets: np.ndarray,
    points: np.ndarray,
    strides: np.ndarray,
    logits: np.ndarray,
    distances: np.ndarray,
) -> None:
    """Let cells inside boxes predict one of them, some better than others."""
    for image, label, x, y, width, height in targets:
        box = np.array((x - width / 2, y - height / 2, x + width / 2, y + height / 2)) / strides  # [A, 4]
        sides = np.hstack((points - box[:, :2], box[:, 2:] - points))
        found = np.flatnonzero((sides.min(axis=1) > 0) & (rng.uniform(size=len(points)) < 0.7))
        off = sides[found, :, None] * rng.uniform(0.8, 1.25, (len(found), 4, 1)) - np.arange(REG_MAX + 1)
        distances[int(image), found] = rng.normal(0, 0.2, off.shape) - np.minimum(off**2, 60)
        logits[int(image), found, int(label)] = rng.normal(0, 1.5, len(found))
