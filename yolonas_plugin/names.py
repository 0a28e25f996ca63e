"""Names that come from a file or a user, made fit for a terminal and for a file system."""

from __future__ import annotations

import hashlib
import re
from typing import Final

_LONGEST: Final = 140  # bytes; file systems take 255, those that encrypt names 143
_UNSAFE: Final = frozenset('%/\\:*?"<>|')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\.|$)", re.IGNORECASE)


def as_file_name(name: str) -> str:
    """Return a name for a file or folder that any system takes, the same for the same ``name`` and for no other.

    What a path, a system or a terminal would take for something else becomes ``%`` and two digits, as in URLs. Names
    that are too long end in ``%~`` and a digest.
    """
    escaped = [_escape(one) if one in _UNSAFE or not one.isprintable() else one for one in name]
    if escaped and (name[0] in ". ~-" or _RESERVED.match(name)):
        escaped[0] = _escape(name[0])
    if len(escaped) > 1 and name[-1] in ". ":
        escaped[-1] = _escape(name[-1])
    safe = "".join(escaped) or "%"
    if len(safe.encode()) <= _LONGEST:
        return safe
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    kept, room = "", _LONGEST - len(digest) - 2
    for part in escaped:
        room -= len(part.encode())
        if room < 0:
            break
        kept += part
    return f"{kept}%~{digest}"


def _escape(one: str) -> str:
    return "".join(f"%{byte:02X}" for byte in one.encode("utf-8", "surrogatepass"))
