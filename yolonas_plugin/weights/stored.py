"""Tensors as views of byte ranges in a file, and reading those that are used; checked before memory is allocated."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Final, NamedTuple

import torch
from torch import Tensor

from yolonas_plugin.errors import CheckpointError
from yolonas_plugin.weights.archive import Part
from yolonas_plugin.weights.opened import OpenedFile

MAX_TENSORS: Final = 4 << 30
"""Largest size in bytes of all tensors of a file; an unfinished training of L with its optimizer has 1 GB."""

_MAX_DIMENSIONS: Final = 8


class View(NamedTuple):
    """A tensor in a file: a strided view of a byte range that holds ``length`` elements of one type.

    Attributes:
        part: The byte range.
        dtype: Type of its elements.
        length: Number of its elements.
        offset: Index of the tensor's first element.
        size: Shape of the tensor.
        stride: Its strides, in elements.
    """

    part: Part
    dtype: torch.dtype
    length: int
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def last(self) -> int:
        """Index of the tensor's last element; for tensors that aren't empty."""
        return self.offset + sum((n - 1) * step for n, step in zip(self.size, self.stride, strict=True))

    def check(self, name: str) -> None:
        """Check that the tensor is within its byte range.

        Raises:
            ValueError: It isn't, or it has an impossible shape.
        """
        possible = all(
            isinstance(numbers, tuple)
            and len(numbers) <= _MAX_DIMENSIONS
            and all(type(n) is int and 0 <= n < 1 << 40 for n in numbers)
            for numbers in (self.size, self.stride, (self.offset,))
        )
        # torch multiplies the sides of an empty tensor too, and mustn't overflow
        if not possible or len(self.size) != len(self.stride) or prod(n or 1 for n in self.size) >= 1 << 62:
            raise ValueError(f"{name} has an impossible shape")
        if self.length * self.dtype.itemsize > self.part.size:
            raise ValueError(f"{name} claims {self.length} numbers, more than the file holds")
        count = prod(self.size)
        if count > self.length or (count and self.last >= self.length):
            raise ValueError(f"{name} reaches beyond its {self.length} numbers")


def read_tensors(file: OpenedFile, views: Mapping[str, View]) -> dict[str, Tensor]:
    """Read tensors into memory; those that share a byte range share memory. Of a range, only what is used is read.

    Args:
        file: The file that the views are of.
        views: By name; each has passed :meth:`View.check`.

    Raises:
        CheckpointError: They claim more than their byte ranges hold or than any network has, or the file changes.
    """
    claimed = sum(prod(view.size) * view.dtype.itemsize for view in views.values())
    held = sum(part.size for part in {view.part for view in views.values()})
    if claimed > held:
        raise CheckpointError(f"{file.path}: its tensors claim {claimed} bytes of storages that hold {held}")
    used: dict[Part, tuple[int, int]] = {}
    for view in views.values():
        if prod(view.size):
            width = view.dtype.itemsize
            start, stop = used.get(view.part, (view.offset * width, 0))
            # from a multiple of 8, so that numbers of any type begin where they should
            used[view.part] = min(start, view.offset * width // 8 * 8), max(stop, (view.last + 1) * width)
    total = sum(stop - start for start, stop in used.values())
    if total > MAX_TENSORS:
        raise CheckpointError(f"{file.path}: its tensors have {total:,} bytes, more than any YOLO-NAS")
    # in the order of their offsets: sequential reads
    memory = {part: _read(file, part, *used[part]) for part in sorted(used)}
    file.check_unchanged()
    return {name: _tensor(view, memory.get(view.part), used) for name, view in views.items()}


def _read(file: OpenedFile, part: Part, start: int, stop: int) -> Tensor:
    """Return a byte range as a tensor of uint8."""
    content = torch.empty(stop - start, dtype=torch.uint8)
    file.read_into(part.offset + start, content.numpy().data)
    return content


def _tensor(view: View, content: Tensor | None, used: Mapping[Part, tuple[int, int]]) -> Tensor:
    if content is None or not prod(view.size):
        return torch.empty(view.size, dtype=view.dtype)
    width = view.dtype.itemsize
    numbers = content[: len(content) // width * width].view(view.dtype)
    return numbers.as_strided(view.size, view.stride, view.offset - used[view.part][0] // width)
