"""Picture files, opened by Pillow's own readers, which is imported with this module.

Never by ``PIL.Image.open``: an engine may have put something else there, as Ultralytics does, which installs a package
when it doesn't know a file. PostScript isn't read either, which Pillow has Ghostscript execute.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import IO, Any, Final, TypeAlias

from PIL import Image, UnidentifiedImageError

Reader: TypeAlias = Callable[[IO[bytes], str], Any]
"""Opens a file as one kind of picture; the second argument is a name, which may be empty."""

_PROGRAMS: Final = ("EPS",)

_IS_NONE: Final = (SyntaxError, IndexError, TypeError, struct.error)
"""By which Pillow's readers say that a file is none of theirs."""


def readers_of(beginning: bytes) -> Iterator[tuple[str, Reader]]:
    """Yield what may read a file, by its first 16 bytes: Pillow's name of a kind, and the reader of that."""
    asked = set(_PROGRAMS)
    for load in (Image.preinit, Image.init):  # the common ones first: importing all takes a while
        load()
        for kind in tuple(Image.ID):
            if kind not in asked:
                asked.add(kind)
                reader, accepts = Image.OPEN[kind]
                if accepts is None or _is_accepted(accepts, beginning):
                    yield kind, reader


def open_picture(file: IO[bytes]) -> Image.Image:
    """Return a picture, whose pixels are read when they are asked for; the file stays open, and is the caller's.

    Raises:
        PIL.UnidentifiedImageError: It is no picture that Pillow knows, or a damaged one.
        PIL.Image.DecompressionBombError: It claims more than twice ``PIL.Image.MAX_IMAGE_PIXELS``.
        OSError, ValueError: It can't be read, or is damaged.
    """
    file.seek(0)
    for _, reader in readers_of(file.read(16)):
        file.seek(0)
        try:
            picture: Image.Image = reader(file, "")
        except _IS_NONE:
            continue
        most, pixels = Image.MAX_IMAGE_PIXELS, picture.width * picture.height
        if most is not None and pixels > 2 * most:
            raise Image.DecompressionBombError(f"it has {pixels:,} pixels; at most {2 * most:,} are read")
        return picture
    raise UnidentifiedImageError("it is no picture that Pillow knows")


def _is_accepted(accepts: Callable[[bytes], Any], beginning: bytes) -> bool:
    try:
        return accepts(beginning) is True  # a text says why it isn't
    except _IS_NONE:  # there are fewer bytes than it looks at
        return False
