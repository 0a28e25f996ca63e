"""What PyInstaller reads when it packs a host; nothing else imports it."""

from __future__ import annotations

from pathlib import Path


def hook_dirs() -> list[str]:
    """Return the folder of hooks, as the entry-point group ``pyinstaller40`` asks for it."""
    return [str(Path(__file__).parent)]
