"""What is installed: distributions by every finder of Python's, none of which can spoil the others'.

importlib-metadata's ``entry_points`` and ``version`` stop at the first finder or file that fails, and some of its
versions find nothing where an empty folder of another version lies beside the real one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

from importlib_metadata import DistributionFinder

from model_zoo_api.foreign import attempt, class_name, is_a, text_or
from model_zoo_api.texts import printable

UNKNOWN: Final = "an unknown distribution"
_CLEAR: Final = re.compile(r"[^-]+(-\d[^-]*(-py\d[^-]*)?)?\.(dist|egg)-info")
"""Metadata folders whose names tell where a distribution's name ends: hyphens in it are written as underscores."""

_MOST: Final = 10_000
"""Distributions that one finder may give; one that gives more never ends."""

OnFailure: TypeAlias = Callable[[str, BaseException], None]
"""Told the name of a finder in ``sys.meta_path`` that failed, and how."""


def distributions(on_failure: OnFailure) -> dict[object, Any]:
    """Return the installed distributions by their canonical names, in the order of the path.

    Of several with one name, the first counts that has metadata: an empty folder, as an interrupted installation
    leaves it, hides nothing.
    """
    chosen: dict[object, Any] = {}
    for dist in _found(on_failure):
        key = _key(dist)
        if key not in chosen or (not has_metadata(chosen[key]) and has_metadata(dist)):
            chosen[key] = dist
    return chosen


def _found(on_failure: OnFailure) -> Iterator[Any]:
    path = [place for place in sys.path if is_a(place, str)]  # Python's own imports skip what is no string
    context = DistributionFinder.Context(path=path)  # type: ignore[no-untyped-call]
    for finder in list(sys.meta_path):
        found: list[Any] = []
        try:
            find = getattr(finder, "find_distributions", None)
            if find is not None:
                for dist in islice(find(context), _MOST):
                    found.append(dist)  # one by one: what it gives before it fails is kept
                if len(found) == _MOST:
                    raise ValueError(f"it gives more than {_MOST} distributions, or never ends")
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            on_failure(class_name(finder if isinstance(finder, type) else type(finder)), error)
        yield from found


def _key(dist: Any) -> object:
    """The name by which one distribution hides another; that of its folder where that is clear, which needs no reading.

    Whose ``a-b-1.0.dist-info`` is, its metadata say: importlib-metadata takes all that begin with ``a-`` for one.
    """
    folder = text_or("", lambda: dist._path.name)
    clear = not folder or _CLEAR.fullmatch(folder)
    name = text_or(UNKNOWN, lambda: dist._normalized_name) if clear else UNKNOWN
    name = identity(dist)[0] if name == UNKNOWN else name
    return text_or("", lambda: str(dist._path)) or object() if name == UNKNOWN else canonical(name)


def has_metadata(dist: Any) -> bool:
    """Whether there is anything in a distribution's METADATA, though it may not be readable."""
    try:
        return any(dist.read_text(file) for file in ("METADATA", "PKG-INFO", ""))  # the last is a file of an old kind
    except UnicodeError:
        return True
    except KeyboardInterrupt:
        raise
    except BaseException:
        return False


def identity(dist: Any) -> tuple[str, str]:
    """Name and version of a distribution; reads its metadata, so only when someone asks."""
    name = printable(text_or("", lambda: dist.name))
    return (name, printable(text_or("", lambda: dist.version))) if name else (UNKNOWN, "")


def folder_of(dist: Any) -> Path | None:
    """The ``dist-info`` folder, where a distribution has one."""
    path = attempt(lambda: dist._path, None)
    return path if isinstance(path, Path) else None


def canonical(name: str) -> str:
    """Return a distribution's name as pip compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()
