"""The images that int8 is calibrated on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from yolonas_plugin.errors import RuntimeChoiceError
from yolonas_plugin.files.digest import file_sha256
from yolonas_plugin.images import list_images, open_images
from yolonas_plugin.processing import Image

MOST_IMAGES: Final = 300
"""As many as are looked at: NNCF's default; more change nothing."""


class CalibrationImages:
    """The first images [H, W, C], BGR, of a source, read one by one, anew each time that they are gone through.

    Those that can't be read are left out.

    Args:
        source: A path, folder or glob, an array, or a list of these.
        channels: Channels that they are brought to.

    Attributes:
        most: As many as there are, if all can be read.

    Raises:
        FileNotFoundError: There is no such file or folder.
        RuntimeChoiceError: Not one can be read.
    """

    def __init__(self, source: Any, channels: int = 3) -> None:
        self._source, self._channels = source, channels
        self.most = sum(1 for _ in islice(list_images(source), MOST_IMAGES))
        if next(iter(self), None) is None:
            raise RuntimeChoiceError(f"calibration={source!r}: could not read an image from it")

    def __iter__(self) -> Iterator[Image]:
        opened = islice(open_images(self._source, self._channels), MOST_IMAGES)
        return (one.image for one in opened if one.image is not None)


def calibration_digest(source: Any) -> str:
    """Return a digest of what :class:`CalibrationImages` has, for which no image is decoded."""
    return hashlib.sha256("".join(_digests(source)).encode()).hexdigest()


def _digests(source: Any) -> Iterator[str]:
    for entry in islice(list_images(source), MOST_IMAGES):
        if isinstance(entry, str):
            yield file_sha256(Path(entry))
        else:
            yield hashlib.sha256(np.ascontiguousarray(entry).data).hexdigest()
