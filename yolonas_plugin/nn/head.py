"""The heads: class scores and box distances for every cell of three feature maps, decoded to boxes in pixels."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from yolonas_plugin.nn.blocks import ConvSeq
from yolonas_plugin.nn.config import YoloNASConfig

STRIDES = (8, 16, 32)
"""Pixels of the input for one cell of each feature map."""

REG_MAX = 16
"""A distance is the mean of a distribution over 0, 1, ..., REG_MAX strides (distribution focal loss)."""

PRIOR = 0.01
"""Score of every class at the start of training (Lin et al., "Focal Loss", 2017)."""


class RawPredictions(NamedTuple):
    """What the heads say of A anchor points before decoding; the training loss works on it.

    Attributes:
        logits: Class scores before the sigmoid, [B, A, C].
        distances: Logits of the distribution of the distances to left, top, right, bottom, [B, A, 4 * (REG_MAX + 1)].
        points: Anchor points (cell centres) x, y in units of their stride, [A, 2], float32.
        strides: Stride of each anchor point in pixels, [A, 1], float32.
    """

    logits: Tensor
    distances: Tensor
    points: Tensor
    strides: Tensor


class Head(nn.Module):
    """Separate class and box branches on one feature map."""

    PREDICTIONS: ClassVar = ("cls_pred", "reg_pred")

    def __init__(self, in_channels: int, channels: int, num_classes: int, config: YoloNASConfig) -> None:
        super().__init__()
        self.cls_dropout_rate = config.cls_dropout_rate
        self.reg_dropout_rate = config.reg_dropout_rate
        self.stem = ConvSeq(in_channels, channels, 1)
        self.cls_convs = nn.Sequential(ConvSeq(channels, channels, 3))
        self.reg_convs = nn.Sequential(ConvSeq(channels, channels, 3))
        self.cls_pred = nn.Conv2d(channels, num_classes, 1)
        self.reg_pred = nn.Conv2d(channels, 4 * (REG_MAX + 1), 1)
        prior_bias(self.cls_pred)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map [B, C_in, H, W] to class logits [B, C, H, W] and distance logits [B, 4 * (REG_MAX + 1), H, W]."""
        x = self.stem(x)
        classes, boxes = self.cls_convs(x), self.reg_convs(x)
        if self.training and self.cls_dropout_rate:
            classes = functional.dropout2d(classes, self.cls_dropout_rate)
        if self.training and self.reg_dropout_rate:
            boxes = functional.dropout2d(boxes, self.reg_dropout_rate)
        return self.cls_pred(classes), self.reg_pred(boxes)


class Heads(nn.Module):
    """One head for each of the strides 8, 16 and 32."""

    def __init__(self, config: YoloNASConfig, num_classes: int, num_keypoints: int = 0) -> None:
        super().__init__()
        if num_keypoints:
            raise ValueError(f"num_keypoints={num_keypoints}: a network for detection has none")
        p3, p4, p5 = (config.neck[i].channels for i in (1, 2, 3))
        self.head1 = Head(p3, config.head_channels[0], num_classes, config)
        self.head2 = Head(p4, config.head_channels[1], num_classes, config)
        self.head3 = Head(p5, config.head_channels[2], num_classes, config)

    def forward(self, p3: Tensor, p4: Tensor, p5: Tensor) -> RawPredictions:
        """Predict for every cell of the neck's feature maps, all cells of p3 first, row by row."""
        maps = (p3, p4, p5)
        logits, distances = zip(
            *(head(x) for head, x in zip((self.head1, self.head2, self.head3), maps, strict=True)), strict=True
        )
        points, strides = anchor_points(maps)
        return RawPredictions(line_up_cells(logits), line_up_cells(distances), points, strides)

    @staticmethod
    def decode(raw: RawPredictions) -> tuple[Tensor, Tensor]:
        """Turn raw predictions into boxes x1, y1, x2, y2 in pixels [B, A, 4] and scores from 0 to 1 [B, A, C].

        In float32 at least, whatever the network computes in.
        """
        dtype = torch.promote_types(raw.distances.dtype, torch.float32)
        boxes = decode_boxes(raw.points.to(dtype), raw.distances.to(dtype), raw.strides.to(dtype))
        return boxes, raw.logits.to(dtype).sigmoid()


def prior_bias(prediction: nn.Conv2d) -> None:
    """Let scores start at :data:`PRIOR`."""
    assert prediction.bias is not None
    nn.init.constant_(prediction.bias, -math.log((1 - PRIOR) / PRIOR))


def decode_boxes(points: Tensor, distances: Tensor, strides: Tensor) -> Tensor:
    """Return boxes x1, y1, x2, y2 in pixels [..., 4]; the arguments are those of :class:`RawPredictions`."""
    return boxes_about(points, distances) * strides


def boxes_about(points: Tensor, distances: Tensor) -> Tensor:
    """Return boxes x1, y1, x2, y2 [..., 4] about ``points`` [..., 2], in the points' unit.

    Args:
        points: x, y in strides, [..., 2].
        distances: Logits of the distribution of the distances to left, top, right, bottom, [..., 4 * (REG_MAX + 1)].
    """
    distribution = distances.unflatten(-1, (4, REG_MAX + 1)).softmax(dim=-1)  # [..., 4, bins]
    bins = torch.arange(REG_MAX + 1, dtype=distribution.dtype, device=distribution.device)
    left_top, right_bottom = (distribution @ bins[:, None]).squeeze(-1).split(2, dim=-1)  # in strides
    return torch.cat((points - left_top, points + right_bottom), dim=-1)


def anchor_points(maps: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Return the centres of all cells in units of their stride [A, 2], and their strides in pixels [A, 1].

    In float32 whatever the maps are: bfloat16 has no 128.5.
    """
    points, strides = [], []
    for x, stride in zip(maps, STRIDES, strict=True):
        height, width = x.shape[-2:]
        rows = torch.arange(height, device=x.device, dtype=torch.float32) + 0.5
        columns = torch.arange(width, device=x.device, dtype=torch.float32) + 0.5
        y, x_ = torch.meshgrid(rows, columns, indexing="ij")
        points.append(torch.stack((x_, y), dim=-1).reshape(-1, 2))
        strides.append(torch.full_like(points[-1][:, :1], stride))
    return torch.cat(points), torch.cat(strides)


def line_up_cells(maps: tuple[Tensor, ...]) -> Tensor:
    """Line up the cells of maps [B, C, H_i, W_i] as [B, A, C]."""
    return torch.cat([x.flatten(2).transpose(1, 2) for x in maps], dim=1)
