"""What a user may point at, as a list of files: so that one bad file among good ones is left out, whatever it is."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
from numpy.typing import NDArray
from ultralytics.data.loaders import LoadPilAndNumpy, SourceTypes, autocast_list
from ultralytics.data.utils import IMG_FORMATS, VID_FORMATS


def list_files(source: Any) -> list[str] | None:
    """Return the files behind paths, folders and globs in the order given, a folder's in that of their names.

    Args:
        source: A path, folder or glob, or a list of them.

    Returns:
        Absolute paths; None when the source is something else, such as an array, a URL or a list of addresses in a
        .txt file, which is the engine's to open.
    """
    entries = source if isinstance(source, (list, tuple)) else [source]
    if not entries or not all(isinstance(entry, (str, Path)) for entry in entries):
        return None
    files: list[str] = []
    for entry in entries:
        path = os.path.abspath(os.path.expanduser(entry))
        if os.path.isdir(path):
            files += [file for file in sorted(glob.glob(os.path.join(glob.escape(path), "*.*"))) if _is_known(file)]
        elif os.path.lexists(path) and (_is_known(path) or isinstance(source, (list, tuple))):
            files.append(path)
        elif glob.has_magic(path) and "://" not in str(entry):
            files += [file for file in sorted(glob.glob(path, recursive=True)) if _is_known(file)]
        else:
            return None
    return files


class Arrays(LoadPilAndNumpy):
    """Images in memory, ``batch`` at a time, where the engine takes them all at once.

    Args:
        images: Arrays [H, W, C] in BGR, PIL images, and paths or addresses of images.
        batch: Images at a time.
        channels: Of the network.
    """

    source_type = SourceTypes(from_img=True)

    def __init__(self, images: Sequence[Any], batch: int, channels: int) -> None:
        super().__init__(autocast_list(list(images)), channels)
        self._batch = batch

    def __next__(self) -> tuple[list[str], list[NDArray[Any]], list[str]]:
        begin, end = self.count * self._batch, (self.count + 1) * self._batch
        if begin >= len(self.im0):
            raise StopIteration
        self.count += 1
        paths = self.paths[begin:end]
        return paths, self.im0[begin:end], [""] * len(paths)


def is_video(path: str) -> bool:
    """Whether the name is that of a video."""
    return _suffix(path) in VID_FORMATS


def can_be_opened(path: str) -> bool:
    """Whether there is a file with something in it, and a video has frames; an image's content is not looked at."""
    if not os.path.isfile(path) or not os.path.getsize(path):
        return False
    if not is_video(path):
        return True
    video = cv2.VideoCapture(path)
    try:
        return video.isOpened()
    finally:
        video.release()


def _suffix(path: str) -> str:
    return path.rpartition(".")[-1].lower()


def _is_known(path: str) -> bool:
    return _suffix(path) in IMG_FORMATS or is_video(path)
