"""What a prediction saves: pictures, videos and labels, each with a name of its own and written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Hashable
from pathlib import Path
from typing import Final

import cv2
from ultralytics.utils import MACOS, WINDOWS

from model_zoo_api.texts import printable
from yolonas_plugin.errors import ExportError
from yolonas_plugin.files.paths import text_path
from yolonas_plugin.files.whole import whole
from yolonas_plugin.images import write_picture
from yolonas_plugin.processing import Image

_VIDEO: Final = (".mp4", "avc1") if MACOS else (".avi", "WMV2") if WINDOWS else (".avi", "MJPG")
"""Ending and codec of videos, as the engine chooses them."""


class OutputFolder:
    """The files of one run.

    Args:
        folder: Where they go; it is made with the first.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._taken: set[str] = set()
        self._names: dict[Hashable, str] = {}
        self._videos: dict[str, _Video] = {}

    def make_folder(self) -> None:
        """Make the folder.

        Raises:
            ExportError: It can't be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ExportError(f"{printable(str(self.folder))}: the folder can't be made: {error.strerror}") from error

    def name(self, source: str, of: Hashable = None) -> str:
        """Return the stem of the files for a source, which no other source has; the second ``a`` becomes ``a-2``.

        Args:
            source: The path of an image or a video.
            of: A video or a camera, all frames of which have one name; None for an image.
        """
        if of is not None and of in self._names:
            return self._names[of]
        first = name = Path(source).stem
        number = 1
        while name in self._taken:
            number += 1
            name = f"{first}-{number}"
        self._taken.add(name)
        if of is not None:
            self._names[of] = name
        return name

    def picture(self, name: str, picture: Image) -> None:
        """Write a picture.

        Raises:
            ExportError: It can't be written.
        """
        write_picture(self.folder / f"{name}.jpg", picture)

    def frame(self, name: str, picture: Image, fps: float) -> None:
        """Add a frame to a video, which is there after :meth:`close`.

        Raises:
            ExportError: It can't be written.
        """
        if name not in self._videos:
            self._videos[name] = _Video(self.folder / f"{name}{_VIDEO[0]}", picture, fps)
        self._videos[name].write(picture)

    def close(self) -> None:
        """Finish the videos.

        Raises:
            ExportError: One couldn't be written whole; the others are.
        """
        with contextlib.ExitStack() as stack:
            for video in self._videos.values():
                stack.callback(video.close)
            self._videos = {}


class _Video:
    def __init__(self, path: Path, first: Image, fps: float) -> None:
        self._file = contextlib.ExitStack()
        target = self._file.enter_context(whole(path, durable=False))
        self._path, self._frames = path, 0
        self._size = first.shape[1], first.shape[0]
        link = self._file.enter_context(text_path(target))
        self._link = link
        self._writer = cv2.VideoWriter(link, cv2.VideoWriter.fourcc(*_VIDEO[1]), max(1.0, fps), self._size)
        if not self._writer.isOpened():
            self._fail(OSError(errno.EIO, "OpenCV can't write a video there"))

    def write(self, picture: Image) -> None:
        self._writer.write(cv2.resize(picture, self._size) if picture.shape[1::-1] != self._size else picture)
        self._frames += 1

    def close(self) -> None:
        self._writer.release()
        written = cv2.VideoCapture(self._link)  # the writer itself never says that a disk is full
        whole_video = written.isOpened() and int(written.get(cv2.CAP_PROP_FRAME_COUNT)) >= self._frames
        written.release()
        if not whole_video:
            self._fail(OSError(errno.ENOSPC, "the video isn't whole, so the disk is full perhaps"))
        self._file.close()

    def _fail(self, error: OSError) -> None:
        """Leave what was there before, by raising within the block that writes."""
        if not self._file.__exit__(type(error), error, None):
            raise error
