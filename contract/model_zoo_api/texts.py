"""Text that strangers wrote, made fit to be shown."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return text of one line that a terminal shows and doesn't obey.

    Tabs, line breaks, terminal codes, marks that turn the direction of writing, and bytes of a file name that are no
    UTF-8 become ``\\n``, ``\\x1b``, ``\\udce9`` and so on.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
