"""The structure of a weight file without the bytes of its tensors: small, and all that a reader must understand.

A skeleton is the pickle of a torch file, or the header of a safetensors file, and for each tensor of the network (in
the order of their names) the number of the storage that it lies in. The numbers come from the project that wrote the
file: it reads the file that :func:`rebuild` makes, in which every storage is filled with its own number.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests import golden
from tests.support.hostile_weights import torch_zip
from yolonas_plugin.weights.unpickle import Unpickler

_TYPES: Final = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "LongStorage": np.dtype("<i8"),
    "ByteStorage": np.dtype("|u1"),
}


def take(path: Path, name: str, open_file: Callable[[Path], Any]) -> None:
    """Write the skeleton of the file at ``path`` to ``tests/golden``.

    Args:
        path: What ``torch.save`` or safetensors wrote.
        name: Of the skeleton.
        open_file: The project's own way to read it, see ``tests.formats.source.Written``.
    """
    program = _program(path)
    filled = path.with_name(f"filled-{path.name}")
    rebuild(program, filled)
    tensors = open_file(filled).weights.state_dict()
    filled.unlink()
    numbers = [tensors[tensor].unique().tolist() for tensor in sorted(tensors)]
    assert all(len(values) == 1 for values in numbers), f"{path}: a tensor lies in several storages"
    arrays = {"program": np.frombuffer(program, np.uint8), "keys": np.array([int(n) for (n,) in numbers], np.int16)}
    with zipfile.ZipFile(golden.FOLDER / f"{name}.npz", "w", zipfile.ZIP_LZMA) as archive:  # half of what numpy makes
        for array, values in arrays.items():
            with archive.open(f"{array}.npy", "w") as part:
                np.lib.format.write_array(part, values)


def _program(path: Path) -> bytes:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return archive.read(next(name for name in archive.namelist() if name.endswith("/data.pkl")))
    with path.open("rb") as file:
        return file.read(struct.unpack("<Q", file.read(8))[0])


def rebuild(program: bytes, path: Path) -> None:
    """Write a file with the structure ``program``; each of its storages is filled with its own number."""
    if program.startswith(b"{"):
        _rebuild_safetensors(program, path)
        return
    storages = {}
    for reference in Unpickler(program).persistent:
        _, kind, key, _, length = reference.id
        dtype = _TYPES[kind.name.rpartition(".")[2]]
        storages[key] = np.full(length, int(key) % 251 if dtype.itemsize == 1 else int(key), dtype)
    torch_zip(path, program, {key: values.tobytes() for key, values in storages.items()})


def _rebuild_safetensors(header: bytes, path: Path) -> None:
    """A tensor's number is its place in the header."""
    entries = {name: entry for name, entry in json.loads(header).items() if name != "__metadata__"}
    data = bytearray(max(entry["data_offsets"][1] for entry in entries.values()))
    for index, entry in enumerate(entries.values()):
        start, end = entry["data_offsets"]
        dtype = np.dtype({"F32": "<f4", "I64": "<i8"}[entry["dtype"]])
        data[start:end] = np.full((end - start) // dtype.itemsize, index, dtype).tobytes()
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)
