"""Checks of the settings of predict, val, train and export, before any work; nothing heavy is imported.

Python, the zoo, lean prediction and the command line share them. A check returns the value in one form: NumPy's numbers
become Python's. None stands for the default everywhere, and isn't passed to a check.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from model_zoo_api.values import as_python, entries_of, finite_number, whole_number
from yolonas_plugin.errors import DataNotFoundError, SettingError, SourceError
from yolonas_plugin.options import MAX_SIDE, SETTINGS, STRIDE


def check_imgsz(imgsz: Any, name: str = "imgsz") -> tuple[int, int]:
    """Return height and width of an input, given as one side or both.

    Args:
        imgsz: A whole number, or one or two of them; multiples of 32, from 32 to 4096.
        name: Of the setting, for messages.

    Raises:
        SettingError: It is something else.
    """
    sides = [imgsz] if whole_number(imgsz) is not None else entries_of(imgsz) or ()
    whole = [side for side in map(whole_number, sides) if side is not None]
    if len(whole) not in (1, 2) or len(whole) != len(sides):
        raise SettingError(
            f"{name}={_shown(imgsz)} is no input size; give one side in pixels, such as {name}=640, or [height, width]"
        )
    for side in whole:
        if not STRIDE <= side <= MAX_SIDE or side % STRIDE:
            near = min(max(round(side / STRIDE), 1) * STRIDE, MAX_SIDE) if side < 1 << 60 else MAX_SIDE
            raise SettingError(
                f"{name}={_shown(imgsz)}: sides must be multiples of 32, from {STRIDE} to {MAX_SIDE}; the nearest to "
                f"{side} is {near}"
            )
    return whole[0], whole[-1]


def check_fraction(name: str, value: Any) -> float:
    """Return a number from 0 to 1.

    Raises:
        SettingError: It isn't one.
    """
    number = finite_number(value)
    if number is None or not 0 <= number <= 1:
        raise SettingError(f"{name}={_shown(value)} must be a number from 0 to 1")
    return float(number)


def check_count(name: str, value: Any, least: int = 1) -> int:
    """Return a whole number of ``least`` or more.

    Raises:
        SettingError: It isn't one.
    """
    number = whole_number(value)
    if number is None or not least <= number < 1 << 31:
        raise SettingError(f"{name}={_shown(value)} must be a whole number, {least} or more")
    return number


def check_flag(name: str, value: Any) -> bool:
    """Return True or False.

    Raises:
        SettingError: It is neither; text such as ``"False"`` isn't.
    """
    value = as_python(value)
    if not isinstance(value, int) or value not in (0, 1):
        raise SettingError(f"{name}={_shown(value)} must be True or False")
    return bool(value)


def check_callback(name: str, value: Any) -> Callable[..., object] | None:
    """Return a function, or None.

    Raises:
        SettingError: It is something else.
    """
    if value is not None and not callable(value):
        raise SettingError(f"{name}={_shown(value)} must be a function")
    found: Callable[..., object] | None = value
    return found


def check_classes(classes: Any, names: Mapping[int, str], whose: str = "this model's") -> list[int]:
    """Return the indices of classes that are wanted, in the order given.

    Args:
        classes: Indices or names, one or several. A name that several classes bear means all of them.
        names: The classes that there are, by index.
        whose: Classes they are, for messages.

    Raises:
        SettingError: There is no such class; the message names the nearest.
    """
    given = entries_of(classes)
    wanted: list[int] = []
    wrong: list[Any] = []
    for entry in [classes] if given is None else given:
        index = whole_number(entry)
        if isinstance(entry, str):
            found = [number for number, name in names.items() if name == entry]
            if not found and entry.isdecimal() and int(entry) in names:  # as it is typed on a command line
                found = [int(entry)]
        else:
            found = [index] if index is not None and index in names else []
        wanted += [number for number in found if number not in wanted]
        if not found:
            wrong.append(entry)
    if wrong:
        texts = [entry for entry in wrong if isinstance(entry, str) and not entry.isdecimal()]
        hint = f"; did you mean {nearest(texts[0], names.values())!r}?" if texts and names else ""
        shown = [as_python(entry) for entry in wrong]
        raise SettingError(f"classes={_shown(shown)}: {whose} classes are 0 to {len(names) - 1}{hint}")
    return wanted


_BY_KIND: Final[dict[str, Callable[[str, Any], Any]]] = {
    "number": check_fraction,
    "integer": check_count,
    "flag": check_flag,
    "size": lambda name, value: check_imgsz(value, name),
}

CHECKS: Final = {
    setting.name: _BY_KIND[setting.kind]
    for setting in SETTINGS
    if setting.kind in _BY_KIND and setting.name not in ("half", "verbose")  # which the engine checks itself
}
"""How the settings of detection are checked; ``classes`` need the model's names."""


def check_settings(
    given: Mapping[str, Any],
    known: Collection[str],
    what: str,
    names: Mapping[int, str] | None = None,
    near: Collection[str] = (),
) -> dict[str, Any]:
    """Return checked settings, each value in its one form, without those that are None.

    Args:
        given: The settings by name.
        known: Names of the settings that there are.
        what: Who takes them, for messages.
        names: The model's classes by index, for ``classes``; None leaves these as they are.
        near: Further names to suggest for an unknown one.

    Raises:
        SettingError: There is no such setting, and the message names the nearest; or a value is invalid.
    """
    if unknown := [name for name in given if name not in known]:
        hints = ", ".join(f"{name!r} (did you mean {nearest(name, [*known, *near])!r}?)" for name in unknown[:5])
        raise SettingError(f"{what} has no setting {hints}")
    settings = {name: value for name, value in given.items() if value is not None}
    for name, value in settings.items():
        if name in CHECKS:
            settings[name] = CHECKS[name](name, value)
        elif name == "classes" and names is not None:
            settings[name] = check_classes(value, names)
    return settings


def check_source(source: Any) -> None:
    """Check that a source names something; there is no default source.

    Args:
        source: Anything that a predictor takes. Paths must exist; globs, URLs, camera numbers and screens are checked
            when they are opened.

    Raises:
        SourceError: It is None, True, False or blank text, or a list that has such an entry.
        DataNotFoundError: It is an empty list, or a path that doesn't exist.
    """
    several = isinstance(source, (list, tuple))
    entries = source if several else [source]
    if not entries:
        raise DataNotFoundError(f"source={source!r}: there is no image in it")
    for entry in entries:
        if entry is None or isinstance(entry, bool) or (isinstance(entry, str) and not entry.strip()):
            within = f" has the entry {entry!r}" if several else f"={entry!r}"
            raise SourceError(f"source{within}, which is no image; give a path, folder, glob, array or list of these")
        if isinstance(entry, (str, Path)) and _is_missing(str(entry)):
            raise DataNotFoundError(f"{entry}: there is no such file or folder")


def _is_missing(path: str) -> bool:
    """Whether a text is a path, and nothing is there."""
    import glob  # here, as are others, because the command line's help needs none of them

    if "://" in path or glob.has_magic(path) or path.isdecimal() or path.lower().split()[:1] == ["screen"]:
        return False
    try:
        return not os.path.lexists(os.path.expanduser(path))
    except ValueError:  # a null character
        return True


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known word that is most like ``name``: one that it begins or ends with counts for more than letters.

    Args:
        name: What was written.
        known: One word or more.
    """
    import difflib

    word = str(name).lower()

    def likeness(other: str) -> tuple[bool, float]:
        part = other.lower()
        shares = min(len(word), len(part)) > 2 and (word.startswith(part) or part.startswith(word))
        return shares, difflib.SequenceMatcher(None, word, part).ratio()

    return max(known, key=likeness)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
