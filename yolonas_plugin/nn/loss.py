"""The training loss of YOLO-NAS: varifocal classification, generalised IoU and distribution focal loss."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from yolonas_plugin.nn.assign import Assignment, assign_by_alignment, assign_by_place
from yolonas_plugin.nn.head import REG_MAX, RawPredictions, boxes_about
from yolonas_plugin.nn.iou import generalised_iou

BACKGROUND_WEIGHT = 0.75
"""Weight of what should score 0, times the square of what it scores (Zhang et al., "VarifocalNet", 2021)."""


class YoloNASLoss(nn.Module):
    """Compares raw predictions with the boxes that are in the images, as super-gradients' ``PPYoloELoss`` does.

    The defaults are those of its recipes for YOLO-NAS (``coco2017_yolo_nas_train_params.yaml``). Everything is computed
    in float32 at least, whatever the precision of the network. Across the processes of ``torch.distributed`` the losses
    are divided by the mean of the processes' score sums, so that averaged gradients equal those of one large batch.

    Args:
        static_assigner: Assign cells by place and size instead of by what is predicted, which is steadier in the first
            epochs of some trainings. May be changed between two batches.
        box_weight: Weight of the generalised IoU loss.
        cls_weight: Weight of the classification loss.
        dfl_weight: Weight of the distribution focal loss.
    """

    def __init__(
        self,
        static_assigner: bool = False,
        box_weight: float = 2.5,
        cls_weight: float = 1.0,
        dfl_weight: float = 0.5,
    ) -> None:
        super().__init__()
        self.static_assigner = static_assigner
        self.box_weight = box_weight
        self.cls_weight = cls_weight
        self.dfl_weight = dfl_weight

    def forward(
        self, raw: RawPredictions, boxes: Tensor, labels: Tensor, images: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a batch and its weighted parts, of which it is the sum.

        Args:
            raw: What the network predicts for B images.
            boxes: Boxes of all images, x1, y1, x2, y2 in pixels of the input, [T, 4]; T may be 0.
            labels: Class of each box, [T], int64.
            images: Index in the batch of each box's image, [T], int64, in any order.

        Returns:
            A scalar, and scalars ``box_loss``, ``cls_loss`` and ``dfl_loss``.

        Raises:
            ValueError: The shapes don't fit together, or a label or an image is out of range.
        """
        check_targets(raw, boxes, labels, images)
        with torch.autocast(raw.logits.device.type, enabled=False):
            dtype = torch.promote_types(raw.logits.dtype, torch.float32)
            raw = RawPredictions(*(tensor.to(dtype) for tensor in raw))
            boxes = boxes.to(dtype)
            assignment = self._assign(raw, boxes, labels, images)
            box, dfl = box_losses(raw, boxes, assignment)
            total_score = mean_over_processes(assignment.scores.sum()).clamp(min=1)
            parts = {
                "box_loss": self.box_weight * box / total_score,
                "cls_loss": self.cls_weight * varifocal_loss(raw.logits, labels, assignment) / total_score,
                "dfl_loss": self.dfl_weight * dfl / total_score,
            }
            return sum(parts.values(), start=torch.zeros_like(box)), parts

    @torch.no_grad()
    def _assign(self, raw: RawPredictions, boxes: Tensor, labels: Tensor, images: Tensor) -> Assignment:
        if not len(boxes):
            return Assignment(images, images, raw.logits.new_zeros(0))
        predicted = boxes_about(raw.points, raw.distances) * raw.strides
        points = raw.points * raw.strides
        if self.static_assigner:
            return assign_by_place(predicted, points, raw.strides, boxes, images)
        return assign_by_alignment(raw.logits, predicted, points, boxes, labels, images)


def varifocal_loss(logits: Tensor, labels: Tensor, assignment: Assignment) -> Tensor:
    """Return the sum over all cells and classes of binary cross-entropy towards the assigned scores.

    What should score more than nothing is weighted by that score, all else by the square of its own.

    Args:
        logits: Class scores before the sigmoid, [B, A, C].
        labels: Class of each box, [T].
        assignment: Which cells answer for which boxes.
    """
    background = BACKGROUND_WEIGHT * logits.sigmoid().square() * functional.softplus(logits)  # [B, A, C]
    place = (assignment.cells, labels[assignment.boxes])
    towards = functional.binary_cross_entropy_with_logits(
        logits.flatten(0, 1)[place], assignment.scores, weight=assignment.scores, reduction="sum"
    )
    return background.sum() - background.flatten(0, 1)[place].sum() + towards


def box_losses(
    raw: RawPredictions,
    boxes: Tensor,
    assignment: Assignment,
    overlap: Callable[[Tensor, Tensor], Tensor] = generalised_iou,
) -> tuple[Tensor, Tensor]:
    """Return the sums over assigned cells of the IoU loss and the distribution focal loss, by score.

    Args:
        raw: What the network predicts.
        boxes: x1, y1, x2, y2 in pixels, [T, 4].
        assignment: Which cells answer for which boxes.
        overlap: Tells how much boxes [M, 4] overlap as many others, [M]: 1 at most.
    """
    anchors = assignment.cells % len(raw.points)
    points, strides = raw.points[anchors], raw.strides[anchors]
    distances = raw.distances.flatten(0, 1)[assignment.cells]  # [M, 4 * bins]
    expected = boxes[assignment.boxes] / strides

    box_loss = ((1 - overlap(boxes_about(points, distances), expected)) * assignment.scores).sum()

    # the two bins beside the true distance should share the probability, the nearer one more of it
    sides = torch.cat((points - expected[:, :2], expected[:, 2:] - points), dim=1).clamp(0, REG_MAX - 0.01)  # [M, 4]
    left = sides.long()
    share = torch.stack((left + 1 - sides, sides - left), dim=-1)  # [M, 4, 2]
    log_probabilities = distances.unflatten(-1, (4, REG_MAX + 1)).log_softmax(dim=-1)
    entropy = -(log_probabilities.gather(-1, torch.stack((left, left + 1), dim=-1)) * share).sum(dim=-1).mean(dim=-1)
    return box_loss, (entropy * assignment.scores).sum()


def mean_over_processes(value: Tensor) -> Tensor:
    """Return the mean of a value over the processes of ``torch.distributed``, the value itself without any."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        value = value.clone()
        torch.distributed.all_reduce(value)
        value /= torch.distributed.get_world_size()
    return value


def check_targets(raw: RawPredictions, boxes: Tensor, labels: Tensor, images: Tensor) -> None:
    """See that boxes [T, 4], labels [T] and images [T] fit the predictions.

    Raises:
        ValueError: They don't.
    """
    count = len(boxes)
    if (boxes.shape, labels.shape, images.shape) != ((count, 4), (count,), (count,)):
        shapes = ", ".join(str(list(tensor.shape)) for tensor in (boxes, labels, images))
        raise ValueError(f"boxes, labels and images have the shapes {shapes}; they must be [T, 4], [T], [T]")
    batch, _, num_classes = raw.logits.shape
    for name, indices, limit in (("label", labels, num_classes), ("image", images, batch)):
        if count and not 0 <= int(indices.min()) <= int(indices.max()) < limit:
            low, high = int(indices.min()), int(indices.max())
            raise ValueError(f"{name}s of the boxes go from {low} to {high}; they must be in 0 ... {limit - 1}")
