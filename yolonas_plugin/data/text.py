"""Reading text files strictly: no byte is dropped, no pipe is waited for, sizes have a limit."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Final

from model_zoo_api.texts import printable
from yolonas_plugin.files.paths import open_regular

_WIDE: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LONGEST: Final = 300


def read_bytes(path: str | Path, limit: int) -> bytes:
    """Read a file of at most ``limit`` bytes.

    Raises:
        OSError, ValueError: It can't be read, is larger, or is no file.
    """
    with open_regular(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"more than {limit:,} bytes")
    return content


def read_text(path: str | Path, limit: int, *, wide: bool = False) -> str:
    """Read UTF-8, with or without a byte order mark; UTF-16 that has one too where it may be ``wide``.

    Raises:
        OSError, ValueError: As for :func:`read_bytes`; or it is text in another encoding, or no text.
    """
    content = read_bytes(path, limit)
    text = content.decode("utf-16" if wide and content.startswith(_WIDE) else "utf-8-sig")
    if "\0" in text:
        raise ValueError("it has zero bytes: no text, or UTF-16 without a byte order mark; save it as UTF-8")
    return text


def legible(value: object) -> str:
    """Return a value from a file as text for a message: without terminal control codes, the middle of long text cut."""
    try:
        text = str(value)
    except ValueError:  # a number of too many digits
        text = f"a {type(value).__name__} too long to be shown"
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"
    return printable(text)
