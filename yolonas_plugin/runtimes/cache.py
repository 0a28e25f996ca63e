"""What was made from weights for a runtime, kept for the next time, under a name that says what it was made from.

Each entry has the sizes and digests of its files beside it: one that is damaged is made anew. Entries appear whole or
not at all, and those that weren't used for longest go when there is too much.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import json
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from yolonas_plugin.errors import ExportError, RuntimeChoiceError
from yolonas_plugin.files.digest import file_sha256
from yolonas_plugin.files.temporary import TemporaryFolder
from yolonas_plugin.files.whole import remove_leftovers, whole, whole_folder, write_whole
from yolonas_plugin.version import __version__
from yolonas_plugin.weights.folder import weights_folder

LIMIT: Final = "YOLONAS_CACHE_MB"
"""Environment variable: megabytes that are kept at most, besides what this process uses; 2000 unless it is set."""

COMPILED: Final = "openvino"
"""The folder of what OpenVINO has compiled, one file for each graph, shape and kind of work."""

_DIGEST: Final = hashlib.sha256().digest_size

_LOGGER: Final = logging.getLogger("yolonas_plugin")
_used: set[Path] = set()
_checked: dict[Path, tuple[int, int]] = {}
_guard: Final = threading.Lock()


def cache_folder() -> Path:
    """Return the folder of what is kept: ``runtimes`` in the folder of weights; a temporary one if it can't be written.

    Raises:
        RuntimeChoiceError: Neither can.
    """
    folder = weights_folder() / "runtimes"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
        reason = "it may not be written to"
    except OSError as error:
        reason = error.strerror or str(error)
    return _temporary_folder(folder, reason)


@functools.cache
def _temporary_folder(instead_of: Path, reason: str) -> Path:
    """Make a folder for this process alone, and say so, once."""
    try:
        folder = TemporaryFolder()
    except OSError as error:
        raise RuntimeChoiceError(
            f"{instead_of}: what a runtime needs can't be kept there: {reason}; nor in a temporary folder: {error}. "
            "Name another folder with the variable YOLONAS_WEIGHTS, or take runtime='torch', which keeps nothing"
        ) from error
    atexit.register(folder.cleanup)
    _LOGGER.warning(
        "%s: what a runtime needs can't be kept there: %s. It is in a temporary folder until this process ends; "
        "YOLONAS_WEIGHTS names another one",
        instead_of,
        reason,
    )
    return folder.path


def cache_key(parts: Iterable[bytes | memoryview | str]) -> str:
    """Return a name for what is made from ``parts`` by this version of the package."""
    digest = hashlib.sha256(__version__.encode())
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\0")
    return digest.hexdigest()[:40]


def cached(key: str, make: Callable[[Path], None], *, checked: bool = True) -> Path:
    """Return the folder of that key, which ``make`` fills if it isn't there or is damaged; one process at a time.

    Args:
        key: A name, see :func:`cache_key`.
        make: Fills a folder.
        checked: Look into the files; False looks at their sizes alone, for who calls again before reading them.

    Raises:
        RuntimeChoiceError: It can't be written.
    """
    read_only = weights_folder() / "runtimes" / key
    if is_whole(read_only, digests=checked):
        return _use(read_only)
    folder = cache_folder() / key
    try:
        with FileLock(folder.with_name(f".{key}.lock")):
            if not is_whole(folder, digests=checked):
                if os.path.lexists(folder):
                    _LOGGER.warning("%s is damaged or incomplete, and is made anew", folder)
                    _remove(folder)
                with whole_folder(folder) as new:
                    make(new)
                write_whole(_manifest(folder), json.dumps(_contents(folder)))
                _limit(folder)
    except OSError as error:
        raise RuntimeChoiceError(
            f"{folder.parent}: what a runtime needs can't be kept there: {error}. Name another folder with the "
            "variable YOLONAS_WEIGHTS, or take runtime='torch', which keeps nothing"
        ) from error
    return _use(folder)


def digest_of(file: Path) -> str | None:
    """Return what tells the content of an entry's files, without reading them; None for files that are no entry's."""
    try:
        return hashlib.sha256(_manifest(file.parent).read_bytes()).hexdigest()
    except OSError:
        return None


# --- entries that an engine fills while it works ---


def growing(key: str) -> Path:
    """Return the folder of that key, for an engine that keeps files there by itself; empty unless it is whole.

    Raises:
        RuntimeChoiceError: It can't be written.
    """
    folder = cache_folder() / key
    try:
        with FileLock(folder.with_name(f".{key}.lock")):
            if not is_whole(folder):
                _remove(folder)
            folder.mkdir(exist_ok=True)
    except OSError as error:
        raise RuntimeChoiceError(f"{folder}: what a runtime makes can't be kept there: {error}") from error
    return _use(folder)


def grown(folder: Path) -> None:
    """Note what is in a folder of :func:`growing` now, so that the next one finds it whole. A full disk is no error."""
    try:
        with FileLock(folder.with_name(f".{folder.name}.lock")):
            write_whole(_manifest(folder), json.dumps(_contents(folder)))
            _limit(folder)
    except (OSError, ExportError) as error:
        _LOGGER.warning("%s: what is there can't be noted, and is made anew the next time: %s", folder, error)


# --- whether an entry is as it was made ---


def _manifest(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


def _contents(folder: Path) -> dict[str, list[int | str]]:
    return {file.name: [file.stat().st_size, file_sha256(file)] for file in sorted(folder.iterdir())}


def is_whole(folder: Path, *, digests: bool = True) -> bool:
    """Tell whether an entry has the files that it was made with: their sizes, and once in a process their digests."""
    try:
        expected = json.loads(_manifest(folder).read_text(encoding="utf-8"))
        files = sorted(folder.iterdir())
        if not files or {file.name: file.stat().st_size for file in files} != {n: s for n, (s, _) in expected.items()}:
            return False
        for file in files if digests else ():
            found = file.stat()
            state = found.st_ino, found.st_mtime_ns
            if _checked.get(file) != state:
                if file_sha256(file) != expected[file.name][1]:
                    return False
                _checked[file] = state
    except (OSError, ValueError, TypeError, AttributeError):
        return False
    return True


# --- what goes ---


def _use(entry: Path) -> Path:
    """Note that an entry is in use."""
    with _guard:
        _used.add(entry)
    with contextlib.suppress(OSError):
        os.utime(entry)
    return entry


def _limit(new: Path) -> None:
    """Remove what wasn't used for longest, until the rest is as large as allowed; nothing that this process uses."""
    try:
        most = float(os.environ.get(LIMIT) or 2000) * 1e6
    except ValueError as error:
        raise RuntimeChoiceError(f"{LIMIT}={os.environ[LIMIT]!r} is no number of megabytes") from error
    root = new.parent.parent if new.parent.name == COMPILED else new.parent
    for folder in (root, root / COMPILED):
        remove_leftovers(folder)
    sizes = {entry: _size(entry) for entry in _entries(root)}
    too_much = sum(sizes.values()) - most
    for entry in sorted(sizes, key=_last_use):
        if too_much <= 0:
            return
        if entry not in _used and entry != new:
            _remove(entry)
            entry.with_name(f".{entry.name}.lock").unlink(missing_ok=True)
            too_much -= sizes[entry]


def _entries(root: Path) -> Iterator[Path]:
    for path in root.iterdir():
        if path.is_dir() and path.name != COMPILED and not path.name.startswith("."):
            yield path
    for ending in ("blob", "json"):
        yield from (root / COMPILED).glob(f"*.{ending}")


def _size(entry: Path) -> int:
    total = 0
    with contextlib.suppress(OSError):
        for file in entry.iterdir() if entry.is_dir() else (entry,):
            found = file.stat()
            total += found.st_size // max(found.st_nlink, 1)  # lean prediction's are second names
    return total


def _last_use(entry: Path) -> float:
    try:
        return entry.stat().st_mtime
    except OSError:
        return 0.0


def _remove(entry: Path) -> None:
    """Remove an entry; what has it open keeps it."""
    with contextlib.suppress(OSError):
        _manifest(entry).unlink(missing_ok=True)
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            entry.unlink(missing_ok=True)


# --- single files ---


def read_blob(name: str, room: Callable[[int], Any] = bytearray, ending: str = "blob") -> Any:
    """Return what :func:`write_blob` has written under a name; None if it isn't there, or is damaged.

    Args:
        name: As there.
        room: From a number of bytes to what they are read into, once, and what is returned.
        ending: Of the file.
    """
    for folder in (weights_folder() / "runtimes", cache_folder()):
        file = folder / COMPILED / f"{name}.{ending}"
        try:
            with file.open("rb", buffering=0) as opened:
                digest = opened.read(_DIGEST)
                content = room(max(file.stat().st_size - _DIGEST, 0))
                size = opened.readinto(content)
        except OSError:
            continue
        if size == len(content) and digest == hashlib.sha256(content).digest():
            with contextlib.suppress(OSError):
                os.utime(file)
            return content
    return None


def write_blob(name: str, content: bytes, most: int, ending: str = "blob") -> None:
    """Keep bytes under a name, ``KIND-...``, and of those of its kind the last ``most``; a full disk is no error."""
    folder = cache_folder() / COMPILED
    file = folder / f"{name}.{ending}"
    try:
        with whole(file) as temporary, temporary.open("wb") as out:
            out.write(hashlib.sha256(content).digest())
            out.write(content)
        kind = sorted(folder.glob(f"{name.partition('-')[0]}-*.{ending}"), key=_last_use, reverse=True)
        for old in kind[most:]:
            _remove(old)
        _limit(file)
    except (OSError, ExportError) as error:
        _LOGGER.warning("%s: what was compiled can't be kept: %s", file, error)
