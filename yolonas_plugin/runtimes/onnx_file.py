"""What an ONNX file refers to outside of itself, which is nothing in ours: told without opening it.

The format is protobuf's: fields of a number and a kind, those of kind 2 with a length. Only the fields that lead to
tensors are followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from yolonas_plugin.errors import CheckpointError
from yolonas_plugin.weights.opened import read_whole

MAX_FILE: Final = 2 << 30
"""Largest file that protobuf reads, in bytes."""

_MAX_DEPTH: Final = 30
_MAX_FIELDS: Final = 2_000_000  # L has 30,000

# onnx.proto's messages: which field leads to which
_TENSOR: Final[dict[int, Any]] = {}
_SPARSE: Final = {1: _TENSOR, 2: _TENSOR}
_GRAPH: Final[dict[int, Any]] = {}
_ATTRIBUTE: Final = {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE}
_NODE: Final = {5: _ATTRIBUTE}
_GRAPH.update({1: _NODE, 5: _TENSOR, 15: _SPARSE})
_MODEL: Final = {7: _GRAPH, 20: {1: _GRAPH, 2: _GRAPH}, 25: {7: _NODE, 11: _ATTRIBUTE}}
_EXTERNAL: Final = (13, 14)  # of a tensor: where its data lies, and that it lies elsewhere
_OF_MODEL: Final = 7  # the graph
_OF_GRAPH: Final = 5  # its tensors
_NODES: Final = 1  # of a graph
_OPERATOR: Final = 4  # of a node
_DATA_TYPE: Final = 2  # of a tensor
_FLOAT16: Final = 10


def read_onnx(path: Path) -> bytearray:
    """Return the content of an ONNX file that holds all of itself.

    Raises:
        CheckpointError: It can't be read, is no ONNX file, damaged or too large, has weights in other files, or changes
            meanwhile.
    """
    content = read_whole(path, MAX_FILE)
    try:
        _check(memoryview(content), path)
    except (IndexError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"{path}: can't open the file: it is no ONNX file, or damaged or cut off: {error}"
        ) from error
    return content


def has_half_weights(content: bytes | bytearray) -> bool:
    """Tell whether a graph that was read has tensors in float16."""
    for number, graph in _fields(memoryview(content)):
        if number == _OF_MODEL and isinstance(graph, memoryview):
            for place, tensor in _fields(graph):
                if place == _OF_GRAPH and isinstance(tensor, memoryview) and (_DATA_TYPE, _FLOAT16) in _fields(tensor):
                    return True
    return False


def operators(content: bytes | bytearray) -> set[str]:
    """Return the types of the operations of an ONNX file's graph, in the words of ONNX, such as ``Conv``.

    Args:
        content: What :func:`read_onnx` returned.
    """
    graphs = [graph for number, graph in _fields(memoryview(content)) if number == _OF_MODEL]
    nodes = [node for graph in graphs for number, node in _parts(graph) if number == _NODES]
    return {str(name, "utf-8", "replace") for node in nodes for number, name in _parts(node) if number == _OPERATOR}


def _parts(message: int | memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the fields of a message that have a length; of a number there are none."""
    if isinstance(message, memoryview):
        yield from ((number, value) for number, value in _fields(message) if isinstance(value, memoryview))


def _check(content: memoryview, path: Path) -> None:
    pending: list[tuple[memoryview, Mapping[int, Any], int]] = [(content, _MODEL, 0)]
    left = _MAX_FIELDS
    graphs = 0
    while pending:
        message, leads, depth = pending.pop()
        for number, value in _fields(message):
            left -= 1
            if left < 0 or depth > _MAX_DEPTH:
                raise ValueError("it is nested too deep, or has too many parts")
            if leads is _TENSOR and number in _EXTERNAL and value != 0:
                raise CheckpointError(
                    f"{path}: the file has weights in other files, which exports of this package never have: refused, "
                    "and no other file was read"
                )
            if number in leads and isinstance(value, memoryview):
                graphs += leads is _MODEL and number == 7
                pending.append((value, leads[number], depth + 1))
    if not graphs:
        raise ValueError("there is no graph in it")


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and the value of each field: a whole number, or the bytes of it."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield number, value
            continue
        if kind == 2:
            size, place = _varint(message, place)
        else:
            size = {1: 8, 5: 4}.get(kind, -1)
        if size < 0 or place + size > len(message):
            raise ValueError(f"a field ends beyond its message, or is of kind {kind}")
        yield number, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number has more than 64 bits")
