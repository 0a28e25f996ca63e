"""What a predictor may be given, taken apart in the same way for every provider.

==================================  ====================================================================
a path                              one image (or the frames of a video, where the provider reads those)
a folder, or a pattern (``*.jpg``)  each image file in it, by name; none at all is a ``SourceError``
an array                            one image: [height, width, 3], 8 bits, in the order blue, green, red
a list or an iterator of these      what each stands for, in that order; of an empty list, nothing
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

IMAGE_SUFFIXES: Final = frozenset(
    (
        *(".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".jp2", ".jpe", ".jpeg", ".jpg", ".mpo"),
        *(".pbm", ".pfm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
    )
)
"""Of the files in a folder that are taken for images."""

_TAKEN: Final = "a path, folder, pattern, array [height, width, 3], or a list of these"


def check_source(source: Any) -> None:
    """See that a source is of a kind that may name images; nothing is looked for yet.

    Raises:
        SourceError: It isn't.
    """
    if is_array(source):
        return
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        if not isinstance(path, str) or not path.strip():
            raise SourceError(f"source is {shown(path)}, which names no image: give {_TAKEN}")
    elif isinstance(source, (bytes, bytearray, memoryview, Mapping, set, frozenset)) or not isinstance(
        source, Iterable
    ):
        raise SourceError(f"source is {shown(source)}, which is no image: give {_TAKEN}")


def entries(source: Any, expand: Callable[[str], Iterable[str]] | None = None) -> Iterator[Any]:
    """Return an iterator over what a source stands for: paths as text, arrays, and entries of a list that are neither.

    It is checked at once. A list is read as it is asked for; what is no image is found out when its turn comes.

    Args:
        source: What the predictor was given.
        expand: Returns the files that a path, folder or pattern stands for, and raises ``SourceError`` where there are
            none; for providers that know more of these. Default: :func:`files_of`.

    Raises:
        SourceError: It names no image.
    """
    check_source(source)
    expand = expand or files_of
    if is_array(source):
        return iter((source,))
    if isinstance(source, (str, os.PathLike)):
        return iter(expand(os.fspath(source)))
    return _entries(source, expand)


def _entries(source: Iterable[Any], expand: Callable[[str], Iterable[str]]) -> Iterator[Any]:
    for entry in source:
        path = os.fspath(entry) if isinstance(entry, os.PathLike) else entry
        try:
            yield from expand(path) if isinstance(path, str) and path.strip() else (path,)
        except SourceError:
            yield path  # reading it fails too, and that becomes an outcome


def files_of(path: str) -> list[str]:
    """Return the files that a path, folder or pattern stands for; a folder's and a pattern's by name.

    A path is taken for a file, whether or not there is one.

    Raises:
        SourceError: There is no image in the folder, no file like the pattern, or the folder can't be listed.
    """
    path = os.path.expanduser(path)
    try:
        if os.path.isdir(path):
            found = [os.path.join(path, name) for name in sorted(os.listdir(path)) if _is_image(name)]
            if not found:
                raise SourceError(f"{path}: no image is in this folder ({', '.join(sorted(IMAGE_SUFFIXES))})")
            return found
        if glob.has_magic(path) and not os.path.lexists(path):
            found = sorted(match for match in glob.glob(path) if not os.path.isdir(match))
            if not found:
                raise SourceError(f"{path}: no file is like that")
            return found
    except OSError as error:
        raise SourceError(f"{path}: it can't be listed: {error}") from error
    return [path]


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
            if path is None or not path.strip():
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


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES and not name.startswith(".")
