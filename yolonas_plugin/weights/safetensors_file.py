"""Files in the safetensors format: eight bytes, a table in JSON, and the tensors' bytes one behind the other.

The library that the format comes from maps files into memory, or takes them twice, so the table is read here.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from yolonas_plugin.errors import CheckpointError
from yolonas_plugin.names import without_repeats
from yolonas_plugin.weights.archive import Part
from yolonas_plugin.weights.opened import OpenedFile
from yolonas_plugin.weights.state_dict import check_names
from yolonas_plugin.weights.stored import View, read_tensors
from yolonas_plugin.weights.values import describe

MAX_HEADER: Final = 8 << 20
"""Longest table that is read; that of a YOLO-NAS L has 0.1 MB."""

_MAX_PARTS: Final = 500_000  # values in it, each of which may take 200 bytes of memory; L's has 13,000
_METADATA: Final = "__metadata__"
_DTYPES: Final = {
    name: getattr(torch, dtype)
    for name, dtype in {
        "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
        "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
        "U64": "uint64", "U32": "uint32", "U16": "uint16", "C64": "complex64",
        "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
    }.items()
    if hasattr(torch, dtype)
}  # fmt: skip


class SafetensorsFile:
    """A safetensors file.

    Attributes:
        views: Its tensors by name.
        metadata: Texts by name.

    Raises:
        CheckpointError: It is damaged or cut off.
    """

    def __init__(self, path: Path) -> None:
        self._file = OpenedFile(path)
        try:
            self.views, self.metadata = self._read()
            check_names(self.views)
        except CheckpointError:
            raise
        except (ValueError, RecursionError, struct.error) as error:
            raise CheckpointError(f"{path}: the safetensors file is damaged or cut off: {str(error)[:200]}") from error
        self._file.check_unchanged()

    def _read(self) -> tuple[dict[str, View], dict[str, str]]:
        (length,) = struct.unpack("<Q", self._file.read(0, 8))
        begin = 8 + length
        if length > MAX_HEADER or begin > self._file.size:
            raise ValueError(f"its header claims {length} bytes")
        header = self._file.read(8, length)
        if sum(map(header.count, (b"[", b"{", b","))) > _MAX_PARTS:
            raise ValueError("its header has too many entries")
        table = json.loads(header.decode("utf-8"), object_pairs_hook=without_repeats)
        if not isinstance(table, dict):
            raise ValueError("its header is no table")
        metadata = table.pop(_METADATA, None) or {}
        if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
            raise ValueError(f"{_METADATA} is no table of texts")
        views = {name: _view(name, entry, begin) for name, entry in table.items()}
        place = begin
        for view in sorted(views.values()):
            if view.part.offset != place:
                raise ValueError(f"its tensors overlap or leave a gap at byte {place}")
            place += view.part.size
        if place != self._file.size:
            raise ValueError(f"its tensors end at byte {place}, and the file at {self._file.size}")
        return views, metadata

    def tensors(self, views: Mapping[str, View]) -> dict[str, Tensor]:
        """Read those tensors.

        Raises:
            CheckpointError: The file changes meanwhile.
        """
        return read_tensors(self._file, views)


def _view(name: str, entry: Any, begin: int) -> View:
    """Return what the table says of a tensor; its bytes are counted from ``begin``."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"the entry of {describe(name)} isn't dtype, shape and data_offsets")
    kind, shape, span = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in _DTYPES:
        raise ValueError(f"{describe(name)} is of the unknown type {describe(kind)}")
    if not isinstance(shape, list) or not isinstance(span, list) or len(span) != 2:
        raise ValueError(f"{describe(name)} has no shape or no place")
    if not all(type(number) is int and 0 <= number < 1 << 62 for number in (*shape, *span)):
        raise ValueError(f"{describe(name)} has an impossible shape or place")
    dtype, size = _DTYPES[kind], tuple(shape)
    length = prod(size)
    if span[1] - span[0] != length * dtype.itemsize:
        raise ValueError(f"{describe(name)} has {span[1] - span[0]} bytes, not the {length * dtype.itemsize} it needs")
    stride = tuple(prod(size[index + 1 :]) for index in range(len(size)))
    view = View(Part(begin + span[0], span[1] - span[0]), dtype, length, 0, size, stride)
    view.check(describe(name))
    return view
