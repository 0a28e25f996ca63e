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
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Final

from yolonas_plugin.errors import ExportError
from yolonas_plugin.system.interrupts import held_off

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_WRITERS: Final = 8
"""Processes and threads that may write the same target at a time."""

_NO_LOCK: Final = -1
_LONG_AGO: Final = 3600.0
"""Seconds after which a leftover is nobody's, where the file system has no locks that say so."""

_NEW: Final = "new"
"""The name of a folder that is being filled."""

_OLD: Final = "old"
"""Where a replaced folder is, under its name, for the moment in which the new one isn't in its place yet."""


def whole(path: str | os.PathLike[str], *, durable: bool = True) -> AbstractContextManager[Path]:
    """Return a context with a temporary path of the same name; at the end its file replaces ``path``.

    Where the block raises, KeyboardInterrupt included, ``path`` stays as it was and nothing else is left. A link is
    written through. Folders on the way are made.

    Args:
        path: The file.
        durable: Wait until it is on the disk. Not for the many that can be made again: a wait for each is long.

    Raises:
        ExportError: It can't be written; an ``OSError`` of the block ends in this too.
    """
    name = Path(path).name
    return _Workplace(path, lambda folder: folder / name, lambda folder: settle(folder / name, path, durable=durable))


def write_whole(path: str | os.PathLike[str], content: str | bytes | memoryview, *, durable: bool = True) -> None:
    """Write a file that is in memory, text in UTF-8, as :func:`whole` does.

    Raises:
        ExportError: It can't be written.
    """
    with whole(path, durable=durable) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def whole_folder(path: str | os.PathLike[str]) -> AbstractContextManager[Path]:
    """Return a context with an empty folder to fill; at the end it replaces ``path``, as with :func:`whole`.

    At every moment one complete folder is in place, where the system can exchange two (Linux, macOS); elsewhere there
    is none for an instant, and if the process is killed in it, the next one that writes there puts the old one back.

    Raises:
        ExportError: It can't be written, or the folder that is there holds something that the new one doesn't, and
            which would be lost.
    """

    def begin(folder: Path) -> Path:
        (folder / _NEW).mkdir()
        return folder / _NEW

    return _Workplace(path, begin, lambda folder: settle(folder / _NEW, path))


def workplace(path: str | os.PathLike[str]) -> AbstractContextManager[Path]:
    """Return a context with an empty folder beside ``path`` for intermediate files; it is removed at the end.

    Raises:
        ExportError: It can't be made; an ``OSError`` of the block ends in this too.
    """
    return _Workplace(path, lambda folder: folder, lambda folder: None)


class _Workplace(AbstractContextManager[Path]):
    """The folder beside a target, for the length of a block.

    A class, since Ctrl-C can come while a generator is about to begin its part, or has done it. What comes here before
    a step can hold it off is met by trying once more. At the first step of ``__exit__`` nothing can be, and the block
    may also be left without it, by a stack of blocks that is interrupted: the folder goes with this object then.

    Args:
        path: The target.
        begin: Makes, in the folder, what the block is given.
        end: Puts in place what the block has made, if it hasn't raised.
    """

    def __init__(
        self, path: str | os.PathLike[str], begin: Callable[[Path], Path], end: Callable[[Path], None]
    ) -> None:
        self._begin, self._end = begin, end
        self._claim = _Claim(Path(os.path.realpath(path)))
        self._abandoned: weakref.finalize[[], _Workplace] | None = None

    def __enter__(self) -> Path:
        try:
            try:
                self._claim.path.parent.mkdir(parents=True, exist_ok=True)
                with held_off():
                    self._abandoned = weakref.finalize(self, self._claim.release)
                    self._claim.take()
                return self._begin(self._claim.folder)
            except BaseException:
                self._leave()
                raise
        except OSError as error:
            raise self._explained(error) from error

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        try:
            try:
                if error is None:
                    self._end(self._claim.folder)
                self._leave()
            except BaseException:
                self._leave()
                raise
        except OSError as other:
            raise self._explained(other) from other
        if isinstance(error, OSError):
            raise self._explained(error) from error

    def _leave(self) -> None:
        with held_off():
            self._claim.release()
            if self._abandoned is not None:
                self._abandoned.detach()

    def _explained(self, error: OSError) -> ExportError:
        return ExportError(f"{self._claim.path}: it can't be written: {error.strerror or error}")


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
        _put(made, path)
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
        if re.fullmatch(r"\..+\.\d\.tmp", left.name, re.DOTALL) and left.is_dir():
            with held_off():
                _remove_leftover(left)


def require_room(folder: Path, size: int) -> None:
    """Check that ``size`` more bytes can be written to a folder, for writers that crash the process on a full disk.

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


def _put(new: Path, path: Path) -> None:
    """Rename a folder into its place."""
    if not path.exists():
        os.rename(new, path)
    elif not _exchange(new, path):
        with held_off():
            try:
                (new.parent / _OLD).mkdir()
                os.rename(path, new.parent / _OLD / path.name)
                os.rename(new, path)
            except BaseException:
                _put_back(new.parent)
                raise


def _put_back(folder: Path) -> None:
    """Put a replaced folder back in its place, unless a new one is there."""
    if (folder / _OLD).is_dir():
        for old in (folder / _OLD).iterdir():
            if not os.path.lexists(folder.with_name(old.name)):
                try:
                    os.rename(old, folder.with_name(old.name))
                except OSError as error:
                    raise OSError(error.errno, f"{error.strerror}; what was there is {old} now") from error


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


class _Claim:
    """The folder beside ``path`` while it is this process's own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder: Path | None = None
        self._lock = _NO_LOCK
        self._process = os.getpid()

    @property
    def folder(self) -> Path:
        """The folder, once it is taken."""
        assert self._folder is not None
        return self._folder

    def take(self) -> None:
        """Make the folder and lock it, and remove what dead processes left.

        Raises:
            OSError: It can't be made.
        """
        name = self.path.name
        if len(os.fsencode(name)) > 200:  # of the 255 that a name may have
            name = hashlib.sha256(os.fsencode(name)).hexdigest()
        for number in range(_WRITERS):
            folder = self.path.with_name(f".{name}.{number}.tmp")
            if os.path.lexists(folder) and not _remove_leftover(folder):
                continue
            if self._folder is None and (lock := _make(folder)) is not None:
                self._lock, self._folder = lock, folder
        if self._folder is None:
            raise OSError(f"{_WRITERS} others are writing it at this moment")

    def release(self) -> None:
        """Remove the folder, if it is taken; what was forked meanwhile leaves it alone. It may be called again.

        Raises:
            OSError: A replaced folder can't go back where it was, and stays within.
        """
        with held_off():
            try:
                if self._folder is not None and self._process == os.getpid():
                    _clear(self._folder)
            except OSError:
                self._forget()
                raise
            self._forget()

    def _forget(self) -> None:
        self._folder = None
        lock, self._lock = self._lock, _NO_LOCK
        _unlock(lock)


def _make(folder: Path) -> int | None:
    """Make and lock a folder; None if somebody else did, or took it for a leftover and is removing it."""
    try:
        folder.mkdir()
        return _lock(folder)
    except FileExistsError:
        return None
    except BaseException:  # of a host's own handler of signals
        _remove_leftover(folder)
        raise


def _remove_leftover(folder: Path) -> bool:
    """Remove what a dead process left; tell whether the name is free now."""
    lock = _lock(folder)
    if lock is None:
        return not os.path.lexists(folder)
    try:
        if lock == _NO_LOCK and time.time() - folder.stat().st_mtime < _LONG_AGO:
            return False
        _clear(folder)
        return not os.path.lexists(folder)
    except FileNotFoundError:
        return True
    finally:
        _unlock(lock)


def _clear(folder: Path) -> None:
    """Remove a folder, but for what has to go back where it was.

    Raises:
        OSError: That can't go back, and nothing is removed.
    """
    _put_back(folder)
    shutil.rmtree(folder, ignore_errors=True)


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
