"""A process's environment: variables set temporarily, and a home folder and streams, which some processes lack."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def variable(name: str, value: str) -> Iterator[None]:
    """Set an environment variable of this process, and put back what was there."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def home() -> Path:
    """Return the user's home; where there is none, as in many containers, a temporary folder of this user's alone."""
    try:
        return Path.home()
    except RuntimeError:  # no variable says it, and the user is in no list of users
        pass
    import tempfile  # for such users only

    user = getattr(os, "getuid", lambda: "user")()
    folder = Path(tempfile.gettempdir()) / f"yolonas-plugin-{user}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    private = os.name != "posix" or (found.st_uid, found.st_mode & 0o077) == (user, 0)
    return folder if stat.S_ISDIR(found.st_mode) and private else Path(tempfile.mkdtemp(prefix="yolonas-plugin-"))


def is_terminal(stream: Any) -> bool:
    """Whether a stream is a terminal; False for none and for a closed one."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # there is no stream, or it is closed
        return False
