"""Pictures for the checks, as PNG files, without a package that reads or writes images."""

from __future__ import annotations

import struct
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Final

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


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

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    edges = [round(width * part) for part in (0, 1 / 8, 2 / 5, 3 / 5, 7 / 8, 1)]
    spans = [right - left for left, right in pairwise(edges)]
    pixels = bytearray()
    for y in range(height):
        grey = bytes([110 + 60 * y // height] * 3)
        middle = height / 4 <= y < height * 3 / 4
        colours = (grey, b"\xdc\x1e\x28", grey, b"\x1e\x3c\xdc", grey) if middle else (grey,) * 5
        pixels.append(0)  # the row isn't filtered
        for colour, span in zip(colours, spans, strict=True):
            pixels.extend(colour * span)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, RGB
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(pixels))) + chunk(b"IEND", b"")
    path.write_bytes(_SIGNATURE + chunks)
    return path


def size_of(path: Path) -> tuple[int, int]:
    """Return the width and height of a PNG file in pixels.

    Raises:
        ValueError: It is no PNG file.
    """
    head = path.read_bytes()[:24]
    if not head.startswith(_SIGNATURE):
        raise ValueError(f"{path} is no PNG file, which the fixture `images` should give")
    width, height = struct.unpack(">II", head[16:])
    return width, height
