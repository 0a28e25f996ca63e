"""Weight files: recognising, reading, finding and fetching them.

Each public name is imported on first use: finding and fetching a file needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yolonas_plugin.weights.checkpoint import Checkpoint
    from yolonas_plugin.weights.find import find_weights
    from yolonas_plugin.weights.read import read_checkpoint

__all__ = ["Checkpoint", "find_weights", "read_checkpoint"]

_HOMES = {"Checkpoint": "checkpoint", "find_weights": "find", "read_checkpoint": "read"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
