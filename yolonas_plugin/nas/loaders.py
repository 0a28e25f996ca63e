"""What the engine's predictor reads images from: those that can't be read are left out and reported."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import cv2
from numpy.typing import NDArray
from ultralytics.data.loaders import LoadPilAndNumpy, SourceTypes, autocast_list
from ultralytics.data.utils import IMG_FORMATS
from ultralytics.utils import LOGGER, NUM_THREADS

from model_zoo_api.texts import printable
from yolonas_plugin.errors import SourceError
from yolonas_plugin.files.paths import files_of, is_regular
from yolonas_plugin.images import as_pixels, unreadable
from yolonas_plugin.nas.sources import as_array, is_video, open_video, read_image
from yolonas_plugin.prefetch import MOST_BYTES, fetch_ahead
from yolonas_plugin.processing import Image

_TOGETHER: Final = 8  # images of a batch from which on several are decoded at a time
_SMALL_FILE: Final = 8 << 20

_Entry: TypeAlias = tuple[str, Image, str]
"""Path, pixels and note of an image."""


class Batch(NamedTuple):
    """Images, or frames of one video, that are worked on together.

    Attributes:
        paths: Of the files, a video's once for each frame.
        images: Pixels [H, W, C], BGR.
        notes: What the log says of each.
        mode: ``"image"`` or ``"video"``.
        fps: Frames per second of the video.
        frames: How many frames it will give, as far as its file says.
        begun: What was begun with the images.
    """

    paths: list[str]
    images: list[Image]
    notes: list[str]
    mode: str = "image"
    fps: float = 0.0
    frames: int = 0
    begun: Any = None


def _nothing(images: list[Image]) -> None:
    """Begin with nothing."""


class Loader(LoadPilAndNumpy):
    """Batches for the engine's predictor, each read while the last is worked on.

    The engine takes loaders of its own kinds only; this has nothing of that one but its kind.

    Args:
        batch: Images at a time.
        length: How many batches there are, as far as that is known.

    Attributes:
        bs: The same, under the engine's name for it.
        mode: Of the batch that was given last.
        fps: Likewise.
        frames: Likewise.
        begun: Likewise, see :meth:`begin_ahead`.
        unreadable: The files and addresses that could not be read so far.
    """

    source_type = SourceTypes()

    def __init__(self, batch: int, length: int) -> None:
        self.bs, self._length = batch, length
        self.mode, self.fps, self.frames, self.begun = "image", 0.0, 0, None
        self.unreadable: list[str] = []
        self._batches: Generator[Batch] | None = None
        self._several = length > 1
        self._begin: Callable[[list[Image]], Any] = _nothing
        self._depth = 1

    def begin_ahead(self, begin: Callable[[list[Image]], Any], ahead: int) -> None:
        """Let work on the images begin before their turn, unless there is but one batch.

        Args:
            begin: Called with the images of each batch, in the thread that reads them.
            ahead: Images that are to be begun before the first of them is asked for.
        """
        self._begin, self._depth = begin, max(1, -(-ahead // self.bs))

    def read(self) -> Generator[Batch]:
        """Yield the batches."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Loader:
        self._batches = fetch_ahead(self.read(), self._begun, self._depth, _bytes) if self._several else self.read()
        return self

    def _begun(self, batch: Batch) -> Batch:
        return batch._replace(begun=self._begin(batch.images))

    def __next__(self) -> tuple[list[str], list[Image], list[str]]:
        """Return the paths, pixels and notes of a batch."""
        assert self._batches is not None
        self.begun = None  # nothing of the last batch is kept while the next one is waited for
        paths, images, notes, self.mode, self.fps, self.frames, self.begun = next(self._batches)
        return paths, images, notes

    def close(self) -> None:
        """Let go of what is being read, and of who began with it, who has this loader: a cycle keeps its images."""
        if self._batches is not None:
            self._batches.close()
        self._begin, self.begun = _nothing, None


class FileLoader(Loader):
    """Reads images and then videos, and goes on after what can't be read.

    A batch ends early when its pixels take :data:`~yolonas_plugin.prefetch.MOST_BYTES`.

    Args:
        files: Paths.
        batch: Images, or frames, at a time.
        vid_stride: Of so many frames of a video one is taken.
        channels: Of the network.
    """

    def __init__(self, files: Sequence[str], batch: int, vid_stride: int, channels: int) -> None:
        self._images = [file for file in files if not is_video(file)]
        self._videos = [file for file in files if is_video(file)]
        super().__init__(batch, -(-len(self._images) // batch) + 2 * len(self._videos))  # a video has several, mostly
        self.files = self._images + self._videos
        self.video_flag = [is_video(file) for file in self.files]  # by which the engine warns of long lists of results
        self._vid_stride, self._channels = vid_stride, channels

    @property
    def total(self) -> int | None:
        """Images, or frames of a single video, in all; None where that isn't known."""
        return len(self._images) if not self._videos else (self.frames or None) if len(self.files) == 1 else None

    def read(self) -> Generator[Batch]:
        """Yield the batches."""
        yield from _in_batches(self._of_images(), self.bs)
        for index, path in enumerate(self._videos, start=len(self._images) + 1):
            yield from self._of_video(path, f"video {index}/{len(self.files)}")

    def _of_images(self) -> Iterator[_Entry]:
        index = 0
        while index < len(self._images):
            paths = self._images[index : index + self._at_once(index)]
            for path, image in zip(paths, self._read(paths), strict=True):
                index += 1
                if image is None:
                    _leave_out(path, self.unreadable)
                else:
                    yield path, image, f"image {index}/{len(self.files)} {printable(path)}: "

    def _at_once(self, index: int) -> int:
        """Return how many of the next images to decode side by side: one, unless all are small."""
        number = min(self.bs, NUM_THREADS) if self.bs >= _TOGETHER else 1
        next_ones = self._images[index : index + number]
        return number if all(os.path.getsize(path) < _SMALL_FILE for path in next_ones if is_regular(path)) else 1

    def _read(self, paths: Sequence[str]) -> list[Image | None]:
        if len(paths) == 1:
            return [read_image(paths[0], self._channels)]
        with ThreadPoolExecutor(len(paths)) as pool:
            return list(pool.map(lambda path: read_image(path, self._channels), paths))

    def _of_video(self, path: str, number: str) -> Generator[Batch]:
        video = open_video(path)
        try:
            fps = video.get(cv2.CAP_PROP_FPS)
            frames = max(0, int(video.get(cv2.CAP_PROP_FRAME_COUNT)) // self._vid_stride)
            yield from _in_batches(self._frames(video, path, number, frames), self.bs, "video", fps, frames)
        finally:
            video.release()

    def _frames(self, video: cv2.VideoCapture, path: str, number: str, frames: int) -> Iterator[_Entry]:
        index = 0
        while (image := self._next_frame(video)) is not None:
            index += 1
            yield path, image, f"{number} (frame {index}/{max(frames, index)}) {printable(path)}: "
        if not index:
            _leave_out(path, self.unreadable)

    def _next_frame(self, video: cv2.VideoCapture) -> Image | None:
        try:
            if not all(video.grab() for _ in range(self._vid_stride)):
                return None
            found, image = video.retrieve()
            if not found or image is None:
                return None
            if self._channels == 1:
                image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
            return as_pixels(image, self._channels)
        except (cv2.error, SourceError):
            return None


class ImageLoader(Loader):
    """Gives images that are in memory, ``batch`` at a time, where the engine takes them all at once.

    Args:
        images: Arrays [H, W, C] in BGR, PIL images, and paths or addresses of images.
        batch: Images at a time.
        channels: Of the network.

    Raises:
        SourceError: Not one could be read.
    """

    source_type = SourceTypes(from_img=True)

    def __init__(self, images: Sequence[Any], batch: int, channels: int) -> None:
        super().__init__(batch, 1)  # as far as the engine warns of long lists of results
        self._opened = [one for index, entry in enumerate(images) for one in self._open(index, entry, channels)]
        if not self._opened:
            raise unreadable(self.unreadable, channels)
        self._several = len(self._opened) > batch

    def read(self) -> Generator[Batch]:
        """Yield the batches."""
        for begin in range(0, len(self._opened), self.bs):
            paths, images = zip(*self._opened[begin : begin + self.bs], strict=True)
            yield Batch([*paths], [*images], [""] * len(paths))

    def _open(self, index: int, entry: Any, channels: int) -> Iterator[tuple[str, NDArray[Any]]]:
        if not isinstance(entry, (str, Path)):
            yield getattr(entry, "filename", "") or f"image{index}.jpg", as_array(entry, channels)
        elif "://" in str(entry):
            try:
                yield str(entry), as_array(autocast_list([entry])[0], channels)
            except Exception:  # of the network, or of Pillow's decoders
                _leave_out(str(entry), self.unreadable)
        else:
            for path in files_of(str(entry), IMG_FORMATS):
                image = read_image(path, channels)
                if image is None:
                    _leave_out(path, self.unreadable)
                else:
                    yield path, image


def _in_batches(entries: Iterable[_Entry], most: int, *of: Any) -> Generator[Batch]:
    """Put ``most`` together, or fewer that are large; ``of`` is the rest of each batch."""
    batch, size = Batch([], [], [], *of), 0
    for entry in entries:
        columns: tuple[list[Any], ...] = batch[:3]
        for column, value in zip(columns, entry, strict=True):
            column.append(value)
        size += entry[1].nbytes
        if len(batch.paths) == most or size >= MOST_BYTES:
            yield batch
            batch, size = Batch([], [], [], *of), 0
    if batch.paths:
        yield batch


def _bytes(batch: Batch) -> int:
    return sum(image.nbytes for image in batch.images)


def _leave_out(path: str, unreadable: list[str]) -> None:
    unreadable.append(path)
    LOGGER.warning(f"could not be read as an image or video, and is left out: {printable(path)}")
