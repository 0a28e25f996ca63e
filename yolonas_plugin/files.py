"""Writing a file or a folder whole or not at all.

What is written grows in a folder of its own beside the target, ``.NAME.N.tmp``, and is renamed into place once it is
complete and on the disk. Whoever has the old one open keeps it; an interruption or a full disk leaves it as it was.
What a process that was killed left is removed by the next one that writes the same target.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from yolonas_plugin.errors import ExportError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_WRITERS: Final = 8
"""Processes and threads that may write the same target at a time."""

_NO_LOCK: Final = -1
_LONG_AGO: Final = 3600.0
"""Seconds after which a leftover is nobody's, where the file system has no locks that say so."""

_ASIDE: Final = "replaced"
"""The name of a replaced folder, for the moment in which the new one isn't in its place yet."""


@contextlib.contextmanager
def whole(path: str | os.PathLike[str], *, durable: bool = True) -> Iterator[Path]:
    """Give a path of the same name to write to; what is there at the end takes the place of ``path``.

    Where the block raises, KeyboardInterrupt included, ``path`` stays as it was and nothing else is left. A link is
    written through. Folders on the way are made.

    Args:
        path: The file.
        durable: Wait until it is on the disk. Not for the many that can be made again: a wait for each is long.

    Raises:
        ExportError: It can't be written; an ``OSError`` of the block ends in this too.
    """
    with workplace(path) as folder:
        temporary = folder / Path(path).name
        yield temporary
        settle(temporary, path, durable=durable)


@contextlib.contextmanager
def whole_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give an empty folder to fill, which takes the place of ``path`` at the end, as :func:`whole` does for a file.

    At every moment one complete folder is in place, where the system can exchange two (Linux, macOS); elsewhere there
    is none for an instant, and if the process is killed in it, the next one that writes there puts the old one back.

    Raises:
        ExportError: It can't be written, or the folder that is there holds something that the new one doesn't, and
            which would be lost.
    """
    with workplace(path) as folder:
        new = folder / Path(path).name
        new.mkdir()
        yield new
        settle(new, path)


@contextlib.contextmanager
def workplace(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give an empty folder beside ``path`` for whatever is needed to make it; in the end it is removed.

    Raises:
        ExportError: It can't be made; an ``OSError`` of the block ends in this too.
    """
    path = Path(os.path.realpath(path))
    mine: tuple[Path, int] | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mine = _claim(path)
        yield mine[0]
    except OSError as error:
        raise ExportError(f"{path}: it can't be written: {error.strerror or error}") from error
    finally:
        if mine is not None:
            shutil.rmtree(mine[0], ignore_errors=True)
            _unlock(mine[1])


def settle(made: Path, path: str | os.PathLike[str], *, durable: bool = True) -> None:
    """Let a complete file or folder out of a :func:`workplace` take the place of ``path``, for which that was made.

    Raises:
        OSError: It can't be written, or would replace something else than its like.
    """
    path = Path(os.path.realpath(path))
    if made.is_dir():
        if os.path.lexists(path) and not path.is_dir():
            raise NotADirectoryError("it is a file")
        if path.is_dir() and (alien := sorted(set(os.listdir(path)) - set(os.listdir(made)))):
            raise OSError(f"the folder that is there also has {', '.join(alien[:3])}, which would be lost; move it")
        for place, _, names in os.walk(made) if durable else ():
            for name in names:
                _sync(Path(place, name))
            _sync_folder(Path(place))
        _put(made, path, made.parent / _ASIDE)
    else:
        if os.path.lexists(path) and not path.is_file():
            raise OSError("it is a folder" if path.is_dir() else "it is no file, but a device or a pipe")
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, "the file that is there may not be written to")
        made.chmod(made.parent.stat().st_mode & 0o666)  # some writers make private files
        if durable:
            _sync(made)
        os.replace(made, path)
    if durable:
        _sync_folder(path.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed left in a folder, of whatever they wrote there."""
    for left in folder.glob(".*.tmp"):
        name = re.fullmatch(r"\.(.+)\.\d\.tmp", left.name, re.DOTALL)
        if name and left.is_dir():
            _remove_leftover(left, left.with_name(name[1]))


def require_room(folder: Path, size: int) -> None:
    """See that ``size`` more bytes can be written to a folder, for writers that a full disk would end the process of.

    Raises:
        OSError: They can't.
    """
    probe = folder / "room"
    try:
        with open(probe, "wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            elif shutil.disk_usage(folder).free < size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        probe.unlink(missing_ok=True)


def _put(new: Path, path: Path, aside: Path) -> None:
    """Rename a folder into its place."""
    if not path.exists():
        os.rename(new, path)
    elif not _exchange(new, path):
        os.rename(path, aside)
        try:
            os.rename(new, path)
        except BaseException:
            os.rename(aside, path)
            raise


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; tell whether system and file system can."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            failed = libc.renamex_np(os.fsencode(one), os.fsencode(other), 2)  # RENAME_SWAP
        else:
            here = -100  # AT_FDCWD
            failed = libc.renameat2(here, os.fsencode(one), here, os.fsencode(other), 2)  # RENAME_EXCHANGE
    except (AttributeError, OSError, TypeError):  # no such function, or no C library by that name
        return False
    if not failed:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EXDEV):
        return False
    raise OSError(number, os.strerror(number))


# --- the folder beside the target ---


def _claim(path: Path) -> tuple[Path, int]:
    """Make the folder and lock it, and remove what dead processes left."""
    name = path.name
    if len(os.fsencode(name)) > 200:  # of the 255 that a name may have
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    mine = None
    for number in range(_WRITERS):
        folder = path.with_name(f".{name}.{number}.tmp")
        if os.path.lexists(folder) and not _remove_leftover(folder, path):
            continue
        if mine is None:
            mine = _take(folder)
    if mine is None:
        raise OSError(f"{_WRITERS} others are writing it at this moment")
    return mine


def _take(folder: Path) -> tuple[Path, int] | None:
    try:
        folder.mkdir()
    except FileExistsError:  # somebody was faster
        return None
    lock = _lock(folder)  # None: somebody took it for a leftover, and is removing it
    return None if lock is None else (folder, lock)


def _remove_leftover(folder: Path, path: Path) -> bool:
    """Remove what a dead process left of writing ``path``; tell whether the name is free now."""
    lock = _lock(folder)
    if lock is None:
        return not os.path.lexists(folder)
    try:
        if lock == _NO_LOCK and time.time() - folder.stat().st_mtime < _LONG_AGO:
            return False
        if (folder / _ASIDE).is_dir() and not os.path.lexists(path):
            os.rename(folder / _ASIDE, path)
        shutil.rmtree(folder, ignore_errors=True)
        return not os.path.lexists(folder)
    except FileNotFoundError:
        return True
    finally:
        _unlock(lock)


def _lock(folder: Path) -> int | None:
    """Lock a folder for as long as this process lives; None if it is locked or gone, ``_NO_LOCK`` without locks."""
    if fcntl is None:
        return _NO_LOCK
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(folder)):  # else its owner has just removed it
            return descriptor
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.EBADF, errno.EINVAL, errno.ENOSYS):  # network drives
            os.close(descriptor)
            return _NO_LOCK
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _unlock(lock: int) -> None:
    if lock != _NO_LOCK:
        os.close(lock)


def _sync(path: Path) -> None:
    """Wait until a file is on the disk, else a crash of the machine could leave its new name on an empty one."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk, where that can be asked for."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
