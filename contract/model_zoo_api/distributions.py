"""What is installed: distributions by every finder of Python's, none of which can spoil the others'.

importlib.metadata's ``entry_points`` and ``version`` stop at the first finder or file that fails, and find nothing
where an empty folder of another version lies before the real one. Importing the package importlib-metadata instead
would change what the whole process finds: it puts a finder of its own into ``sys.meta_path`` and takes the standard
library's out of service.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import PathFinder
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

from model_zoo_api.foreign import attempt, class_name, is_a, text_or
from model_zoo_api.installed import installed
from model_zoo_api.texts import printable

UNKNOWN: Final = "an unknown distribution"
_CLEAR: Final = re.compile(r"([^-]+)(-\d[^-]*(-py\d[^-]*)?)?\.(?:dist|egg)-info")
"""Metadata folders whose names tell where a distribution's name ends: hyphens in it are written as underscores."""

_MOST: Final = 10_000
"""Distributions that one finder may give; one that gives more never ends."""

OnFailure: TypeAlias = Callable[[str, BaseException], None]
"""Told the name of a finder in ``sys.meta_path`` that failed, and how."""


def distributions(on_failure: OnFailure) -> dict[object, list[Any]]:
    """Return the installed distributions by their canonical names, each at the head of what it should have replaced.

    Of several with one name, the first place on the path counts in which one has metadata: an empty folder, as an
    interrupted installation leaves it, hides nothing. In one place the newest comes first, whatever the order on disk.
    """
    by_name: dict[object, dict[str, Any]] = {}
    for dist in _found(on_failure):
        path = _path_of(dist)
        by_name.setdefault(_key(dist, path), {}).setdefault(path, dist)  # sys.path may name one place twice
    ordered = sorted(by_name.items(), key=lambda item: str(item[0]))  # not as the disk lists them
    return {name: list(found.values()) if len(found) == 1 else _in_one_place(found) for name, found in ordered}


def _in_one_place(found: dict[str, Any]) -> list[Any]:
    """Return those of the first place that has one with metadata, or else with entry points; the newest first."""
    whole = {path: dist for path, dist in found.items() if has_metadata(dist)}
    whole = whole or {path: dist for path, dist in found.items() if _declared(dist)} or found
    place = os.path.dirname(next(iter(whole)))
    here = [path for path in whole if os.path.dirname(path) == place]
    return [whole[path] for path in sorted(here, key=_numbers, reverse=True)]


def _numbers(path: str) -> tuple[list[int], str]:
    """What orders folders of one distribution by version; for final releases, as pip would."""
    name = os.path.basename(path)
    return [int(digits) for digits in re.findall("[0-9]{1,18}", name)], name


def _found(on_failure: OnFailure) -> Iterator[Any]:
    path = [place for place in sys.path if is_a(place, str)]  # Python's own imports skip what is no string
    for finder in list(sys.meta_path):
        found: list[Any] = []
        try:
            find = getattr(finder, "find_distributions", None)
            if find is not None:
                for dist in islice(_on_path(path, find) if _is_standard(finder, find) else _ask(find, path), _MOST):
                    found.append(dist)  # one by one: what it gives before it fails is kept
                if len(found) == _MOST:
                    raise ValueError(f"it gives more than {_MOST} distributions, or never ends")
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            on_failure(class_name(finder if isinstance(finder, type) else type(finder)), error)
        yield from found


def _is_standard(finder: Any, find: Any) -> bool:
    """Whether that is the standard library's finder, and as it was: importlib-metadata and others may change it."""
    return finder is PathFinder and getattr(find, "__module__", "").startswith(("_frozen_importlib", "importlib."))


def _ask(find: Callable[..., Any], path: list[str]) -> Any:
    """Ask a finder, as Python's own interface wants it."""
    from importlib.metadata import DistributionFinder  # only here: its import takes longer than the rest of discovery

    return find(DistributionFinder.Context(path=path))


def _on_path(path: list[str], find: Callable[..., Any]) -> Iterator[Any]:
    for place in path:
        try:
            yield from installed(place)
        except NotADirectoryError:
            yield from _ask(find, [place])  # an archive


def _key(dist: Any, path: str) -> object:
    """The name by which one distribution hides another; that of its folder where that is clear, which needs no reading.

    Whose ``a-b-1.0.dist-info`` is, its metadata say: importlib.metadata takes all that begin with ``a-`` for one.
    """
    clear = _CLEAR.fullmatch(os.path.basename(path))
    name = clear[1] if clear else identity(dist)[0]
    return canonical(name) if name != UNKNOWN else path or object()


def _path_of(dist: Any) -> str:
    return text_or("", lambda: str(dist._path))


def _declared(dist: Any) -> str | None:
    """The text of its ``entry_points.txt``; None where there is none that can be read."""
    text = attempt(lambda: dist.read_text("entry_points.txt"), None)
    return text if is_a(text, str) else None


def entry_points(dist: Any, group: str) -> list[Any]:
    """Return a distribution's entry points in a group.

    Raises:
        Exception: Whatever reading them raises.
    """
    text = _declared(dist)
    if text is not None and group not in text:  # as in nearly all, and parsing them takes most of the time
        return []
    return [point for point in dist.entry_points if point.group == group]


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
