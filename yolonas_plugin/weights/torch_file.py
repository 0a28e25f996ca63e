"""Files that ``torch.save`` wrote, the zip archives of today and the older format, read without running them.

What the file describes comes as plain containers and inert records (``unpickle``). Tensors among them are records too,
until :meth:`TorchFile.tensors` is asked for those that are wanted: only their bytes are ever read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from yolonas_plugin.errors import CheckpointError
from yolonas_plugin.weights.archive import Part, zip_parts
from yolonas_plugin.weights.opened import OpenedFile
from yolonas_plugin.weights.stored import View, read_tensors
from yolonas_plugin.weights.unpickle import (
    MAX_BYTES,
    CommandError,
    Global,
    Persistent,
    Record,
    UnpickleError,
    Unpickler,
)

_DTYPES: Final = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_LEGACY_MAGIC: Final = 0x1950A86A20F9469CFC6C
_LEGACY_STEPS: Final = 100_000
"""Most instructions of each pickle around the content: the longest lists the storages, of L and its optimiser 5,000."""
_MAX_DEPTH: Final = 8


class TorchFile:
    """A torch file.

    Attributes:
        content: What it describes; tensors, modules and other objects are records.

    Raises:
        CheckpointError: It is damaged, no file of torch, or names commands to run.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = OpenedFile(path)
        try:
            zipped = self._file.read(0, 2) == b"PK"
            self.content, self._storages = self._read_zip() if zipped else self._read_legacy()
        except CommandError as error:
            raise CheckpointError(
                f"{path}: the file asks to run {error}, which no weight file needs: it is refused, and nothing was run"
            ) from error
        except UnpickleError as error:
            raise CheckpointError(f"{path}: the file is damaged or cut off: {error}") from error
        self._file.check_unchanged()

    def _read_zip(self) -> tuple[Any, dict[str, Part]]:
        parts = zip_parts(self._file)
        pickles = [name for name in parts if name == "data.pkl" or name.endswith("/data.pkl")]
        folder = pickles[0][: -len("data.pkl")] if pickles else ""
        if f"{folder}constants.pkl" in parts:
            raise CheckpointError(f"{self._path}: a TorchScript program, not weights; load the file it was made from")
        if len(pickles) != 1:
            raise CheckpointError(f"{self._path}: a zip archive, but not one that torch wrote")
        packed = next((name for name, part in parts.items() if part.compressed), None)
        if packed:
            raise CheckpointError(
                f"{self._path}: its part {packed[:80]!r} is compressed or encrypted, which torch never does; "
                "unpack the archive and pack it again without compression"
            )
        order = parts.get(f"{folder}byteorder")
        if order and self._file.read(order.offset, min(order.size, 6)) != b"little":
            raise CheckpointError(f"{self._path}: the file was written on a machine of another byte order")
        content, _ = self._unpickle(parts[pickles[0]])
        prefix = f"{folder}data/"
        return content, {name[len(prefix) :]: part for name, part in parts.items() if name.startswith(prefix)}

    def _read_legacy(self) -> tuple[Any, dict[str, Part]]:
        head = self._file.read(0, MAX_BYTES)
        try:
            magic = Unpickler(head, 0, _LEGACY_STEPS)
        except CommandError:
            raise
        except UnpickleError:  # torch's is of one number, so this is another's, of which ``head`` is a part
            magic = None
        if magic is None or magic.value != _LEGACY_MAGIC:
            raise CheckpointError(
                f"{self._path}: a pickle, but not one that torch wrote: loading it could run code, and is refused. "
                "Where it was made, save the model's state_dict() with torch.save"
            )
        version = Unpickler(head, magic.end, _LEGACY_STEPS)
        system = Unpickler(head, version.end, _LEGACY_STEPS)
        if version.value != 1001 or not isinstance(system.value, dict) or not system.value.get("little_endian", True):
            raise CheckpointError(f"{self._path}: a torch file of another version or byte order")
        body = Unpickler(head, system.end)
        keys = Unpickler(head, body.end, _LEGACY_STEPS)
        dtypes = {}
        for reference in body.persistent:
            key, dtype, _ = self._storage(reference)
            dtypes[key] = dtype
        storages: dict[str, Part] = {}
        place = keys.end
        listed: list[Any] = keys.value if isinstance(keys.value, list) else [None]
        # compared, never hashed: hashing tuples of tuples can take for ever, or overflow the stack
        if not all(isinstance(key, str) for key in listed) or sorted(listed) != sorted(dtypes):
            raise UnpickleError("its list of storages doesn't match its tensors")
        for key in listed:
            length = struct.unpack("<q", self._file.read(place, 8).ljust(8, b"\xff"))[0]
            size = length * dtypes[key].itemsize
            if length < 0 or place + 8 + size > self._file.size:
                raise UnpickleError(f"a storage claims {length} numbers at byte {place}")
            storages[key] = Part(place + 8, size)
            place += 8 + size
        return body.value, storages

    def _unpickle(self, part: Part) -> tuple[Any, int]:
        if part.size > MAX_BYTES:
            raise CheckpointError(f"{self._path}: its description of the tensors has {part.size >> 20} MB")
        program = Unpickler(self._file.read(part.offset, part.size))
        return program.value, program.end

    def _storage(self, reference: Any) -> tuple[str, torch.dtype, int]:
        """Return key, type and length of the storage that a persistent id names."""
        found = reference.id if isinstance(reference, Persistent) else None
        if not isinstance(found, tuple) or len(found) not in (5, 6) or found[0] != "storage":
            raise UnpickleError("a tensor refers to something that is no storage")
        _, kind, key, _, length, *view = found
        name = kind.name.rpartition(".")[2] if isinstance(kind, Global) else None
        if name not in _DTYPES or not isinstance(key, str) or type(length) is not int or length < 0:
            raise UnpickleError(f"a tensor of the unknown type {name}")
        if view and view[0] is not None:
            raise UnpickleError("a storage that is a view of another")
        return key, _DTYPES[name], length

    # --- tensors ---

    def tensors(self, records: Mapping[str, Any]) -> dict[str, Tensor]:
        """Read the tensors that records describe.

        Raises:
            CheckpointError: A record is no tensor, or claims more than its storage or the file holds.
        """
        try:
            views = {name: self._view(record, name) for name, record in records.items()}
        except ValueError as error:
            raise CheckpointError(f"{self._path}: the file is damaged: {error}") from error
        return read_tensors(self._file, views)

    def _view(self, record: Any, name: str) -> View:
        arguments = tensor_arguments(record)
        if arguments is None or len(arguments) < 4:
            raise UnpickleError(f"{name} is no tensor")
        reference, offset, size, stride = arguments[:4]
        key, dtype, length = self._storage(reference)
        if isinstance(size, Record):  # torch.Size
            size = size.first
        view = View(self._storages.get(key, Part(0, -1)), dtype, length, offset, size, stride)
        view.check(name)
        return view


def tensor_arguments(record: Any) -> tuple[Any, ...] | None:
    """Return storage, offset, size and strides where ``record`` is a tensor or a parameter, else None."""
    for _ in range(_MAX_DEPTH):
        if not isinstance(record, Record) or not isinstance(record.args, tuple) or not record.args:
            return None
        if record.name in ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor"):
            return record.args
        if record.name in ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"):
            record = record.args[0]
        elif record.name == "torch._tensor._rebuild_from_type_v2" and len(record.args) == 4:
            function, _, arguments, _ = record.args
            record = Record(function.name if isinstance(function, Global) else "", arguments)
        elif record.name in ("torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer"):
            record = record.args[0]
        else:
            return None
    return None


def is_tensor(value: Any) -> bool:
    """Whether ``value`` describes a tensor."""
    return isinstance(value, (Tensor, View)) or tensor_arguments(value) is not None


def all_tensors(values: Iterable[Any]) -> bool:
    """Whether every one of ``values`` is a tensor or describes one."""
    return all(map(is_tensor, values))
