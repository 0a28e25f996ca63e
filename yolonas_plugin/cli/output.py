"""What every command prints, and the codes it exits with."""

from __future__ import annotations

import json
import os
import shutil
import sys
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import IO, Any, Final

from model_zoo_api.texts import printable

FAILED: Final = 1
USAGE: Final = 2
INCOMPLETE: Final = 3
INTERRUPTED: Final = 130

_GAP: Final = "  "
_LEAST: Final = 8
"""Columns to which a cell may be shortened."""


def lenient(stream: IO[str] | None) -> IO[str]:
    """Return a stream that takes every character, and is there even where a process has no such stream.

    What the stream's encoding lacks is written as an escape such as ``\\xe9``.
    """
    if stream is None or stream.closed:
        return open(os.devnull, "w", encoding="utf-8")
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None and getattr(stream, "errors", None) == "strict":
        reconfigure(errors="backslashreplace")
    return stream


def hold_standard_streams() -> None:
    """Open what a process was started without among its first three descriptors.

    Else the next file that is opened becomes standard error, and libraries write their messages into it.
    """
    while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(spare)


def print_json(value: Any, out: IO[str]) -> None:
    """Print a value as JSON, in ASCII."""
    json.dump(value, out, indent=2)
    out.write("\n")


def warn(text: str) -> None:
    """Print a line to standard error."""
    print(f"yolonas-plugin: {printable(text)}", file=sys.stderr)


def report_unreadable(paths: Iterable[str]) -> None:
    """Name the files that could not be read as an image."""
    for path in paths:
        warn(f"could not be read as an image: {path}")


def print_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], out: IO[str], shrink: Collection[int] | None = None
) -> None:
    """Print rows under their headings, in columns as wide as they need, and all as wide as the terminal at most.

    Args:
        head: The headings.
        rows: The cells of each row.
        out: Where to.
        shrink: Columns that are shortened where there is no room, the widest first, but the first one last of all.
            Default: all.
    """
    rows = [[printable(cell) for cell in row] for row in [head, *rows]]
    widths = [max(width(row[i]) for row in rows) for i in range(len(head))]
    room = terminal_width() - len(_GAP) * (len(head) - 1)
    if shrink is not None:
        fit(widths, room, [column for column in shrink if column])  # the names in the first come last
    fit(widths, room, range(len(head)) if shrink is None else shrink)
    for row in rows:
        print(line(row, widths), file=out)


def line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return cells as one line, each padded or shortened to its width."""
    texts = [shorten(cell, room) for cell, room in zip(cells, widths, strict=True)]
    return _GAP.join(text + " " * (room - width(text)) for text, room in zip(texts, widths, strict=True)).rstrip()


def fit(widths: list[int], room: int, shrink: Collection[int]) -> None:
    """Make columns narrower, the widest first, until all of them fit into ``room``."""
    while sum(widths) > room and (wide := [i for i in shrink if widths[i] > _LEAST]):
        widths[max(wide, key=lambda i: widths[i])] -= 1


def terminal_width() -> int:
    """Return the columns that a line may have: those of the terminal or of ``COLUMNS``, 80 where there is neither."""
    return max(shutil.get_terminal_size((80, 24)).columns, 40)


def width(text: str) -> int:
    """Return the columns that a text takes on a terminal: two for wide characters, none for combining ones."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def shorten(text: str, room: int) -> str:
    """Return text of ``room`` columns at most; what is too long loses its middle."""
    if width(text) <= room:
        return text
    room -= 3
    head, tail = "", ""
    while True:
        longer = (head + text[len(head)], tail) if width(head) <= width(tail) else (head, text[-1 - len(tail)] + tail)
        if width(longer[0]) + width(longer[1]) > room:
            return f"{head}...{tail}"
        head, tail = longer


def tally(classes: Counter[str], room: int | None = None) -> str:
    """Say how many there are of each class, most first; those for which there is no room are left out."""
    text = ""
    for name, count in classes.most_common():
        more = f"{text}, {count} {printable(name)}".removeprefix(", ")
        if room is not None and width(more) > room - (5 if len(classes) > 1 else 0) and text:
            return f"{text}, ..."
        text = more
    return text or "none"
