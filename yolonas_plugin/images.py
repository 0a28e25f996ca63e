"""Image files, and arrays taken for images; without the Ultralytics engine."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from model_zoo_api.sources import IMAGE_SUFFIXES, entries
from model_zoo_api.texts import printable
from yolonas_plugin.errors import DataNotFoundError, ExportError, SourceError
from yolonas_plugin.files.paths import files_of, open_regular
from yolonas_plugin.files.whole import write_whole
from yolonas_plugin.processing import Image
from yolonas_plugin.settings import check_source

SUFFIXES: Final = {suffix.removeprefix(".") for suffix in IMAGE_SUFFIXES} - {"gif"}
"""Endings of the images in a folder, the contract's but for GIF, which most versions of OpenCV can't read."""

LOGGER: Final = logging.getLogger("yolonas_plugin")

_FULL_COLOUR: Final = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
_MOST_BYTES: Final = 2**31 - 1  # of a file: OpenCV's decoders count in 32 bits


class Opened(NamedTuple):
    """An image, or why it can't be read; its path, None for an array."""

    path: str | None
    image: Image | None
    error: str = ""


def open_images(source: Any, channels: int = 3, load: Callable[[str, int], Image] | None = None) -> Iterator[Opened]:
    """Open images one after the other, as they are asked for.

    Args:
        source: What a predictor of the contract takes, see :mod:`model_zoo_api.sources`; ``**`` in a pattern is any
            number of folders.
        channels: Channels that the images are brought to.
        load: Reads a file. Default: :func:`load_image`.

    Raises:
        SourceError: It names no image.
    """
    return _opened(entries(source, _files), channels, load or load_image)


def is_one_image(source: Any) -> bool:
    """Whether a source is one image and no more, as far as can be told without opening it."""
    if isinstance(source, (list, tuple)):
        return len(source) == 1 and is_one_image(source[0])
    return isinstance(source, np.ndarray) or (isinstance(source, (str, os.PathLike)) and os.path.isfile(source))


def _opened(found: Iterator[Any], channels: int, load: Callable[[str, int], Image]) -> Iterator[Opened]:
    for entry in found:
        path = entry if isinstance(entry, str) else None
        try:
            if path is not None:
                yield Opened(path, load(path, channels))
            elif isinstance(entry, np.ndarray):
                yield Opened(None, as_pixels(entry, channels))
            else:
                raise SourceError(f"a {type(entry).__name__} is no image; give paths, folders, globs or arrays")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            yield Opened(path, None, reason)


def _files(path: str) -> list[str]:
    """Return the files of a path, folder or glob; relative paths where the entry is relative."""
    path = os.path.expanduser(path)
    if not os.path.isdir(path) and (os.path.lexists(path) or not glob.has_magic(path)):
        return [path]  # whether or not it is there, which reading it says
    found = files_of(path, SUFFIXES)
    if not found:
        raise DataNotFoundError(f"{printable(path)}: there is no image to be read")
    here = os.path.join(os.getcwd(), "")
    return found if os.path.isabs(path) else [file.removeprefix(here) for file in found]


def list_images(source: Any) -> Iterator[str | NDArray[Any]]:
    """Yield the paths of a source's files, and its arrays.

    Args:
        source: A path, folder or glob, an array [H, W, C] in BGR, or a list of these.

    Raises:
        DataNotFoundError: There is no such file, or nothing that a folder or glob could mean.
        SourceError: Something else was given.
    """
    check_source(source)
    found = False
    for entry in source if isinstance(source, (list, tuple)) else [source]:
        if isinstance(entry, np.ndarray):
            found = True
            yield entry
        elif isinstance(entry, (str, Path)):
            for path in files_of(str(entry), SUFFIXES):
                found = True
                yield path
        else:
            raise SourceError(f"a {type(entry).__name__} is no image; give paths, folders, globs or arrays")
    if not found:
        raise DataNotFoundError(f"{source}: there is no image to be read")


def load_image(path: str, channels: int = 3) -> Image:
    """Read a file, turned as its EXIF data says.

    Raises:
        OSError, ValueError: It can't be read.
    """
    return decode_image(read_file(path), channels)


def read_image(path: str, channels: int = 3) -> Image | None:
    """Read a file, turned as its EXIF data says; None if it can't be read."""
    try:
        return load_image(path, channels)
    except (OSError, ValueError):
        return None


def read_file(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Return the bytes of a file, [N], whatever its name; OpenCV itself can't open every name, and dies of some.

    Raises:
        OSError, ValueError: It can't be opened or read, or is no file.
        SourceError: It is empty, or has 2 GiB or more.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if not 0 < size <= _MOST_BYTES:
            raise SourceError(f"{printable(os.fspath(path))}: it is empty, or has 2 GiB or more")
        try:
            return np.frombuffer(file.read(size), np.uint8)
        except MemoryError:
            raise SourceError(f"{printable(os.fspath(path))}: {size} bytes are more than there is memory") from None


def refuse_programs(head: bytes) -> None:
    """See that a file isn't PostScript, whatever its name: Pillow hands that to Ghostscript, which executes it.

    Args:
        head: The file's first bytes.

    Raises:
        SourceError: It is.
    """
    if head.startswith((b"%!PS", b"\xc5\xd0\xd3\xc6")):
        raise SourceError("it is PostScript, a program, and no image")


def decode_image(content: NDArray[np.uint8], channels: int = 3) -> Image:
    """Return the image that a file holds, turned as its EXIF data says.

    Args:
        content: The file's bytes, [N].
        channels: Channels that the image is brought to.

    Raises:
        SourceError: It is no image that OpenCV reads.
    """
    flags = {1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR}.get(channels, cv2.IMREAD_UNCHANGED)
    try:
        image = cv2.imdecode(content, flags)
    except (cv2.error, MemoryError):  # no bytes at all, or more pixels than OpenCV or the memory takes
        image = None
    if image is None:
        raise SourceError(f"{len(content)} bytes that are no image")
    return as_pixels(image, channels)


def as_pixels(image: NDArray[Any], channels: int) -> Image:
    """Return ``image`` as [H, W, channels] uint8: 16-bit loses its low byte, grey is repeated, alpha is dropped.

    Raises:
        SourceError: It isn't an image of 8 or 16 bits with 1, 3 or 4 channels.
    """
    if image.ndim not in (2, 3) or not image.size or image.dtype not in (np.uint8, np.uint16):
        raise SourceError(
            f"got an array of shape {image.shape} and type {image.dtype}; expected one image [H, W, {channels}] "
            "of type uint8, 0 to 255 in BGR"
        )
    pixels: Image = (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    found = pixels.shape[2]
    if found != channels and found in (2, 4):
        pixels, found = pixels[..., : found - 1], found - 1  # without alpha
    if found == 1 and channels > 1:
        pixels, found = np.repeat(pixels, channels, axis=2), channels
    if found != channels:
        raise SourceError(f"got an image with {image.shape[2]} channels; this model takes {channels}")
    return np.ascontiguousarray(pixels)


def write_picture(path: str | os.PathLike[str], picture: NDArray[np.uint8], quality: int | None = None) -> None:
    """Write a picture [H, W, C], BGR, whole or not at all, whatever its name; folders on the way are made.

    Args:
        path: Its ending says what kind of picture it becomes.
        picture: The pixels.
        quality: 0 to 100, of a JPEG that keeps colours at full resolution. None: as OpenCV writes it, which is smaller.

    Raises:
        ExportError: It can't be written, for want of space for example, or there is no such kind.
    """
    suffix, settings = Path(path).suffix.lower(), []
    if quality is not None and suffix in {".jpg", ".jpeg", ".jpe"}:
        settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _FULL_COLOUR]
    try:
        encoded = cv2.imencode(suffix, np.ascontiguousarray(picture), settings)[1]
    except cv2.error as error:
        raise ExportError(f"{printable(str(path))}: OpenCV writes no such picture: {error.err or error}") from error
    write_whole(path, encoded.tobytes(), durable=False)


def unreadable(paths: Sequence[str], channels: int = 3) -> SourceError:
    """Return the error for a source of which no file can be read as an image with so many channels."""
    shown = ", ".join(map(printable, paths[:3])) + (" ..." if paths[3:] else "")
    what = "image" if channels in (1, 3) else f"image with {channels} channels, which this model takes,"
    return SourceError(f"could not read an {what} from {shown}")


def log_unreadable(path: str) -> None:
    """Log that a file was left out, where the result has no list of such files."""
    LOGGER.warning("could not be read as an image, and is left out: %s", printable(path))
