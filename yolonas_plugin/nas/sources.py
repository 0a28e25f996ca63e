"""What a source of images means under the engine: the files behind it, and the pixels in a file or an object."""

from __future__ import annotations

import csv
import os
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray
from torch import Tensor
from ultralytics.data.loaders import LOADERS
from ultralytics.data.utils import IMG_FORMATS, VID_FORMATS

from model_zoo_api.texts import printable
from yolonas_plugin.engine import read_image_file
from yolonas_plugin.errors import SourceError
from yolonas_plugin.files.paths import files_of, is_regular, suffix_of, text_path
from yolonas_plugin.images import as_pixels, decode_image, read_file, refuse_programs
from yolonas_plugin.options import STRIDE
from yolonas_plugin.processing import Image
from yolonas_plugin.settings import check_source

_KINDS: Final = (str, Path, np.ndarray, PIL.Image.Image)
"""What a source may be, or a list have entries of."""


def check_engine_source(source: Any, channels: int) -> None:
    """See that a source names something that the engine can open, for a network with so many channels.

    Raises:
        SourceError: It doesn't.
        DataNotFoundError: It is an empty list, or a path that doesn't exist.
    """
    check_source(source)
    if isinstance(source, Tensor):
        _check_tensor(source, channels)
        return
    several = isinstance(source, (list, tuple))
    entries = source if several else [source]
    for entry in entries:
        if several and isinstance(entry, Tensor):
            raise SourceError("a list of tensors is no source; stack them to one tensor [B, C, H, W]")
        if not isinstance(entry, _KINDS) and (several or not isinstance(entry, (int, np.integer, *LOADERS))):
            raise SourceError(
                f"a {type(entry).__name__} is no image; give paths, folders, globs, addresses, arrays or PIL images"
            )


def _check_tensor(batch: Tensor, channels: int) -> None:
    wanted = f"[B, {channels}, H, W], RGB from 0 to 1" if channels == 3 else f"[B, {channels}, H, W], from 0 to 1"
    shape = list(batch.shape)
    if batch.ndim not in (3, 4) or not batch.numel():
        raise SourceError(f"got a tensor {shape}; this model takes {wanted}")
    if shape[-3] != channels:
        raise SourceError(f"got a tensor {shape}, with {shape[-3]} channels; this model takes {channels}: {wanted}")
    if wrong := [side for side in shape[-2:] if side % STRIDE]:
        raise SourceError(f"got a tensor {shape}; its sides must be multiples of {STRIDE}, and {wrong[0]} is none")


def list_files(source: Any) -> list[str] | None:
    """Return the files behind paths, folders and globs in the order given, a folder's in that of their names.

    Args:
        source: A path, folder or glob, a .txt or .csv file that lists some, or a list of them.

    Returns:
        Absolute paths; None when the source is something else, such as an array or a URL, which is the engine's to
        open.
    """
    entries = list(source) if isinstance(source, (list, tuple)) else [source]
    if not entries or not all(isinstance(entry, (str, Path)) for entry in entries):
        return None
    if len(entries) == 1 and suffix_of(str(entries[0])) in {"txt", "csv"} and is_regular(str(entries[0])):
        return list(_listed(Path(entries[0])))
    files: list[str] = []
    for entry in map(str, entries):
        if "://" in entry:
            return None
        try:
            found = files_of(entry, IMG_FORMATS | VID_FORMATS)
        except FileNotFoundError:
            return None  # the engine knows whether it is a camera, and what to say if not
        if not isinstance(source, (list, tuple)) and not _is_known(entry) and os.path.isfile(entry):
            return None
        files += found
    return files


def as_array(image: NDArray[Any] | PIL.Image.Image, channels: int) -> NDArray[Any]:
    """Return an image as an array [H, W] or [H, W, C], BGR; one of PIL is turned as EXIF says, and has 8 bits.

    Raises:
        SourceError: Its pixels can't be read.
    """
    if not isinstance(image, PIL.Image.Image):
        return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if channels == 1 and _is_colour(image) else image
    try:
        upright = PIL.ImageOps.exif_transpose(image)
        if upright.mode == "I" or upright.mode.startswith("I;16"):  # 16 bits, of which Pillow would keep the wrong ones
            upright = PIL.Image.fromarray((np.asarray(upright).clip(0, 65535).astype(np.uint16) >> 8).astype(np.uint8))
        pixels = np.asarray(upright.convert("L" if channels == 1 else "RGB"))
    except Exception as error:  # Pillow raises whatever its decoders do
        name = getattr(image, "filename", "") or "a PIL image"
        raise SourceError(f"{printable(str(name))}: its pixels can't be read: {error}") from error
    return pixels if channels == 1 else pixels[..., ::-1]


def _is_colour(image: NDArray[Any]) -> bool:
    return image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3


def is_video(path: str) -> bool:
    """Whether the name is that of a video."""
    return suffix_of(path) in VID_FORMATS


def read_image(path: str, channels: int) -> Image | None:
    """Read an image as :func:`load_image` does; None if it can't be read."""
    try:
        return load_image(path, channels)
    except (OSError, ValueError):
        return None


def load_image(path: str, channels: int) -> Image:
    """Read an image [H, W, channels], BGR, as the engine does where OpenCV alone can't.

    Raises:
        OSError, ValueError: It can't be read.
    """
    content = read_file(path)
    try:
        return decode_image(content, channels)
    except SourceError as error:
        refuse_programs(content[:4].tobytes())
        flags = {1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR}.get(channels, cv2.IMREAD_UNCHANGED)
        try:
            return as_pixels(read_image_file(path, flags), channels)
        except Exception:  # whatever the decoders of Pillow raise
            raise error from None


def open_video(path: str) -> cv2.VideoCapture:
    """Open a video file; ``isOpened`` says whether it is one."""
    if not is_regular(path):
        return cv2.VideoCapture()
    try:
        with text_path(path) as text:
            return cv2.VideoCapture(text)
    except OSError:  # no link can be made
        return cv2.VideoCapture()


def _listed(file: Path) -> Iterator[str]:
    """Yield the files that a .txt or .csv file names, one a line, relative to the working directory or to the file."""
    lines = read_file(file).tobytes().removeprefix(BOM_UTF8).decode(errors="surrogateescape").splitlines()
    if suffix_of(str(file)) == "csv":
        rows = list(csv.reader(lines))
        lines = [cell for row in (rows[1:] if rows[:1] == [["source"]] else rows) for cell in row]
    for entry in filter(None, map(str.strip, lines)):
        beside = os.path.join(os.path.abspath(file.parent), entry)
        try:
            yield from files_of(entry if os.path.lexists(entry) else beside, IMG_FORMATS | VID_FORMATS)
        except FileNotFoundError:
            yield beside  # to be reported with the others that can't be read


def _is_known(path: str) -> bool:
    return suffix_of(path) in IMG_FORMATS or is_video(path)
