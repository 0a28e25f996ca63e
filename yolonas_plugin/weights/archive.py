"""Offset and size of each member of a zip archive that torch wrote, checked against the size of the file.

torch stores members uncompressed, so each is a range of bytes of the file. Compressed members are never decompressed,
which rules out zip bombs.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Final, NamedTuple

from yolonas_plugin.errors import CheckpointError
from yolonas_plugin.weights.opened import OpenedFile

MAX_DIRECTORY: Final = 8 << 20
"""Largest central directory that is read, in bytes; of a training checkpoint of L with its optimizer it is 0.5 MB."""

_END: Final = struct.Struct("<4s4H2IH")
_END_64: Final = struct.Struct("<4sQ2H2I4Q")
_LOCATOR_64: Final = struct.Struct("<4sIQI")
_ENTRY: Final = struct.Struct("<4s6H3I5H2I")
_LOCAL: Final = struct.Struct("<4s5H3I2H")


class Part(NamedTuple):
    """A range of bytes in a file."""

    offset: int
    size: int
    compressed: bool = False


def zip_parts(file: OpenedFile) -> dict[str, Part]:
    """Return the members of a zip archive by name.

    Raises:
        CheckpointError: The archive is truncated or damaged, or members overlap.
    """
    try:
        return _zip_parts(file)
    except (struct.error, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"{file.path}: the file is damaged or cut off: its list of contents ends early"
        ) from error
    except ValueError as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{file.path}: the file is damaged or cut off: {error}") from error


def _zip_parts(file: OpenedFile) -> dict[str, Part]:
    begin = max(file.size - 65_557 - _LOCATOR_64.size, 0)
    tail = file.read(begin, file.size)
    end = tail.rfind(b"PK\x05\x06", max(len(tail) - 65_557, 0))
    if end < 0:
        raise ValueError("its list of contents, which comes last, is missing")
    _, _, _, _, count, size, offset, _ = _END.unpack_from(tail, end)
    if end >= _LOCATOR_64.size and tail[end - _LOCATOR_64.size : end - _LOCATOR_64.size + 4] == b"PK\x06\x07":
        _, _, where, _ = _LOCATOR_64.unpack_from(tail, end - _LOCATOR_64.size)
        *_, count, size, offset = _END_64.unpack(file.read(where, _END_64.size))
    if size > MAX_DIRECTORY or offset + size > begin + end:
        raise ValueError(f"its list of contents claims {size} bytes at {offset}")
    directory = file.read(offset, size)
    parts: dict[str, Part] = {}
    place = 0
    while place < size:
        signature, *_, flags, method, _, _, _, packed, unpacked, n, m, k, _, _, _, local = _ENTRY.unpack_from(
            directory, place
        )
        if signature != b"PK\x01\x02":
            raise ValueError("its list of contents is garbled")
        place += _ENTRY.size
        name = directory[place : place + n].decode("utf-8")
        unpacked, packed, local = _zip64(directory[place + n : place + n + m], unpacked, packed, local)
        place += n + m + k
        if name in parts:
            raise ValueError(f"it holds {name[:80]!r} twice")
        parts[name] = _part(file, local, packed, name, bool(method or flags & 1 or packed != unpacked))
    if len(parts) != count:
        raise ValueError(f"it should hold {count} parts and holds {len(parts)}")
    ordered = sorted(part for part in parts.values() if part.size)
    if any(first.offset + first.size > second.offset for first, second in pairwise(ordered)):
        raise ValueError("its parts overlap")
    return parts


def _part(file: OpenedFile, local: int, size: int, name: str, compressed: bool) -> Part:
    signature, *_, n, m = _LOCAL.unpack(file.read(local, _LOCAL.size))
    start = local + _LOCAL.size + n + m
    if signature != b"PK\x03\x04" or start + size > file.size:
        raise ValueError(f"its part {name[:80]!r} claims {size} bytes at {start}, and the file ends at {file.size}")
    return Part(start, size, compressed)


def _zip64(extra: bytes, *values: int) -> list[int]:
    """Return the values with each 0xFFFFFFFF replaced by its 64-bit value from the extra field, in order."""
    wide: list[int] = []
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, place)
        if kind == 1:
            wide = list(struct.unpack_from(f"<{min(length, 32) // 8}Q", extra, place + 4))
            break
        place += 4 + length
    replaced = []
    for value in values:
        if value == 0xFFFFFFFF and not wide:
            raise ValueError("a length is missing in its list of contents")
        replaced.append(wide.pop(0) if value == 0xFFFFFFFF else value)
    return replaced
