"""Pictures that strangers send, read with bounds: each is one still picture, whatever it says that it is."""

from __future__ import annotations

from importlib import import_module
from typing import IO, Any, Final

from model_zoo_api.errors import DependencyMissingError, SourceError
from model_zoo_api.texts import printable

FORMATS: Final = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
"""What is read, by Pillow's names, whatever the file is called; of several pictures in a file it is the first."""

MOST_PIXELS: Final = 89_478_485
"""Of a picture, where Pillow begins to warn: an array of 256 MiB."""


class NoPictureError(SourceError):
    """What was sent is a file of another kind."""


def read_picture(file: IO[bytes], name: str = "the file") -> Any:
    """Return the pixels [height, width, 3], uint8 in the order blue, green, red, turned as its camera says.

    Args:
        file: An open file.
        name: What the person who sent it calls it, for messages.

    Raises:
        NoPictureError: It is no picture of :data:`FORMATS`.
        SourceError: It is one that can't be read, or has more than :data:`MOST_PIXELS`.
        DependencyMissingError: Pillow isn't installed.
    """
    name = printable(name)
    try:
        from PIL import ImageOps

        from model_zoo_api.picture_files import readers_of
    except ModuleNotFoundError as error:
        raise DependencyMissingError("reading pictures needs the package 'PIL': pip install pillow") from error
    beginning = file.read(16)
    file.seek(0)
    for kind, reader in readers_of(beginning):
        if kind not in FORMATS:
            continue
        try:
            with reader(file, "") as picture:
                width, height = picture.size
                if width * height > MOST_PIXELS:
                    break
                return _pixels(ImageOps.exif_transpose(picture))
        except MemoryError:
            raise
        except Exception as error:  # Pillow raises many kinds for damaged files
            said = printable(str(error)) or type(error).__name__
            raise SourceError(f"{name} is a damaged {kind} file: {said}") from error
    else:
        raise NoPictureError(f"{name} is no picture: {', '.join(FORMATS)} are read")
    raise SourceError(f"{name} is {width} x {height}; a picture of at most {MOST_PIXELS:,} pixels is read")


def _pixels(picture: Any) -> Any:
    """Return a picture of any mode as an array."""
    numpy = import_module("numpy")
    if picture.mode.startswith("I"):  # 16 bits for each pixel, of which Pillow would cut off the upper ones
        grey = (numpy.asarray(picture).clip(0, 65_535) >> 8).astype("uint8")
        return numpy.repeat(grey[..., None], 3, axis=2)
    return numpy.ascontiguousarray(numpy.asarray(picture.convert("RGB"))[..., ::-1])
