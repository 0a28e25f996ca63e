"""Things that may lie among images, and what becomes of each: none may stop the work on the others."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import zlib
from pathlib import Path

import numpy as np


def png(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG whose header says what it likes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<3I", 54, 0, 54) + struct.pack("<I2i2H6I", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


HUGE = {
    "huge.png": png(33000, 33000),
    "huge_within_opencv.png": png(30000, 30000),
    "endless.png": png(2**31 - 1, 2**31 - 1),
    "huge.bmp": bmp(40000, 40000),
    "negative.bmp": bmp(-5, -(2**31)),
    "huge.pgm": b"P5 60000 60000 255\n" + b"x" * 20,
    "huge.tif": b"II*\x00\x08\x00\x00\x00\x03\x00"
    + b"".join(struct.pack("<2H2I", tag, 4, 1, value) for tag, value in ((256, 65000), (257, 65000), (273, 8)))
    + bytes(4),
}
"""Files of a few bytes that claim to be enormous."""


def fill(folder: Path, good: Path) -> tuple[set[bytes], set[bytes]]:
    """Put two good images and all kinds of others into a folder; return the names of both."""
    shutil.copy(good, folder / "a.png")
    raw = os.fsencode(folder)
    shutil.copy(os.fsencode(good), os.path.join(raw, b"caf\xe9.png"))  # no UTF-8
    for name, content in HUGE.items():
        (folder / name).write_bytes(content)
    with open(os.path.join(raw, b"bad\xff\xfe.jpg"), "wb") as file:
        file.write(b"no image")
    with open(os.path.join(raw, b"bad\xe9.mp4"), "wb") as file:
        file.write(b"no video" * 20)
    os.mkfifo(folder / "pipe.jpg")
    os.mkfifo(folder / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(folder, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/socket.png")
        os.close(here)
    for name, target in {
        "zero.png": "/dev/zero",
        "null.png": "/dev/null",
        "tty.jpg": "/dev/tty",
        "random.webp": "/dev/urandom",
        "status.png": "/proc/self/status",
        "memory.tiff": "/proc/kcore",
        "round.png": "round.png",
        "nowhere.png": "nowhere/at/all.png",
    }.items():
        (folder / name).symlink_to(target)
    with open(folder / "hole.jpg", "wb") as file:
        file.truncate(1 << 40)
    everything = set(os.listdir(raw))
    kept = {b"a.png", b"caf\xe9.png"}
    return kept, everything - kept


def names(paths: list[str]) -> set[bytes]:
    return {os.path.basename(os.fsencode(path)) for path in paths}


def rows_of(pixels: np.ndarray) -> bytes:
    """Pixels [H, W, 3] as a PNG holds them, unfiltered."""
    return b"".join(b"\0" + row.tobytes() for row in pixels)
