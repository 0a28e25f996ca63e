"""Which files there are below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def walk(folder: str, *, leave_out: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the paths of what lies in a folder and those within, but for hidden names.

    Links to folders are followed, but no folder is visited twice, and none that the first lies in.

    Args:
        folder: Where to begin.
        leave_out: Names of folders not to go into.
    """
    seen = {_identity(str(parent)) for parent in Path(os.path.realpath(folder)).parents}
    folders = [folder]
    while folders:
        current = folders.pop()
        identity = _identity(current)
        if identity is None or identity in seen:
            continue
        seen.add(identity)
        try:
            entries = sorted(os.scandir(current), key=lambda entry: entry.name)
        except OSError:
            continue
        within = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if not _is_folder(entry):
                yield entry.path
            elif entry.name not in leave_out:
                within.append(entry)
        within.sort(key=lambda entry: (entry.is_symlink(), entry.name), reverse=True)
        folders += [entry.path for entry in within]  # taken from the end: links come last


def _identity(folder: str) -> tuple[int, int] | None:
    try:
        about = os.stat(folder)
    except (OSError, ValueError):
        return None
    return about.st_dev, about.st_ino


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
