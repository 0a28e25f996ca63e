"""What a predictor may be given, taken apart in the same way for every provider.

==================================  ====================================================================
a path                              one image (or the frames of a video, where the provider reads those)
a folder, or a pattern like *.jpg   each image file in it, by name; none at all is a ``SourceError``
an array                            one image: [height, width, 3], 8 bits, in the order blue, green, red
a list or an iterator of these      each of them, in that order; of an empty list, nothing
None, "", anything else             ``SourceError``
==================================  ====================================================================

An image that can't be read, and an entry of a list that is no image, is an outcome with ``error``; the others go on.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from model_zoo_api.detections import Detections, failed
from model_zoo_api.errors import SourceError
from model_zoo_api.foreign import shown

IMAGE_SUFFIXES: Final = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))
"""Of the files in a folder that are taken for images."""

_TAKEN: Final = "a path, folder, pattern, array [height, width, 3], or a list of these"


def entries(source: Any) -> Iterator[Any]:
    """Return an iterator over the paths (as text) and arrays that a source stands for.

    It is checked at once, and read as it is asked for.

    Raises:
        SourceError: It names no image.
    """
    if is_array(source):
        return iter((source,))
    if isinstance(source, (str, os.PathLike)):
        return iter(_paths(source))
    if isinstance(source, (bytes, bytearray, memoryview, Mapping, set, frozenset)) or not isinstance(source, Iterable):
        raise SourceError(f"source is {shown(source)}, which is no image: give {_TAKEN}")
    return map(_entry, source)


def outcomes(source: Any, detect: Callable[[Any], Detections]) -> Iterator[Detections]:
    """Yield one outcome for each image of a source, in order.

    Args:
        source: What the predictor was given.
        detect: Finds what is in one image: a path as text, or an array. It raises ``OSError`` or ``SourceError`` for
            an image that can't be read.

    Raises:
        SourceError: The source names no image.
    """
    for index, entry in enumerate(entries(source)):
        path = entry if isinstance(entry, str) else None
        try:
            if not isinstance(entry, str):
                check_array(entry)
            found = detect(entry)
        except (OSError, SourceError) as error:
            yield failed(path, error, index=index)
        else:
            yield replace(found, path=path, index=index)


def is_array(value: Any) -> bool:
    """Whether a value is an array of some library: it has a shape and a kind of numbers."""
    return hasattr(value, "shape") and hasattr(value, "dtype")


def check_array(value: Any) -> None:
    """See that a value is an image in an array.

    Raises:
        SourceError: It isn't.
    """
    if not is_array(value):
        raise SourceError(f"{shown(value)} is no image: give {_TAKEN}")
    shape = list(value.shape)
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or str(value.dtype).rpartition(".")[2] != "uint8":
        raise SourceError(
            f"the array has the shape {shape} and the type {value.dtype}; an image is [height, width, 3], uint8, in "
            "the order blue, green, red"
        )


def _entry(entry: Any) -> Any:
    """Return an entry of a list as it is handed on; what is no image is found out when its turn comes."""
    return os.fspath(entry) if isinstance(entry, os.PathLike) else entry


def _paths(source: str | os.PathLike[Any]) -> list[str]:
    path = os.fspath(source)
    if not isinstance(path, str) or not path.strip():
        raise SourceError(f"source is {shown(path)}, which names no image: give {_TAKEN}")
    path = os.path.expanduser(path)
    try:
        if os.path.isdir(path):
            found = [os.path.join(path, name) for name in sorted(os.listdir(path)) if _is_image(name)]
            if not found:
                raise SourceError(f"{path}: no image is in this folder ({', '.join(sorted(IMAGE_SUFFIXES))})")
            return found
        if glob.has_magic(path) and not os.path.lexists(path):
            found = sorted(match for match in glob.glob(path, recursive=True) if not os.path.isdir(match))
            if not found:
                raise SourceError(f"{path}: no file is like that")
            return found
    except (OSError, ValueError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"{path}: it can't be listed: {error}") from error
    return [path]


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES and not name.startswith(".")
