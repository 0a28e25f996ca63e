"""Predictions and persons on which the loss of poses is compared with super-gradients', made from formulas."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tests.support import losses
from yolonas_plugin.nn.pose_head import RawPosePredictions
from yolonas_plugin.nn.pose_loss import POSE_RECIPES, PoseLossSettings

PARTS = ("box_loss", "cls_loss", "dfl_loss", "pose_loss", "kobj_loss")

LIBRARY = PoseLossSettings(
    dfl_weight=0.5, keypoint_weight=1.0, focal_visibility=False, by_score=False, by_keypoints=False
)
"""What super-gradients' loss does unless a recipe says otherwise."""

SETTINGS = {"recipe of n and s": POSE_RECIPES["s"], "recipe of m and l": POSE_RECIPES["m"], "library": LIBRARY}

KINDS = {
    "no boxes": (3, (160, 160), 17),
    "some images without boxes": (3, (128, 224), 17),
    "one box": (2, (160, 160), 17),
    "a few boxes": (4, (160, 160), 17),
    "one keypoint": (2, (160, 128), 1),
    "crowd": (2, (160, 160), 5),
    "twins": (2, (96, 96), 17),
    "partly outside": (2, (128, 224), 3),
    "300 boxes": (1, (160, 160), 17),
    "larger than the image": (2, (128, 96), 17),
}
"""Images, height and width, and keypoints of each kind; the names are those of ``losses``."""

UNLABELLED = {"no keypoint labelled": 1.0, "some persons without keypoints": 0.4}
"""Kinds of which so large a part of the persons has no labelled keypoint; otherwise as "a few boxes"."""


class Case(NamedTuple):
    """Predictions for some images, and the persons in them.

    Attributes:
        raw: What a network might predict.
        boxes: x1, y1, x2, y2 in pixels, [T, 4].
        keypoints: x, y in pixels and visibility 0, 1 or 2, [T, K, 3].
        images: Image of each, [T].
    """

    raw: RawPosePredictions
    boxes: Tensor
    keypoints: Tensor
    images: Tensor

    @property
    def ours(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.boxes, self.keypoints, self.images


def sigmas(num_keypoints: int) -> tuple[float, ...]:
    return tuple(float(sigma) for sigma in np.linspace(0.025, 0.107, num_keypoints).round(3))


def case(kind: str, predictions: str) -> Case:
    batch, shape, num_keypoints = KINDS.get(kind, KINDS["a few boxes"])
    plain = losses.make("a few boxes" if kind in (*UNLABELLED, "one keypoint") else kind, predictions, batch, shape, 1)
    rng = np.random.RandomState(zlib.crc32(f"{kind} {predictions}".encode()))
    boxes, _, images = plain.ours
    count = len(boxes)
    low, size = boxes[:, None, :2].numpy(), (boxes[:, None, 2:] - boxes[:, None, :2]).numpy()
    places = low + size * rng.uniform(-0.1, 1.1, (count, num_keypoints, 2))  # [T, K, 2]
    labelled = rng.choice(3, (count, num_keypoints), p=(0.3, 0.2, 0.5))
    labelled[:, 0] = np.maximum(labelled[:, 0], 1)
    labelled[rng.uniform(size=count) < UNLABELLED.get(kind, 0.0)] = 0
    keypoints = np.dstack((places * (labelled[..., None] > 0), labelled)).astype(np.float32)

    points, strides = plain.raw.points.numpy(), plain.raw.strides.numpy()
    offsets = rng.normal(0, 1, (batch, len(points), num_keypoints, 2))
    if predictions == "trained":
        for box, person, image in zip(boxes.numpy(), keypoints, images.numpy(), strict=True):
            inside = np.flatnonzero(np.all((points * strides > box[:2]) & (points * strides < box[2:]), axis=1))
            error = rng.normal(0, 0.05, (len(inside), num_keypoints, 2)) * (box[2:] - box[:2]).max()
            near = (person[:, :2] + error) / strides[inside, None] - points[inside, None] + 0.5
            offsets[image, inside] = np.where(rng.uniform(size=(len(inside), 1, 1)) < 0.8, near, offsets[image, inside])
    logits = rng.normal(-2 if predictions == "new" else 0, 1, (batch, len(points), num_keypoints))
    raw = RawPosePredictions(*plain.raw, *(torch.from_numpy(array.astype(np.float32)) for array in (offsets, logits)))
    return Case(raw, boxes, torch.from_numpy(keypoints), images)


def leaves(raw: RawPosePredictions) -> RawPosePredictions:
    """Return the predictions as tensors that get gradients; places and strides as they are."""
    fixed = {"points": raw.points, "strides": raw.strides}
    return RawPosePredictions(*(tensor.clone().requires_grad_() for tensor in raw))._replace(**fixed)


def predicted(raw: RawPosePredictions) -> tuple[Tensor, ...]:
    return raw.logits, raw.distances, raw.keypoint_offsets, raw.keypoint_logits


def compute(
    case: Case, loss: Callable[[RawPosePredictions], tuple[Tensor, dict[str, Tensor]]]
) -> tuple[np.ndarray, list[Tensor]]:
    """Return the parts of a ``loss`` and the lengths of its gradients, 5 + 4 numbers; and the gradients."""
    raw = leaves(case.raw)
    total, parts = loss(raw)
    gradients = list(torch.autograd.grad(total, predicted(raw), allow_unused=True, materialize_grads=True))
    numbers = [parts[name].detach() for name in PARTS] + [gradient.norm() for gradient in gradients]
    return torch.stack([number.reshape(()) for number in numbers]).detach().numpy(), gradients
