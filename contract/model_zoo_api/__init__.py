"""The contract between programs that use models and plugins that bring them.

A host discovers what is installed with :class:`ModelZoo`; a plugin offers :class:`ModelProvider` objects through the
entry-point group ``model_zoo``. Importing this package costs next to nothing: each name is fetched on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from model_zoo_api import hookspecs
    from model_zoo_api.detections import Detections
    from model_zoo_api.hookspecs import hookimpl
    from model_zoo_api.problems import PluginProblem
    from model_zoo_api.settings import Setting
    from model_zoo_api.types import Licence, Metric, ModelCard, ModelProvider, WeightFile
    from model_zoo_api.zoo import ModelZoo

__version__ = "0.1.0"
__all__ = [
    "Detections",
    "Licence",
    "Metric",
    "ModelCard",
    "ModelProvider",
    "ModelZoo",
    "PluginProblem",
    "Setting",
    "WeightFile",
    "__version__",
    "hookimpl",
    "hookspecs",
]

_TYPES = ("Licence", "Metric", "ModelCard", "ModelProvider", "WeightFile")
_HOMES = {
    **dict.fromkeys(_TYPES, "types"),
    "Detections": "detections",
    "ModelZoo": "zoo",
    "PluginProblem": "problems",
    "Setting": "settings",
    "hookimpl": "hookspecs",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name == "hookspecs":
        return import_module(f"{__name__}.hookspecs")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
