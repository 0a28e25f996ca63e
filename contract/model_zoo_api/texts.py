"""Text that strangers wrote, made fit to be shown."""

from __future__ import annotations

from collections.abc import Iterable


def printable(text: str) -> str:
    """Return text of one line that a terminal shows and doesn't obey.

    Tabs, line breaks, terminal codes, marks that turn the direction of writing, and bytes of a file name that are no
    UTF-8 become ``\\n``, ``\\x1b``, ``\\udce9`` and so on.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


def listed(names: list[str], most: int = 20) -> str:
    """Return names for a message, the first of them if they are many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the nearest known one, or what is known."""
    known = list(known)
    try:
        near = _nearest(name, known)
    except Exception:  # it imports, and others' finders in sys.meta_path may raise
        near = None
    if near:
        return f"; did you mean {near!r}?"
    return f"; known are {listed(known)}" if known else "; there are none"


def _nearest(name: str, known: list[str]) -> str | None:
    """Return what is most like a name: the same letters, or else what it begins with or is the beginning of."""
    import difflib  # here, because most programs have no unknown names

    if not isinstance(name, str):
        return None
    close = difflib.get_close_matches(name, known, n=1)
    begun = (word for word in known if min(len(name), len(word)) > 2 and _shares(name.lower(), word.lower()))
    return next(iter(close), None) or next(begun, None)


def _shares(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)
