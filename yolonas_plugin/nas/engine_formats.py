"""Formats that the Ultralytics engine writes: which there are, the settings that each follows, and writing them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Any, Final, NamedTuple

from ultralytics.utils import DEFAULT_CFG_DICT

from yolonas_plugin.engine import own_names, quiet, session
from yolonas_plugin.errors import ExportError, ExportSettingError, YoloNASPluginError
from yolonas_plugin.export.form import OF_FORMAT, check_names, form_name, free_path
from yolonas_plugin.export.onnx import EXPORTER
from yolonas_plugin.files.whole import require_room, settle, workplace
from yolonas_plugin.nas.module import NASModule
from yolonas_plugin.nas.settings import as_imgsz

_SELECTION: Final = ("conf", "iou", "max_det")
"""Settings of box selection."""

_ALIASES: Final = {
    **dict.fromkeys(("tensorrt", "trt"), "engine"),
    **dict.fromkeys(("mlmodel", "mlpackage", "mlprogram", "apple", "ios"), "coreml"),
    **dict.fromkeys(("huawei", "cann", "om"), "ascend"),
    **dict.fromkeys(("vitis", "vitisai", "versal"), "xilinx"),
    **dict.fromkeys(("tflite", "tfjs"), "litert"),
}
"""Other names that the engine has for its formats, in those of its versions that have the format."""

_FORM: Final = (
    *("imgsz", "batch", "dynamic", "half", "int8", "quantize", "opset", *_SELECTION),
    *("keras", "name", "data", "fraction"),
)
"""Settings of the engine that are part of a file's name."""

_DEFAULTS: Final[dict[str, Any]] = {"batch": 1, "fraction": 1.0}
"""Values of the engine's exporter that aren't named, besides those that are None or False."""

_NOT_NAMED: Final = ("device", "simplify", "optimize", "verbose", "workspace")
"""Settings of the engine that change nothing that a file computes."""

_OF_ALL: Final = {"imgsz", "device", "verbose", "half", "int8", "quantize"}
"""Settings that every format of the engine has: it refuses precisions that one can't have itself."""

_UNLISTED: Final = {"engine": {"workspace", "opset", "simplify"}}
"""Settings that engines of 8.3 follow, and don't list."""

_WHEN_INT8: Final = {"engine", "saved_model", "litert", "tflite"}
"""Formats that are calibrated only where int8 is asked for."""

_ALWAYS_INT8: Final = {"axelera", "deepx", "edgetpu", "hailo", "imx", "qnn", "xilinx"}
"""Formats that the engine writes in int8, or with weights of 8 bits, whatever it is asked for."""

_TENSORFLOW: Final = {"pb", "saved_model", "tfjs", "tflite"}
"""TensorFlow's; of these the engine divides coordinates by the image's size, but in heads of its own alone."""

_REPORTING: Final = {"mnn": "MNN.tools.utils.log"}
"""Modules that converters do without, and that install packages and report to a server as soon as they are imported."""


_UNTIL_ASKED: Final[dict[str, Any]] = {"batch": 1, "data": None, "device": None, "verbose": False}
"""What the engine's own ``export`` method sets, where a caller doesn't."""


class EngineFormat(NamedTuple):
    """A format of the engine: the engine's own name for it, how its files end, and the settings that it follows."""

    name: str
    ending: str
    follows: frozenset[str]


_SUFFIX: Final = ".yolonas-weights"
"""The engine makes names by replacing the ending of the weights wherever it stands in the path; this stands once."""


def engine_formats() -> dict[str, EngineFormat]:
    """Return the engine's formats that aren't written here."""
    from ultralytics.engine.exporter import export_formats

    table = export_formats()
    rows = list(zip(table["Argument"], table["Suffix"], table["Arguments"], strict=True))[1:]
    known = {
        name: EngineFormat(name, end, frozenset({*listed, *_UNLISTED.get(name, ())}) - {"nms"})
        for name, end, listed in rows
    }
    also = {alias: known[name] for alias, name in _ALIASES.items() if name in known and alias not in known}
    return {name: found for name, found in {**known, **also}.items() if name not in OF_FORMAT}


def export_by_engine(
    module: NASModule,
    callbacks: Mapping[str, Any] | None,
    format: str,
    known: EngineFormat,
    folder: Path,
    overwrite: bool,
    given: Mapping[str, Any],
) -> str:
    """Let the engine write into a folder of its own, and put in place what it says that it wrote, and nothing else.

    Args:
        module: The network.
        callbacks: The engine's, for its exporter.
        format: The format's name.
        known: The format, one of :func:`engine_formats`.
        folder: Where it is put.
        overwrite: Replace what is there.
        given: The engine's settings.

    Returns:
        The path that was written.

    Raises:
        ExportSettingError: There is no such setting, it can't have that value, or the format doesn't follow it.
        ExportError: The folder can't be written to, a file is there, or the exporter fails.
    """
    settings = check_names(given, {*_FORM, *_NOT_NAMED, "nms"}, format)
    _check_int8(format, known, settings)
    _check_followed(format, known, settings)
    weights, own = Path(module.pt_path), {"imgsz": module.processing.settings()["imgsz"]}
    shown = {**settings, "data": Path(str(settings["data"])).stem} if "data" in settings else settings
    name = form_name(weights.stem, {name: shown.get(name) for name in _FORM}, _DEFAULTS | own)
    path = free_path(folder / f"{name}{known.ending}", weights, overwrite)
    if "imgsz" in settings:
        settings["imgsz"] = as_imgsz(settings["imgsz"])
    with workplace(path) as folder:
        # torch ends the process where it can't write TorchScript
        require_room(folder, sum(p.numel() * p.element_size() for p in module.parameters()) * 5 // 4)
        named = copy(module)  # which the engine copies in turn
        named.pt_path = str(folder / f"{name}{_SUFFIX}")  # from which it derives names
        if skeleton := module.about.skeleton:
            held: Any = named  # whose attributes the hints of torch take for tensors and modules
            held.model = [named]  # where the engine looks for kpt_shape, without asking whether there is such a list
            held.kpt_names = {0: list(skeleton.names)}
        try:
            with EXPORTER, session(), quiet(), own_names(), _without_reports(known):
                from ultralytics.engine.exporter import Exporter  # a tenth of a second to import

                asked = {"task": module.task, "model": module.pt_path, "imgsz": module.args["imgsz"]}
                asked |= {**_UNTIL_ASKED, **settings, "format": format, "mode": "export"}
                exporter = Exporter(overrides=asked, _callbacks=callbacks)
                written = Path(exporter(model=named))
        except YoloNASPluginError:
            raise
        except Exception as error:  # of any kind: assertions, missing packages, exit codes of converters
            raise ExportError(f"format={format!r}: the engine's exporter failed: {error}") from error
        real = Path(os.path.realpath(written))
        if folder not in real.parents:
            raise ExportError(f"format={format!r}: the engine's exporter wrote to {written}, where it was not asked to")
        inside = real.relative_to(folder)
        path = free_path(path.with_name(inside.parts[0]), weights, overwrite)
        settle(folder / inside.parts[0], path)
        return str(path.parent / inside)


@contextlib.contextmanager
def _without_reports(known: EngineFormat) -> Iterator[None]:
    """Let a format's converter find no module that installs packages and reports what it converts."""
    name = _REPORTING.get(known.name)
    if name is None or name in sys.modules:  # whoever has imported it has wanted it
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # as Python has it: an ImportError
    try:
        yield
    finally:
        del sys.modules[name]


def _is_int8(settings: Mapping[str, Any]) -> bool:
    return bool(settings.get("int8")) or "8" in str(settings.get("quantize", ""))


def _check_int8(format: str, known: EngineFormat, settings: Mapping[str, Any]) -> None:
    """See that what the network gives stays out of int8: 256 steps for pixels and scores together leave no scores.

    Raises:
        ExportSettingError: The engine would put it into int8, or fetch a data set to calibrate int8 on.
    """
    if known.name in _ALWAYS_INT8 or (known.name in _TENSORFLOW and _is_int8(settings)):
        raise ExportSettingError(
            f"format={format!r}{'' if known.name in _ALWAYS_INT8 else ' in int8'} isn't for YOLO-NAS: pixels and "
            "scores are in one output of this network, of which the 256 steps of int8 leave no scores, and the engine "
            "parts them in networks of its own alone"
        )
    weights_alone = str(settings.get("quantize", "")).lower() == "w8a32"
    if "fraction" in known.follows and _is_int8(settings) and not weights_alone and not settings.get("data"):
        raise ExportSettingError(
            f"format={format!r}: int8 is calibrated on images: say which, with data= and a data set's YAML file; the "
            "engine would fetch a data set of its own"
        )


def _check_followed(format: str, known: EngineFormat, settings: dict[str, Any]) -> None:
    """See that an engine's format follows each setting; the engine passes over some, in silence or with a warning.

    Raises:
        ExportSettingError: It doesn't.
    """
    half = settings.get("half") or str(settings.get("quantize", "")).lower() in ("16", "fp16")
    followed = _OF_ALL | known.follows
    if settings.get("nms"):
        raise ExportSettingError(
            f"format={format!r}: nms=True would change nothing, or select the wrong boxes: the engine's box selection "
            "is for heads of its own. format='onnx' and format='openvino' have ours, with nms=True or gives='flat'"
        )
    if known.name in _WHEN_INT8 and not _is_int8(settings):
        followed -= {"data", "fraction"}
    for name, value in settings.items():
        if name not in followed and value != ({**DEFAULT_CFG_DICT, **_DEFAULTS}.get(name) or False):
            raise ExportSettingError(
                f"format={format!r}: {name}={value!r} would change nothing; with the other settings it takes "
                f"{', '.join(sorted(followed))}"
            )
    if half and format == "torchscript" and str(settings.get("device", "cpu")).lower() in ("", "cpu"):
        raise ExportSettingError("format='torchscript': float16 needs a GPU, device=0, and is left out without one")
