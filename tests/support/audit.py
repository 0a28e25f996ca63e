"""What a process does besides computing, told by Python's audit events: commands, foreign code, other machines.

https://docs.python.org/3/library/audit_events.html
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "subprocess.",
    "pickle.",
    "socket.connect",
    "socket.getaddrinfo",
)
"""The beginnings of the names of events that no file may bring about: commands, unpickling, and other machines."""

_watching: list[Callable[[str, tuple[Any, ...]], None]] = []


def _hook(event: str, args: tuple[Any, ...]) -> None:
    for watch in _watching:
        watch(event, args)


sys.addaudithook(_hook)


@contextlib.contextmanager
def watched(bait: Path | None = None) -> Iterator[list[str]]:
    """List what is run, unpickled or asked of another machine, and whether ``bait`` is opened."""
    seen: list[str] = []

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event.startswith(FORBIDDEN):
            seen.append(f"{event} {args!r:.200}")
        elif event == "exec" and args[0].co_filename == "<string>" and not args[0].co_name.startswith("__create"):
            seen.append(f"exec {args!r:.200}")
        elif event == "open" and isinstance(args[0], (str, bytes)) and Path(os.fsdecode(args[0])) == bait:
            seen.append(f"open {args[0]!r}")

    _watching.append(watch)
    try:
        yield seen
    finally:
        _watching.remove(watch)
