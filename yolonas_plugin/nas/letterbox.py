"""From the engine's letterbox to the checkpoint's, for a network that the engine feeds by itself.

The engine scales an image to the whole input, puts it in the middle, and pads the shorter side no further than it
must. What is left to do can be done to the tensor: the padding is found and moved to the end, the rest of the canvas is
added, and a margin is made by scaling once more. So it goes with the network into every export.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from yolonas_plugin.processing import ProcessingSpec

ENGINE_PADDING = 114
"""Grey value of the engine's padding."""


class Move(NamedTuple):
    """Where a canvas lies on the engine's, which may begin later or end sooner.

    Attributes:
        scale: Pixels of the canvas, inside its margin, per pixel of the engine's.
        left: Columns of margin at the left.
        top: Rows of margin above.
        column: Column of the engine's canvas where the inside begins [B].
        row: Row of the engine's canvas where the inside begins [B].
    """

    scale: float
    left: int
    top: int
    column: Tensor
    row: Tensor

    def back(self, boxes: Tensor) -> Tensor:
        """Map boxes x1, y1, x2, y2 [B, A, 4] to pixels of the engine's canvas."""
        x, y = boxes.unflatten(2, (2, 2)).unbind(dim=3)  # [B, A, 2] each
        x = (x - self.left) / self.scale + self.column[:, None, None]
        y = (y - self.top) / self.scale + self.row[:, None, None]
        return torch.stack((x, y), dim=3).flatten(2)


def letterboxed(images: Tensor, spec: ProcessingSpec) -> tuple[Tensor, Move]:
    """Move images from where the engine puts them to where the checkpoint wants them.

    Args:
        images: [B, C, H, W], RGB from 0 to 1, as the engine's letterbox leaves them; sides are multiples of 32.
        spec: The checkpoint's processing. An image that it wants stretched keeps its proportions.

    Returns:
        Images [B, C, H', W'] of the same range, and the way back for boxes. H' and W' are the smallest canvas of the
        proportions of ``spec.size``; while an export is traced, whose canvas is whole already, H and W.
    """
    row = column = torch.zeros(images.shape[0], dtype=torch.long, device=images.device)
    if spec.padding == "bottom_right":
        images, row = _without_padding_before(images, 2)
        images, column = _without_padding_before(images, 3)
    if not torch.jit.is_tracing():
        images, (left, top) = _padded(images, _whole(images.shape[2], images.shape[3], spec.size), spec)
        row, column = row - top, column - left
    height, width = images.shape[2:]
    scale = min(inner / outer for inner, outer in zip(spec.resize, spec.size, strict=True))
    if scale != 1:
        images = interpolate(images, scale_factor=scale, mode="bicubic", recompute_scale_factor=False)
    images, (left, top) = _padded(images, (height, width), spec)
    return images, Move(scale, left, top, column, row)


def _whole(height: int, width: int, size: tuple[int, int]) -> tuple[int, int]:
    """Return the sides, multiples of 32, of the smallest canvas of the proportions of ``size`` that holds another."""
    return (
        max(height, -(-width * size[0] // (size[1] * 32)) * 32),
        max(width, -(-height * size[1] // (size[0] * 32)) * 32),
    )


def _padded(images: Tensor, size: tuple[int, int], spec: ProcessingSpec) -> tuple[Tensor, tuple[int, int]]:
    """Pad images to a height and width; return how many columns and rows were put before them, too."""
    right, below = size[1] - images.shape[3], size[0] - images.shape[2]
    left, top = (right // 2, below // 2) if spec.padding == "center" else (0, 0)
    return pad(images, (left, right - left, top, below - top), value=spec.pad_value / 255), (left, top)


def _without_padding_before(images: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Move the rows (``dim`` 2) or columns (3) of padding before each image behind it; return their numbers [B]."""
    is_image = (images * 255 - ENGINE_PADDING).abs().amax(dim=(1, 5 - dim)) > 0.5  # [B, rows or columns]
    first = is_image.float().argmax(dim=1)
    length = images.shape[dim]
    index = (torch.arange(length, device=images.device) + first[:, None]) % length
    shape = (-1, 1, length, 1) if dim == 2 else (-1, 1, 1, length)
    return images.gather(dim, index.view(shape).expand_as(images)), first
