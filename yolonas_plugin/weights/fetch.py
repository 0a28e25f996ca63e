"""Getting a published weight file: from one host after the other, and in place whole and checked or not at all.

The heavy part, one transfer from one host, is in ``transfer`` and is imported when something is transferred.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model_zoo_api.types import Licence, WeightFile
from yolonas_plugin.errors import DownloadError
from yolonas_plugin.weights.watch import OFTEN, CallbackError, CancelledError, Watch

OFFLINE: Final = "YOLONAS_OFFLINE"
"""Environment variable: 1 keeps this package from downloading anything."""

_LOGGER: Final = logging.getLogger("yolonas_plugin")
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long a slow or failing host is borne with.

    Args:
        connect: Seconds until a connection stands.
        stall: Seconds in which next to nothing arrives.
        tries: How often each host is tried.
        pause: Seconds before the second try; each further pause is twice as long.
    """

    connect: float = 10
    stall: float = 30
    tries: int = 4
    pause: float = 1


_PATIENCE: Final = Patience()


def offline() -> bool:
    """Tell whether the variable :data:`OFFLINE` forbids downloads."""
    return os.environ.get(OFFLINE, "").strip().lower() not in {"", "0", "false", "no"}


def by_hand(file: WeightFile, target: Path, licence: Licence | None = None) -> str:
    """Say how to put a file where it is looked for, without this package's help."""
    terms = f"\n  licence: {licence.name}, {licence.url}" if licence else ""
    return (
        f"Get the file yourself:\n"
        f"  from:    {' or '.join(file.urls)}\n"
        f"  sha256:  {file.sha256}{terms}\n"
        f"  put it:  {target}\n"
        f"or give the path of any YOLO-NAS checkpoint instead of the name"
    )


def fetch(
    file: WeightFile,
    folder: Path,
    *,
    licence: Licence | None = None,
    patience: Patience = _PATIENCE,
    progress: Callable[[int, int | None], object] | None = None,
    cancelled: Callable[[], object] | None = None,
) -> Path:
    """Return ``file`` in ``folder``, downloading it if it isn't there.

    A transfer that breaks leaves ``.NAME.part`` beside the target, and the next one goes on from there. Whoever comes
    while another process downloads waits, then finds the file. Proxies are those of the environment
    (``HTTPS_PROXY``, ``NO_PROXY``, ...), certificates too (``REQUESTS_CA_BUNDLE``).

    Args:
        file: What to get; without a SHA-256 it is refused, since nothing is used unchecked.
        folder: Where it belongs; made if need be.
        licence: Named in the error's instructions.
        patience: How long to wait and how often to try.
        progress: Called with the bytes that are there, and the bytes in all, or None where that isn't known; some ten
            times a second, in this thread. The bytes become fewer where a host gave wrong ones.
        cancelled: Asked as often, and while a host or another process is waited for; True ends the download.

    Raises:
        DownloadError: It can't be had, or not be written; the message says what happened at each host, and how to
            place the file by hand. Or it was cancelled; what has come is kept, and the next one goes on from there.
        Exception: What a callback raised; what has come is kept too.
    """
    target = folder / file.filename
    watch = Watch(progress, cancelled)
    try:
        if not file.sha256:
            raise _RefusedError(" the catalogue has no SHA-256 for it, and nothing is used unchecked")
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f".{file.filename}.lock", file.filename, watch):
            if not target.is_file():
                part = folder / f".{file.filename}.part"
                _from_any_host(file, part, patience, watch)
                os.replace(part, target)
    except (_RefusedError, NotImplementedError, OSError) as error:
        reason = f" {_local(error, folder)}" if isinstance(error, OSError) else str(error)
        raise DownloadError(f"{file.filename} was not downloaded:{reason}\n{by_hand(file, target, licence)}") from error
    except CancelledError as error:
        kept = "what has come is kept, and the next download goes on from there"
        raise DownloadError(f"{file.filename} was not downloaded: it was cancelled; {kept}") from error
    except CallbackError as error:
        raised = error.original
    else:
        return target
    raise raised  # here, where no error of ours is its context


class _RefusedError(Exception):
    """The file can't be had; the text says why."""


def _local(error: OSError, folder: Path) -> str:
    reason = error.strerror or str(error)
    if error.errno is None:  # requests says so of a certificate bundle that isn't there
        return reason
    if error.errno in _FULL:
        return f"there is no room for it in {folder} ({reason})"
    return f"{folder} can't be written to ({reason}); choose another folder with YOLONAS_WEIGHTS"


@contextmanager
def _alone(lock_file: Path, filename: str, watch: Watch) -> Iterator[None]:
    """Keep other processes and threads out; the system opens the lock of a process that dies."""
    from filelock import FileLock, Timeout

    lock = FileLock(lock_file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _LOGGER.warning("%s is being downloaded by another process; waiting for it", filename)
        while not lock.is_locked:
            watch.ask()
            with suppress(Timeout):
                lock.acquire(timeout=OFTEN)
    try:
        yield
    finally:
        lock.release()


def _from_any_host(file: WeightFile, part: Path, patience: Patience, watch: Watch) -> None:
    """Write and check ``part``, trying the hosts in turn; each goes on where the one before broke off."""
    from yolonas_plugin.weights.transfer import HostError, origin, session, transfer

    errors = {}
    with session() as http:
        for url in file.urls:
            for attempt in range(1, patience.tries + 1):
                try:
                    transfer(http, url, file, part, connect=patience.connect, stall=patience.stall, watch=watch)
                    origin(part).unlink(missing_ok=True)
                    return
                except HostError as error:
                    errors[url] = f"{error}{f' ({attempt} tries)' if attempt > 1 else ''}"
                    if not error.again:
                        break
                except OSError as error:
                    if error.errno in _FULL:
                        part.unlink(missing_ok=True)  # other programs need the room too
                    raise
                if attempt < patience.tries:
                    pause = patience.pause * 2 ** (attempt - 1)
                    _LOGGER.warning("%s: %s; trying again in %g s", url, errors[url], pause)
                    watch.sleep(pause)
    if not errors:
        raise _RefusedError(" the catalogue names no host that has it")
    raise _RefusedError("".join(f"\n  {url}: {error}" for url, error in errors.items()))
