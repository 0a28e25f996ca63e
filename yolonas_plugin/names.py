"""Names from files and users: class names without terminal control codes, and safe file names made of any text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from yolonas_plugin.errors import CheckpointError

MAX_CLASSES: Final = 20_000
"""Most classes; the largest vocabulary of a data set of detection, V3Det's, has 13,204."""

MAX_NAME: Final = 1_000
"""Longest name of a class, in letters."""

GIVE_NAMES: Final = "; give others: names=[...], on the command line --names"
"""What to do about the names in a weight file."""

_STEERING: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f"  # C0, less tab and line breaks
    "\x7f-\x9f"  # DEL and C1, of which U+009B begins a command as ESC [ does
    "\u202a-\u202e\u2066-\u2069"  # make text read in another order than it is in
    "\ud800-\udfff]"  # halves of letters, which no encoding can write
)

_LONGEST: Final = 140  # bytes; file systems take 255, those that encrypt names 143
_UNSAFE: Final = frozenset('%/\\:*?"<>|')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\.|$)", re.IGNORECASE)


def checked_names(names: Iterable[Any], file: object, advice: str = "") -> tuple[str, ...]:
    """Return class names as they are; letters of any script, quotes, backslashes, tabs and line breaks may be in them.

    Args:
        names: Text, or numbers, which become text.
        file: Where they are from, for messages.
        advice: What to do about a refused name, for the end of messages.

    Raises:
        CheckpointError: A name has other control characters, is too long or no text, or there are too many.
    """
    found = []
    for index, name in enumerate(names):
        if index >= MAX_CLASSES:
            raise CheckpointError(f"{file}: it names more than {MAX_CLASSES} classes{advice}")
        if isinstance(name, bool) or not isinstance(name, (str, int, float)):
            raise CheckpointError(f"{file}: the name of class {index} is a {type(name).__name__}, not text{advice}")
        text = str(name)
        if len(text) > MAX_NAME:
            raise CheckpointError(
                f"{file}: the name of class {index} has {len(text)} letters, more than {MAX_NAME}{advice}"
            )
        if _STEERING.search(text):
            raise CheckpointError(
                f"{file}: class {index} is called {text[:80]!a}, with control characters, which a terminal would "
                f"follow, in its name{advice}"
            )
        found.append(text)
    return tuple(found)


def is_safe_text(text: str) -> bool:
    """Whether text can be printed on a terminal: its only control characters are tabs and line breaks."""
    return _STEERING.search(text) is None


def check_text(text: str, what: str, file: object) -> None:
    """Check that text is safe to print on a terminal.

    Raises:
        CheckpointError: It has control characters other than tabs and line breaks.
    """
    if found := _STEERING.search(text):
        raise CheckpointError(
            f"{file}: {what} has control characters in it, which a terminal would follow: "
            f"{text[max(found.start() - 20, 0) : found.start() + 20]!a}"
        )


def as_file_name(name: str) -> str:
    """Return a name for a file or folder that any system takes, the same for the same ``name`` and for no other.

    What a path, a system or a terminal would take for something else becomes ``%`` and two digits, as in URLs. Names
    that are too long end in ``%~`` and a digest.
    """
    escaped = [_escape(one) if one in _UNSAFE or not one.isprintable() else one for one in name]
    if escaped and (name[0] in ". ~-" or _RESERVED.match(name)):
        escaped[0] = _escape(name[0])
    if len(escaped) > 1 and name[-1] in ". ":
        escaped[-1] = _escape(name[-1])
    safe = "".join(escaped) or "%"
    if len(safe.encode()) <= _LONGEST:
        return safe
    import hashlib  # seldom needed, and a twentieth of the time in which models are listed

    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    kept, room = "", _LONGEST - len(digest) - 2
    for part in escaped:
        room -= len(part.encode())
        if room < 0:
            break
        kept += part
    return f"{kept}%~{digest}"


def _escape(one: str) -> str:
    return "".join(f"%{byte:02X}" for byte in one.encode("utf-8", "surrogatepass"))


def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the dictionary of a JSON object, for ``json.loads``, which keeps the last of two equal names by itself.

    Raises:
        ValueError: Two names are equal.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found
