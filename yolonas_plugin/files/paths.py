"""Finding files by path, folder or glob, past links that lead round and folders that can't be opened; opening them."""

from __future__ import annotations

import contextlib
import glob
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from model_zoo_api.texts import printable
from yolonas_plugin.errors import DataNotFoundError
from yolonas_plugin.files.temporary import TemporaryFolder

_ANY_DEPTH: Final = f"{os.sep}**{os.sep}"
_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


def files_of(entry: str, suffixes: Collection[str]) -> list[str]:
    """Return the files of a path, folder or glob; a folder's in the order of their names.

    Args:
        entry: A path if it exists, else a glob. ``**`` in a glob is any number of folders; each is entered once,
            however many links lead to it.
        suffixes: Endings of the files to take from a folder or glob, in lower case and without the dot.

    Returns:
        Absolute paths. A folder without read permission is returned itself, so that it can be reported.

    Raises:
        DataNotFoundError: There is no such file or folder, and it is no glob.
    """
    path = os.path.abspath(os.path.expanduser(entry))
    if "\0" in path:
        raise DataNotFoundError(f"{printable(entry)}: no file has such a name")
    if os.path.isdir(path):
        found = _folder(path)
    elif os.path.lexists(path):
        return [path]
    elif glob.has_magic(path):
        found = sorted(set(_matches(path)))
    else:
        raise DataNotFoundError(f"{printable(entry)}: there is no such file or folder")
    return [file for file in found if suffix_of(file) in suffixes or (os.path.isdir(file) and not _is_open(file))]


def walk(folder: str, *, leave_out: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the paths of what lies in a folder and those within, but for hidden names.

    Links to folders are followed, but no folder is visited twice, and none that the first lies in.

    Args:
        folder: Where to begin.
        leave_out: Names of folders not to go into.
    """
    entered = {_identity(str(parent)) for parent in Path(os.path.realpath(folder)).parents}
    for _, files in _folders(folder, entered, leave_out):
        yield from files or ()


def suffix_of(path: str) -> str:
    """Return the ending of a file's name, in lower case and without the dot."""
    return path.rpartition(".")[-1].lower()


def is_regular(path: str) -> bool:
    """Whether there is a file with something in it: no folder, pipe, socket or device."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size > 0


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file for reading, whatever its name; a pipe or a device, which might never end, isn't waited for.

    Raises:
        OSError, ValueError: It can't be opened, or is no file.
    """
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | _NO_WAIT))  # noqa: SIM115  the caller closes it
    try:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{printable(os.fspath(path))}: this is no file, but a folder, pipe or device")
    except BaseException:
        file.close()
        raise
    return file


@contextlib.contextmanager
def text_path(path: str | os.PathLike[str]) -> Iterator[str]:
    """Give a name of the file that OpenCV takes: the bindings end the process for a name that is no UTF-8."""
    text = os.fspath(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        pass
    else:
        yield text
        return
    with TemporaryFolder() as folder:
        suffix = suffix_of(text)
        link = os.path.join(folder, f"video.{suffix}" if suffix.isalnum() and suffix.isascii() else "video")
        os.symlink(os.path.abspath(text), link)
        yield link


def _folder(path: str) -> list[str]:
    try:
        names = os.listdir(path)
    except OSError:
        return [path]
    return [os.path.join(path, name) for name in sorted(names) if "." in name[1:] and name[0] != "."]


def _matches(pattern: str) -> Iterator[str]:
    if pattern.endswith(_ANY_DEPTH[:-1]):
        pattern += os.sep + "*"
    while _ANY_DEPTH + _ANY_DEPTH[1:] in pattern:
        pattern = pattern.replace(_ANY_DEPTH + _ANY_DEPTH[1:], _ANY_DEPTH)
    head, deep, tail = pattern.partition(_ANY_DEPTH)
    if not deep:
        yield from glob.glob(pattern)
        return
    entered: set[tuple[int, int] | None] = set()
    for top in sorted(glob.glob(head)) if glob.has_magic(head) else [head or os.sep]:
        for folder, files in _folders(top, entered):
            if files is None:
                yield folder
            else:
                yield from _matches(os.path.join(glob.escape(folder), tail))


def _folders(
    top: str, entered: set[tuple[int, int] | None], leave_out: Collection[str] = ()
) -> Iterator[tuple[str, list[str] | None]]:
    """Yield a folder and all below it, each once: a link to a folder above would lead round and round.

    Args:
        top: Where to begin.
        entered: What tells the folders that have been entered; more are added.
        leave_out: Names of folders not to go into.

    Yields:
        A folder and the paths of what lies in it, but for folders and hidden names, in the order of their names; None
        where it can't be opened. Folders that links lead to come last.
    """
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        place = _identity(folder)
        if place is None or place in entered:
            continue
        entered.add(place)
        try:
            with os.scandir(folder) as entries:
                seen = sorted((entry for entry in entries if entry.name[0] != "."), key=lambda entry: entry.name)
        except OSError:
            yield folder, None
            continue
        within = [entry for entry in seen if _is_folder(entry)]
        yield folder, [entry.path for entry in seen if not _is_folder(entry)]
        last_first = sorted(within, key=lambda entry: (entry.is_symlink(), entry.name), reverse=True)
        waiting += [entry.path for entry in last_first if entry.name not in leave_out]


def _is_open(folder: str) -> bool:
    try:
        os.scandir(folder).close()
    except OSError:
        return False
    return True


def _identity(folder: str) -> tuple[int, int] | None:
    """Return what tells a folder from others, whatever links lead to it; None where there is none."""
    try:
        found = os.stat(folder)
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
