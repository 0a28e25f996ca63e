"""What only the Ultralytics engine knows of data, asked for by reference: reading files needs neither it nor torch."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

_ENGINE: Final = "yolonas_plugin.nas.data_sets"


def ask_engine(function: str) -> Any:
    """Return a function of ``yolonas_plugin.nas.data_sets``; that imports the engine and torch."""
    return getattr(import_module(_ENGINE), function)
