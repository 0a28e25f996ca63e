"""Pictures for the checks, as PNG files, without a package that reads or writes images."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_CHANNELS: Final = {0: 1, 2: 3, 4: 2, 6: 4}
"""Of a colour type: grey, RGB, and the two with an alpha channel."""

_PAETH: Final = 4
"""The last of the filters that the first byte of a row may name."""


def write_picture(path: Path, width: int = 160, height: int = 120) -> Path:
    """Write a PNG file, RGB in 8 bits: a red and a blue rectangle, side by side, on a ground of grey shades.

    The red one spans 1/8 to 2/5 of the width, the blue one 3/5 to 7/8, both the middle half of the height.

    Args:
        path: Where to write it.
        width: In pixels.
        height: In pixels.

    Returns:
        ``path``.
    """
    edges = [round(width * part) for part in (0, 1 / 8, 2 / 5, 3 / 5, 7 / 8, 1)]
    spans = [right - left for left, right in pairwise(edges)]
    rows = []
    for y in range(height):
        grey = bytes([110 + 60 * y // height] * 3)
        middle = height / 4 <= y < height * 3 / 4
        colours = (grey, b"\xdc\x1e\x28", grey, b"\x1e\x3c\xdc", grey) if middle else (grey,) * 5
        rows.append(b"".join(colour * span for colour, span in zip(colours, spans, strict=True)))
    return write_rows(path, rows)


def write_double(path: Path, original: Path) -> Path:
    """Write a picture twice as wide and as high as another: each pixel becomes two by two."""
    rows = []
    for row in read_rows(original):
        wide = b"".join(row[at : at + 3] * 2 for at in range(0, len(row), 3))
        rows += [wide, wide]
    return write_rows(path, rows)


def write_rows(path: Path, rows: Sequence[bytes]) -> Path:
    """Write a PNG file of rows of pixels, each red, green and blue in 8 bits."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)  # 8 bits, RGB
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))  # 0: the row isn't filtered
    path.write_bytes(_SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
    return path


def read_rows(path: Path) -> list[bytes]:
    """Return the rows of pixels of a PNG file, each red, green and blue in 8 bits; transparency is left out.

    Raises:
        ValueError: It is no PNG file, or has a palette, more than 8 bits, or is interlaced.
    """
    width, height = size_of(path)
    data = path.read_bytes()
    bits, kind, _, _, interlaced = data[24:29]
    if bits != 8 or kind not in _CHANNELS or interlaced:
        raise ValueError(f"{path} should be a PNG file in RGB or grey, in 8 bits, not interlaced")
    try:
        found = zlib.decompress(b"".join(body for name, body in _chunks(data) if name == b"IDAT"))
    except zlib.error as error:
        raise ValueError(f"{path} is a damaged PNG file: {error}") from error
    channels = _CHANNELS[kind]
    side = 1 + width * channels
    if not width or not height or len(found) < side * height or max(found[: side * height : side]) > _PAETH:
        raise ValueError(f"{path} is a damaged PNG file: it has other pixels than it says")
    rows, above = [], bytes(width * channels)
    for at in range(0, side * height, side):
        above = _unfiltered(found[at], bytearray(found[at + 1 : at + side]), above, channels)
        rows.append(_rgb(above, channels))
    return rows


def size_of(path: Path) -> tuple[int, int]:
    """Return the width and height of a PNG file in pixels.

    Raises:
        ValueError: It is no PNG file.
    """
    head = path.read_bytes()[:29]
    if len(head) < 29 or not head.startswith(_SIGNATURE):
        raise ValueError(f"{path} is no PNG file, which the fixture `images` should give")
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at + 8 <= len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        at += 12 + size


def _rgb(row: bytes, channels: int) -> bytes:
    if channels == 3:
        return row
    grey = channels < 3
    planes = [row[0 if grey else plane :: channels] for plane in range(3)]
    return bytes(value for pixel in zip(*planes, strict=True) for value in pixel)


def _unfiltered(kind: int, row: bytearray, above: bytes, channels: int) -> bytes:
    """Return a row as it was before the filter that its first byte names: none, sub, up, average or Paeth."""
    for at in range(len(row) if kind else 0):
        left = row[at - channels] if at >= channels else 0
        corner = above[at - channels] if at >= channels else 0
        guesses = (0, left, above[at], (left + above[at]) // 2, _nearest(left, above[at], corner))
        row[at] = (row[at] + guesses[kind]) & 255
    return bytes(row)


def _nearest(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))
