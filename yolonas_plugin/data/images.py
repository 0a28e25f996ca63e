"""Looking at image files without decoding them: is it there, can it be read, how large is it, is it there twice."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from hashlib import blake2b
from typing import BinaryIO, Final, NamedTuple

from PIL import Image, UnidentifiedImageError

from yolonas_plugin.data.report import Kind

SUFFIXES: Final = frozenset(
    {".avif", ".bmp", ".dng", ".heic", ".heif", ".jp2", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"}
)
"""Image files that the engine opens."""

_ORIENTATION: Final = 0x0112
_END: Final = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}
_TAIL: Final = 4096


class Look(NamedTuple):
    """Height and width in pixels as the engine decodes the image, and bytes of the file; or the problem with it."""

    shape: tuple[int, int] = (0, 0)
    bytes: int = 0
    problem: Kind | None = None
    detail: str = ""


def look_at(path: str) -> Look:
    """Look at an image file. A JPEG or PNG that doesn't end as it should is decoded, to see whether it is cut short."""
    try:
        with open(path, "rb") as file, Image.open(file) as image:
            size = os.fstat(file.fileno()).st_size
            width, height = image.size
            kind, turned = image.format or "", _is_turned(image)
            whole = kind not in _END or _last(file, len(_END[kind])) == _END[kind]
        if not whole:
            with Image.open(path) as image:
                image.load()
        if turned and kind == "JPEG":
            width, height = height, width
        elif turned:  # whether others are turned depends on the version of OpenCV
            height, width = _decoded_shape(path)
    except FileNotFoundError:
        return Look(problem=Kind.IMAGE_MISSING)
    except Exception as error:  # Pillow raises whatever its decoders do
        unknown = isinstance(error, (UnidentifiedImageError, ImportError))  # the latter: the engine misses a decoder
        return Look(problem=Kind.IMAGE_UNREADABLE, detail="not an image that Pillow knows" if unknown else str(error))
    return Look((height, width), size)


def _is_turned(image: Image.Image) -> bool:
    """Whether EXIF says that height and width change places."""
    if image.format == "PNG" and "exif" not in image.info:
        return False  # Pillow would decode the whole image to look behind it
    return image.getexif().get(_ORIENTATION) in {5, 6, 7, 8}


def _last(file: BinaryIO, count: int) -> bytes:
    """Read the last bytes of a file, all of them when it has fewer."""
    file.seek(-min(count, os.fstat(file.fileno()).st_size), os.SEEK_END)
    return file.read()


def _decoded_shape(path: str) -> tuple[int, int]:
    import cv2

    image = cv2.imread(path)
    if image is None:
        raise ValueError("OpenCV can't decode it")
    return image.shape[:2]


def same_content(sizes: Mapping[str, int]) -> list[list[str]]:
    """Group the files that hold the same bytes; ``sizes`` gives their paths and sizes.

    Files of one size are compared by their last bytes first, so that next to nothing is read unless they are the same.
    """
    groups = _split([list(sizes)], lambda path: sizes[path])
    groups = _split(groups, lambda path: _digest(path, _TAIL))
    return _split(groups, lambda path: _digest(path, sizes[path]))


def _split(groups: Iterable[list[str]], key: Callable[[str], Hashable]) -> list[list[str]]:
    found = []
    for group in groups:
        parts: defaultdict[Hashable, list[str]] = defaultdict(list)
        for path in group:
            parts[key(path)].append(path)
        found += [part for part in parts.values() if len(part) > 1]
    return found


def _digest(path: str, last: int) -> bytes:
    with open(path, "rb") as file:
        return blake2b(_last(file, last)).digest()
