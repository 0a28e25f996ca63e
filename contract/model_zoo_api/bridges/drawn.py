"""Pictures with boxes, written where nothing is yet."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from model_zoo_api.detections import Detections
from model_zoo_api.errors import DependencyMissingError, SettingError


def check_place(path: str | os.PathLike[str]) -> Path:
    """Return where a picture can be written. Nothing is written yet, so this is for before long work.

    Raises:
        SettingError: Something is there, its folder isn't, or its name's ending is of no format.
        DependencyMissingError: Pillow isn't installed.
    """
    place = Path(os.path.expanduser(path))
    if os.path.lexists(place):
        raise SettingError(f"{place} is there already, and isn't written over: give another name, or remove it")
    if not place.parent.is_dir():
        raise SettingError(f"{place} can't be written: there is no folder {place.parent}")
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise DependencyMissingError(
            f"drawing needs {error.name}, which is not installed: pip install pillow"
        ) from error
    if place.suffix.lower() not in Image.registered_extensions():
        raise SettingError(f"{place} can't be written: its ending is of no picture's format; such as .png or .jpg are")
    return place


def draw_to(found: Detections, path: str | os.PathLike[str]) -> Path:
    """Write a picture of an image with what was found in it; whole or not at all, and never over something else.

    Raises:
        SettingError: See :func:`check_place`; or it can't be written.
        DependencyMissingError: Pillow isn't installed.
        ValueError: There is no image to draw on.
    """
    place = check_place(path)
    picture = found.draw()
    growing = place.with_name(f".{place.name}.{secrets.token_hex(4)}{place.suffix}")  # Pillow goes by the ending
    try:
        picture.save(growing)
        _settle(growing, place)
    except FileExistsError as error:
        raise SettingError(f"{place} is there already, and isn't written over") from error
    except (OSError, ValueError) as error:
        raise SettingError(f"{place} can't be written: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            growing.unlink()
    return place


def _settle(growing: Path, place: Path) -> None:
    """Give a complete file its name, if nobody has that meanwhile."""
    try:
        os.link(growing, place)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: the name is taken first
        place.open("x").close()
        os.replace(growing, place)
