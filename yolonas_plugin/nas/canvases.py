"""Letterboxed batches on the device that the network is on, with the pixels that OpenCV makes on the CPU.

An image goes to a GPU as it is, in bytes, and is scaled there by OpenCV's own integer arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from yolonas_plugin.processing import Image, Placement, ProcessingSpec

LARGEST: Final = 4.0
"""An image with more pixels than so many canvases is scaled on the CPU: OpenCV reads the few of them that it needs,
where all would have to be sent."""

_BITS: Final = 11  # of a weight in OpenCV's bilinear scaling of bytes


def letterbox_batch(
    images: Sequence[Image], spec: ProcessingSpec, size: tuple[int, int], device: torch.device
) -> tuple[Tensor, list[Placement]]:
    """Letterbox images for a network.

    Args:
        images: [H, W, C] each, BGR, of any sizes.
        spec: How.
        size: Height and width of the canvas.
        device: That the network is on.

    Returns:
        Pixels [B, C, H, W] in uint8 on the device, channels last in memory, and each image's place.
    """
    if device.type != "cuda":
        canvases, placements = spec.letterboxes(images, size)
        return torch.from_numpy(canvases).to(device).permute(0, 3, 1, 2), placements
    return letterbox_on_device(images, spec, size, device)


def letterbox_on_device(
    images: Sequence[Image], spec: ProcessingSpec, size: tuple[int, int], device: torch.device
) -> tuple[Tensor, list[Placement]]:
    """Do what :func:`letterbox_batch` does, with the scaling on ``device``; arguments and result are the same."""
    shape = (len(images), *size, images[0].shape[2])
    batch = torch.full(shape, spec.pad_value, dtype=torch.uint8, device=device)
    placements = []
    for canvas, image in zip(batch, images, strict=True):
        if image.shape[0] * image.shape[1] > LARGEST * size[0] * size[1]:
            whole, placement = spec.letterbox(image, size=size)
            canvas.copy_(torch.from_numpy(whole))
        else:
            (height, width), placement = spec.place(image.shape, size=size)
            sent = torch.from_numpy(np.ascontiguousarray(image)).to(device)
            top, left = placement.top, placement.left
            canvas[top : top + height, left : left + width] = scale(sent, height, width)
        placements.append(placement)
    return batch.permute(0, 3, 1, 2), placements


def scale(image: Tensor, height: int, width: int) -> Tensor:
    """Return an image [H, W, C] in uint8 scaled as ``cv2.resize`` does with ``INTER_LINEAR``, [height, width, C]."""
    before = tuple(image.shape[:2])
    if before == (height, width):
        return image
    if before == (2 * height, 2 * width):  # where OpenCV takes the mean of four
        return ((image.reshape(height, 2, width, 2, -1).int().sum(dim=(1, 3)) + 2) >> 2).byte()
    rows, columns = _steps(before[0], height, image.device), _steps(before[1], width, image.device)
    above, below = (_mixed_columns(image.index_select(0, index), columns) >> 4 for index in (rows.first, rows.second))
    by = [weight[:, None, None] for weight in (rows.weight, rows.other)]
    return (((by[0] * above >> 16) + (by[1] * below >> 16) + 2) >> 2).clamp_(0, 255).byte()


def _mixed_columns(rows: Tensor, columns: _Steps) -> Tensor:
    first, second = (rows.index_select(1, index).int() for index in (columns.first, columns.second))
    return first * columns.weight[:, None] + second * columns.other[:, None]


class _Steps(NamedTuple):
    """Which two pixels along a side each new one is made of, and by what weights of 11 bits."""

    first: Tensor
    second: Tensor
    weight: Tensor
    other: Tensor


@lru_cache(maxsize=64)
def _steps(before: int, after: int, device: torch.device) -> _Steps:
    place = ((np.arange(after) + 0.5) * (1 / (after / before)) - 0.5).astype(np.float32)
    first = np.floor(place).astype(np.int64)
    part = (place - first.astype(np.float32)).astype(np.float32)
    weights = [np.rint(values * np.float32(1 << _BITS)).astype(np.int32) for values in (np.float32(1) - part, part)]
    indices = [np.clip(index, 0, before - 1) for index in (first, first + 1)]
    return _Steps(*(torch.from_numpy(values).to(device) for values in (*indices, *weights)))
