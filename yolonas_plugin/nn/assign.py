"""Which cell answers for which box during training: task-aligned assignment, and a static one for the first epochs.

Cells of a batch are numbered image by image, ``image * A + anchor``. Boxes of all images lie in one list, so that an
image with few boxes costs nothing for another's many; what depends on predictions is computed for the pairs of a box
and a cell inside it only. Rules and figures are those of super-gradients 3.7.1 (``training/losses/ppyolo_loss.py``),
with two of its oddities:

- a box whose x1 + y1 + x2 + y2 is not positive, which lies mostly beyond the top left corner, is taken for padding and
  chooses no cell;
- a cell that several boxes choose goes to the box of its image that overlaps it most, be that one of them or not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from yolonas_plugin.nn.iou import iou

TOP_K = 13
"""Cells that a box chooses by alignment."""

OVERLAP_POWER = 6.0
"""Alignment is score * IoU ** 6 (Feng et al., "TOOD", 2021)."""

STATIC_TOP_K = 9
"""Cells of each stride that the static assignment considers for a box (Zhang et al., "ATSS", 2020)."""

STATIC_CELL = 5.0
"""Side in strides of the square that stands for a cell in the static assignment."""


class Assignment(NamedTuple):
    """The cells that answer for a box, in ascending order; all others are background.

    Attributes:
        cells: Their numbers in the batch, [M].
        boxes: Which box each answers for, [M].
        scores: The score from 0 to 1 that each should give to its box's class, [M].
    """

    cells: Tensor
    boxes: Tensor
    scores: Tensor


Likeness: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Tells of boxes and of anchors, by their indices, how much a box is like what its image's anchor predicts, 0 to 1."""


@torch.no_grad()
def assign_by_alignment(
    logits: Tensor,
    predicted: Tensor,
    points: Tensor,
    boxes: Tensor,
    labels: Tensor,
    images: Tensor,
    likeness: Likeness | None = None,
) -> Assignment:
    """Let each box choose the cells inside it whose predictions suit it best, by score and overlap together.

    Args:
        logits: Class scores before the sigmoid, [B, A, C].
        predicted: Predicted boxes x1, y1, x2, y2 in pixels, [B, A, 4].
        points: Centres of the cells in pixels, [A, 2].
        boxes: x1, y1, x2, y2 in pixels, [T, 4].
        labels: Class of each box, [T].
        images: Image of each box, [T].
        likeness: Another factor of the overlap, of the keypoints say; None for none.
    """

    def overlaps(box: Tensor, anchor: Tensor) -> Tensor:
        overlap = iou(boxes[box], predicted[images[box], anchor])
        return overlap if likeness is None else overlap * likeness(box, anchor)

    def align(anchor: Tensor, box: Tensor) -> tuple[Tensor, Tensor]:
        overlap = overlaps(box, anchor)
        return overlap, logits[images[box], anchor, labels[box]].sigmoid() * overlap.pow(OVERLAP_POWER)

    inside = _inside(points, boxes)  # [T, A]
    box, anchor = inside.nonzero(as_tuple=True)
    alignments = predicted.new_zeros(inside.shape)
    alignments[box, anchor] = align(anchor, box)[1]
    best = alignments.topk(TOP_K).indices  # [T, TOP_K]

    cells, owners = _settle(best, inside.gather(1, best), overlaps, images, logits.shape[:2])
    overlap, alignment = align(cells % len(points), owners)
    # the best aligned cell of a box should score as much as the box's best overlap, the others in proportion
    scale = _greatest(overlap, owners, len(boxes)) / (_greatest(alignment, owners, len(boxes)) + 1e-9)
    return Assignment(cells, owners, alignment * scale[owners])


@torch.no_grad()
def assign_by_place(predicted: Tensor, points: Tensor, strides: Tensor, boxes: Tensor, images: Tensor) -> Assignment:
    """Let each box choose cells by place and size alone; the predictions only say how well they did.

    Of the nearest cells of each stride a box chooses those that overlap it by more than mean plus standard deviation.

    Args:
        predicted: Predicted boxes x1, y1, x2, y2 in pixels, [B, A, 4].
        points: Centres of the cells in pixels, [A, 2].
        strides: Stride of each cell in pixels, [A, 1], those of a stride together.
        boxes: x1, y1, x2, y2 in pixels, [T, 4].
        images: Image of each box, [T].
    """
    half = strides * STATIC_CELL / 2
    squares = torch.cat((points - half, points + half), dim=1)  # [A, 4]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    nearest, first = [], 0
    for level in points.split(strides.flatten().unique_consecutive(return_counts=True)[1].tolist()):
        distances = torch.linalg.vector_norm(centres[:, None] - level, dim=-1)
        nearest.append(distances.topk(min(STATIC_TOP_K, len(level)), largest=False).indices + first)
        first += len(level)
    candidates = torch.cat(nearest, dim=1)  # [T, 3 * STATIC_TOP_K]

    overlap = iou(boxes[:, None], squares[candidates])
    deviation, mean = torch.std_mean(overlap, dim=1, keepdim=True)
    chosen = (overlap > mean + deviation) & _inside(points, boxes).gather(1, candidates)

    def overlaps(box: Tensor, anchor: Tensor) -> Tensor:
        return iou(boxes[box], squares[anchor])

    cells, owners = _settle(candidates, chosen, overlaps, images, predicted.shape[:2])
    return Assignment(cells, owners, iou(boxes[owners], predicted.flatten(0, 1)[cells]))


def _inside(points: Tensor, boxes: Tensor) -> Tensor:
    """Return which points lie inside which boxes, [T, A]; none inside what super-gradients takes for padding."""
    x, y = points.unbind(1)
    x1, y1, x2, y2 = boxes[:, :, None].unbind(1)
    inside = x > x1
    inside &= x < x2
    inside &= y > y1
    inside &= y < y2
    inside &= boxes.sum(dim=1, keepdim=True) > 0
    return inside


def _settle(
    candidates: Tensor, chosen: Tensor, overlaps: Likeness, images: Tensor, shape: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Give each chosen cell to one box.

    Args:
        candidates: Anchors that each box may choose, [T, K].
        chosen: Which of them it does choose, [T, K].
        overlaps: How much a box overlaps a cell that several boxes want.
        images: Image of each box, [T].
        shape: Number of images and of anchors, B and A.

    Returns:
        The cells [M], ascending, and the box of each [M].
    """
    batch, num_anchors = shape
    box = chosen.nonzero(as_tuple=True)[0]
    cell = images[box] * num_anchors + candidates[chosen]
    owners = images.new_full((batch * num_anchors,), -1)
    owners[cell] = box
    contested = (cell.bincount(minlength=len(owners)) > 1).nonzero().flatten()
    if len(contested):
        image, anchor = contested // num_anchors, contested % num_anchors
        rivals = _members(images, batch)[image]  # [contested, N]
        overlap = overlaps(rivals, anchor[:, None]).masked_fill_(rivals < 0, -1)
        owners[contested] = rivals.gather(1, overlap.argmax(dim=1, keepdim=True)).flatten()
    cells = (owners >= 0).nonzero().flatten()
    return cells, owners[cells]


def _members(images: Tensor, batch: int) -> Tensor:
    """Return the boxes of each image, [B, N], in their order; -1 fills up the rows."""
    counts = images.bincount(minlength=batch)
    order = images.argsort(stable=True)
    column = torch.arange(len(images), device=images.device) - (counts.cumsum(0) - counts)[images[order]]
    members = images.new_full((batch, int(counts.max())), -1)
    members[images[order], column] = order
    return members


def _greatest(values: Tensor, groups: Tensor, count: int) -> Tensor:
    """Return the greatest value, none of them negative, of each of ``count`` groups; 0 for one without values."""
    return values.new_zeros(count).scatter_reduce(0, groups, values, "amax")
