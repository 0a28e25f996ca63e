"""The heads of YOLO-NAS-POSE: one class of objects, their boxes, and the keypoints of each."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from yolonas_plugin.nn.blocks import ConvSeq
from yolonas_plugin.nn.config import YoloNASConfig
from yolonas_plugin.nn.head import REG_MAX, anchor_points, decode_boxes, line_up_cells, prior_bias

CELL_OFFSET = 0.5
"""A cell's keypoints are told from its top left corner, this many strides from its centre, from which boxes are."""


class RawPosePredictions(NamedTuple):
    """What the heads say of A anchor points before decoding; the training loss works on it.

    Attributes:
        logits: Scores of the objects before the sigmoid, [B, A, 1].
        distances: Logits of the distribution of the distances to left, top, right, bottom, [B, A, 4 * (REG_MAX + 1)].
        points: Anchor points (cell centres) x, y in units of their stride, [A, 2], float32.
        strides: Stride of each anchor point in pixels, [A, 1], float32.
        keypoint_offsets: x, y of K keypoints from the cell's top left corner in units of its stride, [B, A, K, 2].
        keypoint_logits: Probability that each keypoint is labelled, before the sigmoid, [B, A, K].
    """

    logits: Tensor
    distances: Tensor
    points: Tensor
    strides: Tensor
    keypoint_offsets: Tensor
    keypoint_logits: Tensor


class PoseHead(nn.Module):
    """Separate branches for score, box and keypoints on one feature map; the score's tells the keypoints' as well."""

    PREDICTIONS: ClassVar = ("cls_pred", "reg_pred", "pose_pred")

    def __init__(
        self,
        in_channels: int,
        channels: int,
        pose_channels: int,
        blocks: int,
        num_keypoints: int,
        config: YoloNASConfig,
    ) -> None:
        super().__init__()
        self.cls_dropout_rate = config.cls_dropout_rate
        self.reg_dropout_rate = config.reg_dropout_rate
        self.pose_stem = ConvSeq(in_channels, pose_channels, 1)
        self.bbox_stem = ConvSeq(in_channels, channels, 1)
        self.cls_convs = nn.Sequential(ConvSeq(channels, channels, 3))
        self.reg_convs = nn.Sequential(ConvSeq(channels, channels, 3))
        self.pose_convs = nn.Sequential(*(ConvSeq(pose_channels, pose_channels, 3) for _ in range(blocks)))
        self.reg_pred = nn.Conv2d(channels, 4 * (REG_MAX + 1), 1)
        self.cls_pred = nn.Conv2d(channels, 1 + num_keypoints, 1)
        self.pose_pred = nn.Conv2d(pose_channels, 2 * num_keypoints, 1)
        prior_bias(self.cls_pred)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map [B, C_in, H, W] to logits, distance logits and offsets.

        Returns:
            [B, 1 + K, H, W], the object's before those of its keypoints; [B, 4 * (REG_MAX + 1), H, W];
            [B, 2 * K, H, W], x and y of each keypoint.
        """
        box_features, pose_features = self.bbox_stem(x), self.pose_convs(self.pose_stem(x))
        classes, boxes = self.cls_convs(box_features), self.reg_convs(box_features)
        if self.training and self.cls_dropout_rate:
            classes = functional.dropout2d(classes, self.cls_dropout_rate)
        if self.training and self.reg_dropout_rate:
            boxes = functional.dropout2d(boxes, self.reg_dropout_rate)
            pose_features = functional.dropout2d(pose_features, self.reg_dropout_rate)
        return self.cls_pred(classes), self.reg_pred(boxes), self.pose_pred(pose_features)


class PoseHeads(nn.Module):
    """One head for each of the strides 8, 16 and 32."""

    def __init__(self, config: YoloNASConfig, num_classes: int, num_keypoints: int) -> None:
        super().__init__()
        if num_classes != 1 or num_keypoints < 1:
            raise ValueError(
                f"num_classes={num_classes} and num_keypoints={num_keypoints}: a network for poses finds objects of 1 "
                "class, which have at least 1 keypoint"
            )
        self.num_keypoints = num_keypoints
        p3, p4, p5 = (config.neck[i].channels for i in (1, 2, 3))
        widths = zip((p3, p4, p5), config.head_channels, config.pose_channels, config.pose_blocks, strict=True)
        self.head1, self.head2, self.head3 = (PoseHead(*width, num_keypoints, config) for width in widths)

    def forward(self, p3: Tensor, p4: Tensor, p5: Tensor) -> RawPosePredictions:
        """Predict for every cell of the neck's feature maps, all cells of p3 first, row by row."""
        found = (self.head1(p3), self.head2(p4), self.head3(p5))
        logits, distances, offsets = (line_up_cells(maps) for maps in zip(*found, strict=True))
        points, strides = anchor_points((p3, p4, p5))
        return RawPosePredictions(
            logits[..., :1], distances, points, strides, offsets.unflatten(-1, (self.num_keypoints, 2)), logits[..., 1:]
        )

    @staticmethod
    def decode(raw: RawPosePredictions) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Turn raw predictions into boxes, scores, keypoints and their scores.

        In float32 at least, whatever the network computes in.

        Returns:
            Boxes x1, y1, x2, y2 in pixels [B, A, 4], scores from 0 to 1 [B, A, 1], keypoints x, y in pixels
            [B, A, K, 2], and scores of these from 0 to 1 [B, A, K].
        """
        dtype = torch.promote_types(raw.distances.dtype, torch.float32)
        boxes = decode_boxes(raw.points.to(dtype), raw.distances.to(dtype), raw.strides.to(dtype))
        keypoints = decode_keypoints(raw.points.to(dtype), raw.keypoint_offsets.to(dtype), raw.strides.to(dtype))
        return boxes, raw.logits.to(dtype).sigmoid(), keypoints, raw.keypoint_logits.to(dtype).sigmoid()


def decode_keypoints(points: Tensor, offsets: Tensor, strides: Tensor) -> Tensor:
    """Return keypoints x, y in pixels [..., A, K, 2].

    Args:
        points: Cell centres x, y in strides, [A, 2].
        offsets: Of the keypoints from the cells' top left corners, in strides, [..., A, K, 2].
        strides: In pixels, [A, 1].
    """
    return (offsets + (points - CELL_OFFSET)[:, None]) * strides[:, None]
