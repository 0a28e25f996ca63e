"""The training loss of YOLO-NAS-POSE: focal classification, complete IoU and object keypoint similarity (OKS)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from yolonas_plugin.nn.assign import Assignment, assign_by_alignment
from yolonas_plugin.nn.config import Size
from yolonas_plugin.nn.head import RawPredictions, decode_boxes
from yolonas_plugin.nn.iou import complete_iou
from yolonas_plugin.nn.loss import box_losses, check_targets, mean_over_processes
from yolonas_plugin.nn.pose_head import RawPosePredictions, decode_keypoints

OBJECT_SHARE: Final = 0.53
"""Part of its box that an object covers, where only the box is known (COCO's persons on average)."""

FOCAL_BALANCE: Final = 0.25
"""Weight of labelled keypoints in the focal loss; that of the others is 1 less this (Lin et al., 2017)."""


@dataclass(frozen=True, kw_only=True)
class PoseLossSettings:
    """Weights and choices of :class:`YoloNASPoseLoss`. The defaults are those of super-gradients' recipes for n and s.

    Attributes:
        box_weight: Weight of the complete IoU loss.
        cls_weight: Weight of the classification loss.
        dfl_weight: Weight of the distribution focal loss.
        keypoint_weight: Weight of 1 - OKS.
        visibility_weight: Weight of the loss of what is said of keypoints being labelled.
        focal_visibility: Whether that is a focal loss, or else plain binary cross-entropy.
        by_score: Whether cells count for the last two by their assigned score, or else all the same.
        by_keypoints: Whether cells are assigned by IoU times OKS, or else by IoU.
        count_unlabelled: Whether an object without a labelled keypoint counts for score and box; its keypoints, of
            which nothing is known, count for nothing. Otherwise it is as in super-gradients, where its OKS is 0: with
            ``by_keypoints`` no cell gets a score for it, so that an image of such objects teaches that there are none;
            without, all its keypoints are taught as not to be seen.
    """

    box_weight: float = 2.5
    cls_weight: float = 1.0
    dfl_weight: float = 0.01
    keypoint_weight: float = 34.0
    visibility_weight: float = 1.0
    focal_visibility: bool = True
    by_score: bool = True
    by_keypoints: bool = True
    count_unlabelled: bool = True


POSE_RECIPES: Final[Mapping[Size, PoseLossSettings]] = {
    "n": PoseLossSettings(),
    "s": PoseLossSettings(),
    "m": PoseLossSettings(dfl_weight=0.5, keypoint_weight=10.0),
    "l": PoseLossSettings(dfl_weight=0.5, keypoint_weight=10.0),
}
"""What super-gradients' recipes (``coco2017_yolo_nas_pose_*_train_params.yaml``) set for each size."""


class YoloNASPoseLoss(nn.Module):
    """Compares raw predictions with the objects in the images, as super-gradients' ``YoloNASPoseLoss`` does.

    What differs is an object without a labelled keypoint, see ``count_unlabelled``. Everything is computed in float32
    at least, whatever the precision of the network; across processes as in
    :class:`~yolonas_plugin.nn.loss.YoloNASLoss`.

    Args:
        sigmas: Of each keypoint, [K]: how far off, as a share of the object's size, it may be (COCO).
        settings: Weights and choices.
    """

    sigmas: Tensor

    def __init__(self, sigmas: Sequence[float], settings: PoseLossSettings = POSE_RECIPES["n"]) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("sigmas", torch.tensor(sigmas, dtype=torch.float32), persistent=False)

    def forward(
        self, raw: RawPosePredictions, boxes: Tensor, keypoints: Tensor, images: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a batch and its weighted parts, of which it is the sum.

        Args:
            raw: What the network predicts for B images.
            boxes: Boxes of all images, x1, y1, x2, y2 in pixels of the input, [T, 4]; T may be 0.
            keypoints: Keypoints of each box, x, y in pixels and whether it is labelled (more than 0), [T, K, 3]; x and
                y of those that aren't labelled don't matter, but must be finite.
            images: Index in the batch of each box's image, [T], int64, in any order.

        Returns:
            A scalar, and scalars ``box_loss``, ``cls_loss``, ``dfl_loss``, ``pose_loss`` and ``kobj_loss``, the loss of
            what is said of keypoints being labelled.

        Raises:
            ValueError: The shapes don't fit together, or an image is out of range.
        """
        labels = torch.zeros_like(images)
        check_targets(RawPredictions(*raw[:4]), boxes, labels, images)
        _check_keypoints(keypoints, len(boxes), len(self.sigmas), raw.keypoint_logits.shape[-1])
        settings = self.settings
        with torch.autocast(raw.logits.device.type, enabled=False):
            dtype = torch.promote_types(raw.logits.dtype, torch.float32)
            raw = RawPosePredictions(*(tensor.to(dtype) for tensor in raw))
            boxes, keypoints = boxes.to(dtype), keypoints.to(dtype)
            points = decode_keypoints(raw.points, raw.keypoint_offsets, raw.strides)  # [B, A, K, 2]
            assignment = self._assign(raw, points.detach(), boxes, keypoints, labels, images)
            total_score = mean_over_processes(assignment.scores.sum()).clamp(min=1)
            box, dfl = box_losses(RawPredictions(*raw[:4]), boxes, assignment, complete_iou)
            pose, visibility = self._keypoint_losses(raw, points, boxes, keypoints, assignment, total_score)
            parts = {
                "box_loss": settings.box_weight * box / total_score,
                "cls_loss": settings.cls_weight * quality_focal_loss(raw.logits, assignment) / total_score,
                "dfl_loss": settings.dfl_weight * dfl / total_score,
                "pose_loss": settings.keypoint_weight * pose,
                "kobj_loss": settings.visibility_weight * visibility,
            }
            return sum(parts.values(), start=torch.zeros_like(box)), parts

    @torch.no_grad()
    def _assign(
        self, raw: RawPosePredictions, points: Tensor, boxes: Tensor, keypoints: Tensor, labels: Tensor, images: Tensor
    ) -> Assignment:
        if not len(boxes):
            return Assignment(images, images, raw.logits.new_zeros(0))
        unlabelled = ~_is_labelled(keypoints).any(dim=1)  # [T]

        def likeness(box: Tensor, anchor: Tensor) -> Tensor:
            found = keypoint_similarity(points[images[box], anchor], keypoints[box], boxes[box], self.sigmas)
            if self.settings.count_unlabelled:
                found = found.masked_fill(unlabelled[box], 1)
            return found

        return assign_by_alignment(
            raw.logits,
            decode_boxes(raw.points, raw.distances, raw.strides),
            raw.points * raw.strides,
            boxes,
            labels,
            images,
            likeness if self.settings.by_keypoints else None,
        )

    def _keypoint_losses(
        self,
        raw: RawPosePredictions,
        points: Tensor,
        boxes: Tensor,
        keypoints: Tensor,
        assignment: Assignment,
        total_score: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Return the means over assigned cells of 1 - OKS, and of the loss of what is said of keypoints being labelled.

        By score, or the plain means, as the settings say.
        """
        expected = keypoints[assignment.boxes]  # [M, K, 3]
        labelled = _is_labelled(expected)  # [M, K]
        found = points.flatten(0, 1)[assignment.cells]  # [M, K, 2]
        logits = raw.keypoint_logits.flatten(0, 1)[assignment.cells]  # [M, K]
        similarity = keypoint_similarity(found, expected, boxes[assignment.boxes], self.sigmas)
        off = labelled.any(dim=1).to(similarity) - similarity  # [M]
        visibility = _visibility_loss(logits, labelled.to(logits), self.settings.focal_visibility).mean(dim=1)  # [M]

        known = labelled.any(dim=1) if self.settings.count_unlabelled else torch.ones_like(labelled[:, 0])
        weights = known * (assignment.scores if self.settings.by_score else 1)
        total = total_score if self.settings.by_score else weights.sum().clamp(min=1)
        return (off * weights).sum() / total, (visibility * weights).sum() / total


def keypoint_similarity(found: Tensor, expected: Tensor, boxes: Tensor, sigmas: Tensor) -> Tensor:
    """Return the object keypoint similarity as COCO defines it, of an object that covers its box as persons do.

    Args:
        found: x, y in pixels, [..., K, 2].
        expected: x, y in pixels and whether it is labelled (more than 0), [..., K, 3].
        boxes: x1, y1, x2, y2 of the expected objects in pixels, [..., 4].
        sigmas: Of each keypoint, [K].

    Returns:
        From 0 to 1, [...]; 0 where no keypoint is labelled.
    """
    labelled = _is_labelled(expected)
    distances = (found - expected[..., :2]).square().sum(dim=-1)  # [..., K]
    area = (boxes[..., 2:] - boxes[..., :2]).prod(dim=-1, keepdim=True) * OBJECT_SHARE  # [..., 1]
    near = torch.exp(-distances / (2 * sigmas).square() / (area + 1e-9) / 2)
    return (near * labelled).sum(dim=-1) / (labelled.sum(dim=-1) + 1e-9)


def quality_focal_loss(logits: Tensor, assignment: Assignment) -> Tensor:
    """Return the sum over all cells of binary cross-entropy towards the assigned scores, by the square of the error.

    Li et al., "Generalized Focal Loss", 2020.

    Args:
        logits: Scores of the objects before the sigmoid, [B, A, 1].
        assignment: Which cells answer for which objects.
    """
    logits = logits.flatten()
    background = logits.sigmoid().square() * functional.softplus(logits)
    chosen = logits[assignment.cells]
    error = (chosen.sigmoid() - assignment.scores).square()
    towards = functional.binary_cross_entropy_with_logits(chosen, assignment.scores, reduction="none") * error
    return background.sum() - background[assignment.cells].sum() + towards.sum()


def _visibility_loss(logits: Tensor, labelled: Tensor, focal: bool) -> Tensor:
    entropy = functional.binary_cross_entropy_with_logits(logits, labelled, reduction="none")
    if not focal:
        return entropy
    balance = FOCAL_BALANCE * labelled + (1 - FOCAL_BALANCE) * (1 - labelled)
    return balance * (logits.sigmoid() - labelled).square() * entropy


def _is_labelled(keypoints: Tensor) -> Tensor:
    return keypoints[..., 2] > 0


def _check_keypoints(keypoints: Tensor, count: int, *wanted: int) -> None:
    if any(keypoints.shape != (count, number, 3) for number in wanted):
        raise ValueError(
            f"keypoints have the shape {list(keypoints.shape)} for {count} boxes, {wanted[0]} sigmas and "
            f"{wanted[1]} predicted keypoints; it must be [T, K, 3]"
        )
