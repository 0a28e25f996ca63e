"""Files given to the engine: one that can't be read is left out and reported, whatever it is; the others are read."""

from __future__ import annotations

import csv
import os
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import cv2
from numpy.typing import NDArray
from ultralytics.data.loaders import LoadImagesAndVideos, LoadPilAndNumpy, SourceTypes, autocast_list
from ultralytics.data.utils import IMG_FORMATS, VID_FORMATS
from ultralytics.utils import LOGGER, NUM_THREADS
from ultralytics.utils.patches import imread

from model_zoo_api.texts import printable
from yolonas_plugin.errors import SourceError
from yolonas_plugin.files.paths import files_of, is_regular, suffix_of, text_path
from yolonas_plugin.images import as_pixels, decode_image, read_file, refuse_programs, unreadable
from yolonas_plugin.prefetch import MOST_BYTES
from yolonas_plugin.processing import Image

_TOGETHER: Final = 8  # images of a batch from which on several are decoded at a time
_SMALL_FILE: Final = 8 << 20


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


class FileLoader(LoadImagesAndVideos):
    """Reads images and then videos, a batch at a time, and goes on after what can't be read.

    A batch has images, or frames of one video; it ends early when its pixels take
    :data:`~yolonas_plugin.prefetch.MOST_BYTES`.

    Attributes:
        unreadable: The files that could not be read so far.
    """

    def __init__(self, files: Sequence[str], batch: int, vid_stride: int, channels: int) -> None:
        images = [file for file in files if not is_video(file)]
        self.files = images + [file for file in files if is_video(file)]
        self.ni, self.nf = len(images), len(files)
        self.video_flag = [index >= self.ni for index in range(self.nf)]
        self.mode = "image" if images else "video"
        self.bs, self.vid_stride, self.channels = batch, vid_stride, channels
        self.count = self.frame = self.frames = 0
        self.fps = 0.0
        self.cap: cv2.VideoCapture | None = None
        self.unreadable: list[str] = []
        self.source_type = SourceTypes()

    def __iter__(self) -> FileLoader:
        self.count = 0
        return self

    def __next__(self) -> tuple[list[str], list[Image], list[str]]:
        """Return the paths, pixels [H, W, C] and descriptions of a batch."""
        batch: list[tuple[str, Image, str]] = []
        while not batch and self.count < self.nf:
            batch = list(self._frames() if self.video_flag[self.count] else self._images())
        if not batch:
            raise StopIteration
        paths, pixels, info = map(list, zip(*batch, strict=True))
        return paths, pixels, info

    def close(self) -> None:
        """Let go of the video that is open."""
        if self.cap is not None:
            self.cap.release()
            self.cap = None

    def _images(self) -> Iterator[tuple[str, Image, str]]:
        self.mode = "image"
        found, size = 0, 0
        while found < self.bs and size < MOST_BYTES and self.count < self.ni:
            paths = self.files[self.count : self.count + self._at_once(self.bs - found)]
            for path, image in zip(paths, self._read(paths), strict=True):
                self.count += 1
                if image is None:
                    _leave_out(path, self.unreadable)
                    continue
                found, size = found + 1, size + image.nbytes
                yield path, image, f"image {self.count}/{self.nf} {printable(path)}: "

    def _at_once(self, wanted: int) -> int:
        """Return how many of the next images to decode side by side: one, unless all are small."""
        number = min(wanted, self.ni - self.count, NUM_THREADS) if self.bs >= _TOGETHER else 1
        next_ones = self.files[self.count : self.count + number]
        return number if all(os.path.getsize(path) < _SMALL_FILE for path in next_ones if is_regular(path)) else 1

    def _read(self, paths: Sequence[str]) -> list[Image | None]:
        if len(paths) == 1:
            return [read_image(paths[0], self.channels)]
        with ThreadPoolExecutor(len(paths)) as pool:
            return list(pool.map(lambda path: read_image(path, self.channels), paths))

    def _frames(self) -> Iterator[tuple[str, Image, str]]:
        self.mode = "video"
        path = self.files[self.count]
        if self.cap is None:
            self.cap, self.frame = open_video(path), 0
            self.fps = self.cap.get(cv2.CAP_PROP_FPS)
            self.frames = max(0, int(self.cap.get(cv2.CAP_PROP_FRAME_COUNT)) // self.vid_stride)
        found, size = 0, 0
        while found < self.bs and size < MOST_BYTES:
            image = self._next_frame()
            if image is None:
                if not self.frame:
                    _leave_out(path, self.unreadable)
                self.close()
                self.count += 1
                return
            self.frame, found, size = self.frame + 1, found + 1, size + image.nbytes
            total = max(self.frames, self.frame)
            yield path, image, f"video {self.count + 1}/{self.nf} (frame {self.frame}/{total}) {printable(path)}: "

    def _next_frame(self) -> Image | None:
        assert self.cap is not None
        try:
            if not all(self.cap.grab() for _ in range(self.vid_stride)):
                return None
            found, image = self.cap.retrieve()
            if not found or image is None:
                return None
            if self.channels == 1:
                image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
            return as_pixels(image, self.channels)
        except (cv2.error, SourceError):
            return None


class Arrays(LoadPilAndNumpy):
    """Images in memory, ``batch`` at a time, where the engine takes them all at once.

    Args:
        images: Arrays [H, W, C] in BGR, PIL images, and paths or addresses of images.
        batch: Images at a time.
        channels: Of the network.

    Attributes:
        unreadable: The files and addresses that could not be read.

    Raises:
        SourceError: Not one could be read.
    """

    source_type = SourceTypes(from_img=True)

    def __init__(self, images: Sequence[Any], batch: int, channels: int) -> None:
        self.unreadable: list[str] = []
        opened = [one for index, entry in enumerate(images) for one in self._open(index, entry, channels)]
        if not opened:
            raise unreadable(self.unreadable, channels)
        super().__init__([image for _, image in opened], channels)
        self.paths = [path for path, _ in opened]
        self._batch = batch

    def __next__(self) -> tuple[list[str], list[NDArray[Any]], list[str]]:
        begin, end = self.count * self._batch, (self.count + 1) * self._batch
        if begin >= len(self.im0):
            raise StopIteration
        self.count += 1
        paths = self.paths[begin:end]
        return paths, self.im0[begin:end], [""] * len(paths)

    def _open(self, index: int, entry: Any, channels: int) -> Iterator[tuple[str, Any]]:
        if not isinstance(entry, (str, Path)):
            yield getattr(entry, "filename", "") or f"image{index}.jpg", entry
        elif "://" in str(entry):
            try:
                yield str(entry), autocast_list([entry])[0]
            except Exception:  # of the network, or of Pillow's decoders
                _leave_out(str(entry), self.unreadable)
        else:
            for path in files_of(str(entry), IMG_FORMATS):
                image = read_image(path, channels)
                if image is None:
                    _leave_out(path, self.unreadable)
                else:
                    yield path, image


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
            return as_pixels(imread(path, flags=flags), channels)
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


def _leave_out(path: str, unreadable: list[str]) -> None:
    unreadable.append(path)
    LOGGER.warning(f"could not be read as an image or video, and is left out: {printable(path)}")


def _is_known(path: str) -> bool:
    return suffix_of(path) in IMG_FORMATS or is_video(path)
