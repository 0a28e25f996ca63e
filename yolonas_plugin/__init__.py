"""YOLO-NAS for any host that discovers models through entry points.

Importing this package costs next to nothing: each public name is fetched from its module on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from yolonas_plugin.version import __version__

if TYPE_CHECKING:
    from model_zoo_api import hookspecs
    from model_zoo_api.hookspecs import hookimpl
    from model_zoo_api.types import ModelCard, ModelProvider
    from model_zoo_api.zoo import ModelZoo
    from yolonas_plugin.nas import NAS

__all__ = ["NAS", "ModelCard", "ModelProvider", "ModelZoo", "__version__", "hookimpl", "hookspecs"]

_CONTRACT = ("ModelCard", "ModelProvider", "ModelZoo", "hookimpl", "hookspecs")


def __getattr__(name: str) -> Any:
    if name == "NAS":
        return import_module("yolonas_plugin.nas").NAS
    if name in _CONTRACT:
        return getattr(import_module("model_zoo_api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
