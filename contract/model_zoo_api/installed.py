"""What is installed in a folder of packages, read without ``importlib.metadata``.

The standard library's own finder lists the same folders, but its import takes longer than the whole of discovery, and a
host that starts often pays that at each start. Other finders, and archives on the path, are asked through the library.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any, Final

_REFERENCE: Final = re.compile(r"([\w.]+)\s*(?::\s*([\w.]+)\s*)?(?:\[.*\]\s*)?")
_ENDINGS: Final = (".dist-info", ".egg-info")


@dataclass(frozen=True)
class EntryPoint:
    """What a distribution announces in a group: a name, and the object that it stands for.

    Attributes:
        name: Of the entry point.
        value: The reference, ``module`` or ``module:attribute``.
        group: Such as ``model_zoo``.
        dist: The distribution, as its finder gave it.
    """

    name: str
    value: str
    group: str
    dist: Any = field(default=None, compare=False, repr=False)

    def load(self) -> Any:
        """Import the object.

        Raises:
            ValueError: The value is no reference.
            Exception: Whatever the import raises.
        """
        found = _REFERENCE.fullmatch(self.value)
        if found is None:
            raise ValueError(f"{self.value!r} is no reference, expected 'module' or 'module:attribute'")
        return reduce(getattr, filter(None, (found[2] or "").split(".")), import_module(found[1]))


class Installed:
    """A distribution by its metadata, with those parts of ``importlib.metadata.Distribution`` that discovery uses.

    Args:
        path: The folder ``NAME-VERSION.dist-info``, or a folder or file of an older kind.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read_text(self, name: str) -> str | None:
        """Return a file of the folder, None where there is none that may be read.

        Raises:
            UnicodeError: It is no UTF-8.
        """
        with suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError):
            return self._path.joinpath(name).read_text(encoding="utf-8")
        return None

    @property
    def name(self) -> str:
        """Its name; empty where the metadata don't say."""
        return self._header("name")

    @property
    def version(self) -> str:
        """Its version; empty where the metadata don't say."""
        return self._header("version")

    @property
    def entry_points(self) -> list[EntryPoint]:
        """Its entry points of all groups; a line without ``=`` has no value."""
        group, found = "", []
        for line in map(str.strip, (self.read_text("entry_points.txt") or "").splitlines()):
            if line.startswith("[") and line.endswith("]"):
                group = line[1:-1]
            elif line and not line.startswith("#") and group:
                name, _, value = map(str.strip, line.partition("="))
                found.append(EntryPoint(name, value, group, self))
        return found

    def _header(self, wanted: str) -> str:
        for file in ("METADATA", "PKG-INFO", ""):
            for line in (self.read_text(file) or "").splitlines():
                name, _, value = line.partition(":")
                if not line.strip():
                    break
                if name.strip().lower() == wanted:
                    return value.strip()
        return ""


def installed(place: str) -> Iterator[Installed]:
    """Yield what is installed in a folder, in the order in which the disk lists it.

    Raises:
        NotADirectoryError: It is a file: an archive, perhaps.
    """
    try:
        names = os.listdir(place or ".")
    except NotADirectoryError:
        raise
    except OSError:  # it isn't there, or may not be read
        return
    egg = place.lower().endswith(".egg")
    for name in names:
        if name.lower().endswith(_ENDINGS) or (egg and name.lower() == "egg-info"):
            yield Installed(Path(place, name))
