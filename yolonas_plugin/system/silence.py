"""Imports of packages that otherwise look up a host or leave files in the home folder when they are imported.

    from yolonas_plugin.system.silence import openvino

is ``import openvino`` with environment variables that turn this off, if nothing has imported it before. OpenVINO and
NNCF report to Google Analytics and write ``~/intel``, unless they run in continuous integration; newer ONNX Runtimes
(1.32 on Linux) write an identifier of the machine, and what is to be sent to Microsoft, into ``~/.cache/Microsoft``;
the Ultralytics engine looks up two hosts to know whether there is a network.
"""

from __future__ import annotations

import contextlib
import os
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Final

from yolonas_plugin.system.environment import home, variable

if TYPE_CHECKING:
    import nncf
    import onnxruntime
    import openvino
    import ultralytics

__all__ = ["nncf", "onnxruntime", "openvino", "ultralytics"]

_SAID: Final = {
    "nncf": {"CI": "true", "NNCF_CI": "1"},
    "onnxruntime": {"ORT_DISABLE_TELEMETRY": "1"},
    "openvino": {"CI": "true"},
    "ultralytics": {"YOLO_OFFLINE": "true"},
}


def __getattr__(name: str) -> ModuleType:
    if name not in _SAID:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in sys.modules:
        return import_module(name)  # which waits for it, if another thread is importing it
    if name == "ultralytics":
        import_module("torch")  # before the engine, which on import limits a torch that isn't loaded yet to one thread
    with contextlib.ExitStack() as said:
        for variable_name, value in _SAID[name].items():
            said.enter_context(variable(variable_name, value))
        if os.path.expanduser("~") == "~":
            said.enter_context(variable("HOME", str(home())))  # some of them can't be imported where there is none
        return import_module(name)
