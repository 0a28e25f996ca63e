"""How much boxes overlap."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def iou(first: Tensor, second: Tensor) -> Tensor:
    """Return intersection over union of boxes x1, y1, x2, y2: [..., 4] and [..., 4], which broadcast, to [...]."""
    intersection, union = _shared(*_corners(first), *_corners(second))
    return intersection / (union + 1e-9)


def generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    """Return the IoU less the empty share of the smallest box around both, so that it tells how far apart boxes are.

    Rezatofighi et al., "Generalized Intersection over Union", 2019.

    Args:
        first: Boxes x1, y1, x2, y2, [..., 4].
        second: As many, [..., 4].
    """
    low, high = _corners(first)
    other_low, other_high = _corners(second)
    intersection, union = _shared(low, high, other_low, other_high)
    union = union + 1e-10
    around = _area(torch.minimum(low, other_low), torch.maximum(high, other_high)) + 1e-10
    return intersection / union - (around - union) / around


def complete_iou(first: Tensor, second: Tensor) -> Tensor:
    """Return the IoU less what the boxes' centres and proportions differ by; the weight of the latter has no gradient.

    Zheng et al., "Distance-IoU Loss", 2020.

    Args:
        first: Boxes x1, y1, x2, y2, [..., 4].
        second: As many, [..., 4].
    """
    low, high = _corners(first)
    other_low, other_high = _corners(second)
    intersection, union = _shared(low, high, other_low, other_high)
    overlap = intersection / (union + 1e-10)
    diagonal = (torch.maximum(high, other_high) - torch.minimum(low, other_low)).square().sum(dim=-1) + 1e-10
    between = ((low + high - other_low - other_high) / 2).square().sum(dim=-1)
    angle, other_angle = torch.atan2(*(high - low).unbind(-1)), torch.atan2(*(other_high - other_low).unbind(-1))
    turned = (angle - other_angle).square() * 4 / math.pi**2
    with torch.no_grad():
        weight = turned / (1 - overlap + turned).clamp(min=1e-10)
    return overlap - between / diagonal - turned * weight


def _shared(low: Tensor, high: Tensor, other_low: Tensor, other_high: Tensor) -> tuple[Tensor, Tensor]:
    """Return the areas of the intersection and the union of boxes, by their corners [..., 2]."""
    intersection = _area(torch.maximum(low, other_low), torch.minimum(high, other_high))
    return intersection, _area(low, high) + _area(other_low, other_high) - intersection


def _corners(boxes: Tensor) -> tuple[Tensor, Tensor]:
    low, high = boxes.split(2, dim=-1)
    return low, high


def _area(low: Tensor, high: Tensor) -> Tensor:
    width, height = (high - low).clamp(min=0).unbind(-1)
    return width * height
