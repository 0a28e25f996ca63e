"""Checks of image files: existence, decoding by the reader that training uses, size, duplicates."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from hashlib import blake2b
from importlib.util import find_spec
from typing import BinaryIO, Final, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from model_zoo_api.picture_files import open_picture
from model_zoo_api.sources import IMAGE_SUFFIXES
from yolonas_plugin.data.report import Kind
from yolonas_plugin.files.paths import open_regular
from yolonas_plugin.images import refuse_programs

SUFFIXES: Final = IMAGE_SUFFIXES - {".dib", ".gif", ".jpe", ".pbm", ".pfm", ".pgm", ".pnm", ".ppm"} | {".dng"}
"""Endings of the image files that the engine opens, of the contract's and one more."""

_ORIENTATION: Final = 0x0112
_BY_PILLOW: Final = (".avif", ".heic", ".heif")
"""Image files that the engine has Pillow decode."""

_END: Final = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}
_TAIL: Final = 4096
_LARGEST: Final = 2 << 30
_LARGE: Final = 1 << 24
_NO_SUCH_NAME: Final = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL}

_one_large_at_a_time = threading.Lock()


def is_image(path: str) -> bool:
    """Whether a file's name is that of an image which the engine opens."""
    return os.path.splitext(path)[1].lower() in SUFFIXES


class Look(NamedTuple):
    """Height and width in pixels as the engine decodes the image, and bytes of the file; or the problem with it."""

    shape: tuple[int, int] = (0, 0)
    bytes: int = 0
    problem: Kind | None = None
    detail: str = ""


def look_at(path: str) -> Look:
    """Decode an image file, as it will be for training and measuring; Pillow tells what is wrong where that fails.

    A file that isn't regular isn't waited for, and one whose head claims more pixels than Pillow takes isn't decoded.
    """
    try:
        with open_regular(path) as file:
            return _decode(file, path)
    except (OSError, ValueError) as error:
        # a name may be longer than names can be, or have a zero byte
        missing = getattr(error, "errno", None) in _NO_SUCH_NAME or "\0" in path
        return Look(problem=Kind.IMAGE_MISSING) if missing else _unreadable(error)
    except Exception as error:  # Pillow raises whatever its decoders do
        return _unreadable(error)


def _unreadable(error: Exception) -> Look:
    unknown = isinstance(error, UnidentifiedImageError)
    return Look(problem=Kind.IMAGE_UNREADABLE, detail="not an image that Pillow knows" if unknown else str(error))


def _decode(file: BinaryIO, path: str) -> Look:
    size = os.fstat(file.fileno()).st_size
    if size > _LARGEST:
        raise ValueError(f"a file of {size:,} bytes")
    refuse_programs(file.read(4))
    file.seek(0)
    with _opened(file) as image:
        kind, mode, (width, height) = image.format or "", image.mode, image.size
        turned = kind == "JPEG" and image.getexif().get(_ORIENTATION) in {5, 6, 7, 8}
    if kind in _END and _last(file, len(_END[kind])) != _END[kind]:
        _load(file)  # older versions of OpenCV fill up what is missing
    with _one_large_at_a_time if width * height > _LARGE else contextlib.nullcontext():
        if path.lower().endswith(_BY_PILLOW):
            width, height = _load(file)
        elif (shape := _decoded_shape(file, reduced=kind == "JPEG")) is None:
            _load(file)
            raise ValueError(f"{kind} of mode {mode}, which OpenCV can't decode")
        elif kind != "JPEG":
            height, width = shape
    return Look((width, height) if turned else (height, width), size)


def _opened(file: BinaryIO) -> Image.Image:
    """Open by Pillow; where a decoder of HEIC is there, in the way in which the engine takes that."""
    return Image.open(file) if _has_heif() else open_picture(file)


@functools.cache
def _has_heif() -> bool:
    return find_spec("pi_heif") is not None


def _load(file: BinaryIO) -> tuple[int, int]:
    """Decode by Pillow, which raises what is wrong; return width and height, turned as EXIF says."""
    file.seek(0)
    with _opened(file) as image:
        return ImageOps.exif_transpose(image).size


def _decoded_shape(file: BinaryIO, *, reduced: bool) -> tuple[int, int] | None:
    """Decode by OpenCV; ``reduced`` makes an eighth of a JPEG's size, for which all of it is read all the same."""
    import cv2

    file.seek(0)
    content = np.frombuffer(file.read(), np.uint8)
    try:
        image = cv2.imdecode(content, cv2.IMREAD_REDUCED_COLOR_8 if reduced else cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if image is None else image.shape[:2]


def _last(file: BinaryIO, count: int) -> bytes:
    """Read the last bytes of a file, all of them when it has fewer."""
    file.seek(-min(count, os.fstat(file.fileno()).st_size), os.SEEK_END)
    return file.read()


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


def _digest(path: str, last: int) -> Hashable:
    try:
        with open_regular(path) as file:
            return blake2b(_last(file, last)).digest()
    except (OSError, ValueError):
        return path  # gone since it was looked at
