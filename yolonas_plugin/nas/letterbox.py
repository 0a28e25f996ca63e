"""From the engine's letterbox to the checkpoint's, for a network that the engine feeds by itself.

The engine scales an image to the whole input, puts it in the middle, and pads the shorter side no further than it
must. What is left to do can be done to the tensor: the image is found by its padding, the rest of the canvas is added,
and a margin is made by scaling once more. So it goes with the network into every export.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from yolonas_plugin.nn.model import is_tracing
from yolonas_plugin.processing import ProcessingSpec

ENGINE_PADDING = 114
"""Grey value of the engine's padding."""


class Move(NamedTuple):
    """How images were moved.

    Attributes:
        scale: Pixels of the checkpoint's canvas per pixel of the engine's.
        row: First row of each image on the engine's canvas [B].
        column: First column of each image on the engine's canvas [B].
        top: First row of each image on the checkpoint's canvas [B].
        left: First column of each image on the checkpoint's canvas [B].
    """

    scale: float
    row: Tensor
    column: Tensor
    top: Tensor
    left: Tensor

    def back(self, boxes: Tensor) -> Tensor:
        """Map boxes x1, y1, x2, y2 [B, A, 4] to pixels of the engine's canvas; or points x, y, x, y, ... [B, A, 2K]."""
        x, y = boxes.unflatten(2, (-1, 2)).unbind(dim=3)  # [B, A, 2] each
        x = (x - self.left[:, None, None]) / self.scale + self.column[:, None, None]
        y = (y - self.top[:, None, None]) / self.scale + self.row[:, None, None]
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
    row, rows = _place(images, 2)
    column, columns = _place(images, 3)
    images = _from(_from(images, row, 2), column, 3)
    height, width = images.shape[2:]
    if not is_tracing():
        height, width = _whole(height, width, spec.size)
    scale = min(inner / outer for inner, outer in zip(spec.resize, spec.size, strict=True))
    if scale != 1:  # bicubic, for this is mostly the second time, and twice linear is blurred
        images = interpolate(images, scale_factor=scale, mode="bicubic", recompute_scale_factor=False)
    below, right = height - images.shape[2], width - images.shape[3]
    images = pad(images, (0, right, 0, below), value=spec.pad_value / 255)
    top, left = torch.zeros_like(row), torch.zeros_like(column)
    if spec.padding == "center":
        # to the pixel: the network's answer depends on where its grid lies on the image
        top, left = ((height - (rows * scale).round()) // 2).long(), ((width - (columns * scale).round()) // 2).long()
        images = _from(_from(images, -top, 2), -left, 3)
    return images, Move(scale, row, column, top, left)


def _whole(height: int, width: int, size: tuple[int, int]) -> tuple[int, int]:
    """Return the sides, multiples of 32, of the smallest canvas of the proportions of ``size`` that holds another."""
    return (
        max(height, -(-width * size[0] // (size[1] * 32)) * 32),
        max(width, -(-height * size[1] // (size[0] * 32)) * 32),
    )


def _place(images: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return where images begin in the engine's padding, and how long they are: rows (``dim`` 2) or columns (3) [B]."""
    is_image = ((images * 255 - ENGINE_PADDING).abs().amax(dim=(1, 5 - dim)) > 0.5).float()
    first = is_image.argmax(dim=1)
    return first, images.shape[dim] - first - is_image.flip(1).argmax(dim=1)


def _from(images: Tensor, first: Tensor, dim: int) -> Tensor:
    """Let each image begin with its row (``dim`` 2) or column (3) ``first`` [B]; those before it follow at the end."""
    length = images.shape[dim]
    index = (torch.arange(length, device=images.device) + first[:, None]) % length
    shape = (-1, 1, length, 1) if dim == 2 else (-1, 1, 1, length)
    return images.gather(dim, index.view(shape).expand_as(images))
