"""What an export is asked for: checked before any work, what its file is called, and whether it may be written."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final, get_args

from yolonas_plugin.errors import ExportError, ExportSettingError, SettingError
from yolonas_plugin.export.description import RAW, Gives, Takes
from yolonas_plugin.settings import check_flag, check_settings, nearest

OPSETS: Final = range(13, 24)
"""Versions of the ONNX operator set in which the network can be written.

Box selection is written with operators of 13, and torch 2.14's exporter refuses 24. ONNX Runtime 1.32 and OpenVINO
2026.4 give the same boxes for all of them; programs with an older ONNX want an older one than 21.
"""

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")

_SELECTION: Final = ("conf", "iou", "max_det")

FORM: Final = ("takes", "gives", "imgsz", "batch", "dynamic", "opset", *_SELECTION)
"""Settings that are part of a file's name: ``simplify`` isn't, which changes nothing that a file computes."""

DEFAULTS: Final[dict[str, Any]] = {"takes": "prepared", "gives": "engine", "batch": 1, "dynamic": False, "opset": 17}
"""Their values that aren't named. ``half=False`` and the like aren't either, nor what is the weights' own."""

OF_FORMAT: Final = {
    "onnx": {*FORM, "simplify"},
    "openvino": {*FORM} - {"opset"},
    "triton": {*_SELECTION, "imgsz", "name", "batch", "opset", "simplify"},
    "frigate": {"conf", "iou", "imgsz", "name", "opset", "simplify"},
}
"""The formats that this package writes by itself, and their settings."""

_NOTHING: Final[Mapping[str, tuple[tuple[Any, ...], str]]] = {
    "device": (("", "cpu"), "the graph is written on the CPU, and knows no device"),
    "optimize": ((False,), "it is for other formats"),
    "workspace": ((), "it is for format='engine'"),
    "verbose": ((False, True), ""),  # of how much is said, which is never much: it can't be missed in a file
}
"""Settings of the engine that change nothing here: the values that ask for nothing, and why others are refused."""

_FLAGS: Final = {"dynamic", "simplify", "nms", "optimize", "keras"}
_PRECISIONS: Final = ("half", "int8", "quantize")


def check_format(format: Any, engine_formats: Mapping[str, Any]) -> str:
    """Return a format in lower case.

    Args:
        format: What a caller wrote.
        engine_formats: The names of those that the engine writes.

    Raises:
        ExportSettingError: There is no such format; the nearest is named.
    """
    known = [*OF_FORMAT, *engine_formats]
    name = format.lower() if isinstance(format, str) else format
    if name in ("pt", "pth", "pytorch", "safetensors"):
        raise ExportSettingError(f"format={format!r} is a weight file, which save() and convert write")
    if name not in known:
        hint = f"did you mean {nearest(format, known)!r}? " if isinstance(format, str) and format else ""
        raise ExportSettingError(f"format={format!r} is unknown; {hint}Formats are {', '.join(known)}")
    return str(name)


def check_form(format: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a format of ours as they are meant, without those that are None.

    Args:
        format: One of :data:`OF_FORMAT`.
        given: The settings; the engine's ``nms`` is understood too.

    Raises:
        ExportSettingError: There is no such setting, it can't have that value, or settings contradict each other.
    """
    known = OF_FORMAT[format]
    everywhere = set().union(*OF_FORMAT.values())
    settings = check_names(given, {*everywhere, *_NOTHING, *_PRECISIONS, "nms"}, format)
    for name, (harmless, reason) in _NOTHING.items():
        if name in settings and str(settings[name]) not in map(str, harmless):
            raise ExportSettingError(
                f"format={format!r}: {name}={settings[name]!r} would change nothing: {reason}; leave it out"
            )
    refused = [name for name in settings if name in everywhere - known]
    refused += [name for name in _PRECISIONS if settings.get(name) not in (None, False, 32)]
    if refused:
        raise ExportSettingError(
            f"format={format!r} doesn't know {', '.join(f'{name}={settings[name]!r}' for name in refused)}; it takes "
            f"{', '.join(sorted(known))}, and is written in fp32"
        )
    for name, kind in (("takes", Takes), ("gives", Gives)):
        if name in settings and settings[name] not in get_args(kind):
            raise ExportSettingError(f"{name}={settings[name]!r} is unknown; it is one of {', '.join(get_args(kind))}")
    if "opset" in settings and settings["opset"] not in OPSETS:
        raise ExportSettingError(
            f"opset={settings['opset']!r} is out of range; this network is written in {OPSETS[0]} to {OPSETS[-1]}"
        )
    if "gives" in known:
        _check_selection(settings)
    return {name: value for name, value in settings.items() if name in known}


def check_names(given: Mapping[str, Any], known: Collection[str], format: str) -> dict[str, Any]:
    """Return the settings of an export as they are meant, without those that are None.

    Raises:
        ExportSettingError: There is no such setting, the nearest is named; or it can't have that value.
    """
    try:
        settings = check_settings(given, known, f"export to {format}")
        return {name: check_flag(name, value) if name in _FLAGS else value for name, value in settings.items()}
    except SettingError as error:
        raise ExportSettingError(str(error)) from error


def _check_selection(settings: dict[str, Any]) -> None:
    """Take the engine's word for box selection in the graph, and see that there is no contradiction."""
    gives = settings.get("gives")
    nms = settings.pop("nms", None)
    if nms and gives is None:
        settings["gives"] = gives = "flat"
    if nms is not None and gives is not None and nms == (gives in RAW):
        raise ExportSettingError(
            f"nms={nms!r} and gives={gives!r} contradict each other: "
            f"{gives!r} is {'without' if nms else 'with'} box selection"
        )
    if gives == "frigate" and settings.get("batch", 1) != 1:
        raise ExportSettingError(f"gives='frigate' is for one image at a time, not batch={settings['batch']}")


def form_name(stem: str, settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Return the name of a file, without its ending: each setting that is set and differs from its default is in it.

    Texts and sizes (height x width) stand for themselves, switches by their name, numbers after their name.
    """
    parts = [stem]
    for name, value in settings.items():
        if value is None or value is False or value == defaults.get(name):
            continue
        if isinstance(value, (list, tuple)):
            text = "x".join(map(str, value))
        else:
            text = name if value is True else value if isinstance(value, str) else f"{name}{value}"
        parts.append(re.sub(r"[^\w.-]+", "_", text))
    return "-".join(parts)


def free_folder(parent: Path, name: str, what: str, overwrite: bool) -> Path:
    """Return the folder of a name, which may be written.

    Args:
        parent: In which it is.
        name: Letters, digits, ``_``, ``.`` and ``-``, which are the same in a URL, in YAML and in a shell; and no
            hidden one.
        what: Is named so, for the message.
        overwrite: Replace one that is there.

    Raises:
        ExportError: The name won't do, or the folder is there and isn't to be replaced.
    """
    if not _NAME.fullmatch(name):
        raise ExportError(f"name={name!r}: {what} is named by letters, digits, '_', '.' and '-' only")
    folder = parent / name
    if folder.exists() and not overwrite:
        raise ExportError(
            f"{folder} is there; nothing in it was changed: replace it with overwrite=True, or choose another name="
        )
    return folder


def free_path(path: Path, weights: Path, overwrite: bool) -> Path:
    """Return a path that may be written.

    Raises:
        ExportError: Something is there, and isn't to be replaced, or the folder can't be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"{path.parent}: this folder can't be made: {error}") from error
    if not os.access(path.parent, os.W_OK):
        raise ExportError(f"{path.parent}: this folder can't be written to; name another one with output=")
    if os.path.exists(path) and weights.exists() and path.samefile(weights):
        raise ExportError(f"{path}: the export would replace its own weights; name another folder with output=")
    if os.path.lexists(path) and not overwrite:
        raise ExportError(
            f"{path} is there, and was left as it is: overwrite=True (--overwrite) replaces it, output= (--output) "
            "names another folder"
        )
    return path
