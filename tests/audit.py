"""Python's audit events that no file may bring about: https://docs.python.org/3/library/audit_events.html."""

from __future__ import annotations

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
"""The beginnings of their names: commands, unpickling, and other machines."""
