"""YOLO-NAS for any host that discovers models through entry points.

Importing this package costs next to nothing: each public name is fetched from its module on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yolonas_plugin import hookspecs
    from yolonas_plugin.hookspecs import hookimpl
    from yolonas_plugin.nas import NAS
    from yolonas_plugin.types import ModelCard, ModelProvider
    from yolonas_plugin.zoo import ModelZoo

__version__ = "0.1.0"
__all__ = ["NAS", "ModelCard", "ModelProvider", "ModelZoo", "__version__", "hookimpl", "hookspecs"]

_HOMES = {
    "NAS": "yolonas_plugin.nas",
    "ModelCard": "yolonas_plugin.types",
    "ModelProvider": "yolonas_plugin.types",
    "ModelZoo": "yolonas_plugin.zoo",
    "hookimpl": "yolonas_plugin.hookspecs",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "hookspecs":
        return import_module("yolonas_plugin.hookspecs")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
