"""``NAS.export``: ONNX, OpenVINO and model repositories by this package, other formats by the Ultralytics engine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from ultralytics.utils import DEFAULT_CFG_DICT

from yolonas_plugin.engine import own_names, quiet, session
from yolonas_plugin.errors import ExportError, ExportSettingError, YoloNASPluginError
from yolonas_plugin.export.description import Description, Gives, Takes
from yolonas_plugin.export.form import (
    DEFAULTS,
    FORM,
    OF_FORMAT,
    check_form,
    check_format,
    check_names,
    form_name,
)
from yolonas_plugin.export.onnx import EXPORTER
from yolonas_plugin.export.outputs import check_gives
from yolonas_plugin.extras import require
from yolonas_plugin.files.whole import require_room, settle, workplace
from yolonas_plugin.nas.module import NASModule
from yolonas_plugin.nas.settings import as_imgsz
from yolonas_plugin.settings import check_flag, check_imgsz
from yolonas_plugin.system.interrupts import heard

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
    *("imgsz", "batch", "dynamic", "half", "int8", "quantize", "nms", "opset", *_SELECTION),
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


_UNTIL_ASKED: Final[dict[str, Any]] = {"batch": 1, "data": None, "device": None, "verbose": False}
"""What the engine's own ``export`` method sets, where a caller doesn't."""


class _EngineFormat(NamedTuple):
    """A format of the engine: how its files end, and the settings that it follows."""

    ending: str
    follows: frozenset[str]


_SUFFIX: Final = ".yolonas-weights"
"""The engine makes names by replacing the ending of the weights wherever it stands in the path; this stands once."""


def export(
    module: NASModule,
    callbacks: Mapping[str, Any] | None = None,
    /,
    *,
    format: str,
    output: str | Path | None,
    overwrite: bool = False,
    **kwargs: Any,
) -> str:
    """Export a fused copy of a network, whole or not at all.

    Each form has a name of its own: that of the weights, then what differs from the default and changes what the file
    computes, as in ``best-pixels-pair-320x320.onnx``; see ``yolonas_plugin.export.form.FORM``.

    Args:
        module: The network.
        callbacks: The engine's, for its exporter.
        format: ``"onnx"``, ``"openvino"``, ``"triton"``, which is a model repository, or another format of the engine,
            such as ``"torchscript"``.
        output: Folder to write to; by default the folder of the weights, which is the engine's habit.
        overwrite: Replace an export that is there; else that is an error.
        **kwargs: For ONNX and OpenVINO the arguments of :func:`~yolonas_plugin.nas.export.export_onnx`, for a model
            repository those of :func:`~yolonas_plugin.nas.export.export_repository`, else the engine's settings.

    Returns:
        The path that was written.

    Raises:
        MissingExtraError: A package that the format needs isn't installed.
        ExportSettingError: There is no such format or setting, a setting can't have that value, or settings contradict
            each other.
        ExportError: The folder can't be written to, a file is there, or the exporter fails.
    """
    engine_formats = _engine_formats()
    format = check_format(format, engine_formats)
    overwrite = check_flag("overwrite", overwrite)
    weights = Path(module.pt_path)
    folder = weights.parent if output is None else Path(output).expanduser()
    if format == "triton":
        settings = check_form(format, kwargs)
        if output is None:
            raise ExportError("format='triton' needs output=, the model repository, to which it adds a model")
        return export_repository(module, folder, overwrite=overwrite, **settings)
    own = module.processing.settings()
    if format in OF_FORMAT:
        settings = check_form(format, kwargs)
        check_gives(settings.get("gives", DEFAULTS["gives"]), module.about.task)
        name = form_name(weights.stem, {name: settings.get(name) for name in FORM}, DEFAULTS | own)
        if format == "onnx":
            path = _free(folder / f"{name}.onnx", weights, overwrite)
            return export_onnx(module, path, **settings)
        return export_openvino(module, _free(folder / f"{name}_openvino_model", weights, overwrite), **settings)
    settings = check_names(kwargs, {*_FORM, *_NOT_NAMED}, format)
    _check_followed(format, engine_formats[format], settings)
    shown = {**settings, "data": Path(str(settings["data"])).stem} if "data" in settings else settings
    name = form_name(weights.stem, {name: shown.get(name) for name in _FORM}, _DEFAULTS | {"imgsz": own["imgsz"]})
    path = _free(folder / f"{name}{engine_formats[format].ending}", weights, overwrite)
    if "imgsz" in settings:
        settings["imgsz"] = as_imgsz(settings["imgsz"])
    return _by_engine(module, callbacks, format, path, name, overwrite, settings)


def _engine_formats() -> dict[str, _EngineFormat]:
    """Return the engine's formats that aren't written here."""
    from ultralytics.engine.exporter import export_formats

    table = export_formats()
    rows = list(zip(table["Argument"], table["Suffix"], table["Arguments"], strict=True))[1:]
    known = {name: _EngineFormat(end, frozenset({*listed, *_UNLISTED.get(name, ())})) for name, end, listed in rows}
    also = {alias: known[name] for alias, name in _ALIASES.items() if name in known and alias not in known}
    return {name: found for name, found in {**known, **also}.items() if name not in OF_FORMAT}


def _check_followed(format: str, known: _EngineFormat, settings: dict[str, Any]) -> None:
    """See that an engine's format follows each setting; the engine passes over some, in silence or with a warning.

    Raises:
        ExportSettingError: It doesn't.
    """
    precision = str(settings.get("quantize", "")).lower()
    half = settings.get("half") or precision in ("16", "fp16")
    followed = _OF_ALL | known.follows
    if settings.get("nms") and "nms" in followed:
        followed |= {*_SELECTION}
    if _ALIASES.get(format, format) in _WHEN_INT8 and not (settings.get("int8") or "8" in precision):
        followed -= {"data", "fraction"}
    for name, value in settings.items():
        if name not in followed and value != ({**DEFAULT_CFG_DICT, **_DEFAULTS}.get(name) or False):
            raise ExportSettingError(
                f"format={format!r}: {name}={value!r} would change nothing; with the other settings it takes "
                f"{', '.join(sorted(followed))}"
            )
    if half and format == "torchscript" and str(settings.get("device", "cpu")).lower() in ("", "cpu"):
        raise ExportSettingError("format='torchscript': float16 needs a GPU, device=0, and is left out without one")


def _free(path: Path, weights: Path, overwrite: bool) -> Path:
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


def _by_engine(
    module: NASModule,
    callbacks: Mapping[str, Any] | None,
    format: str,
    path: Path,
    name: str,
    overwrite: bool,
    settings: dict[str, Any],
) -> str:
    """Let the engine write into a folder of its own, and put in place what it says that it wrote, and nothing else."""
    weights = Path(module.pt_path)
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
            with EXPORTER, heard(), session(), quiet(), own_names():
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
        path = _free(path.with_name(inside.parts[0]), weights, overwrite)
        settle(folder / inside.parts[0], path)
        return str(path.parent / inside)


def export_onnx(
    module: NASModule,
    path: Path,
    *,
    takes: Takes = "prepared",
    gives: Gives = "engine",
    imgsz: int | list[int] | tuple[int, int] | None = None,
    batch: int = 1,
    dynamic: bool = False,
    simplify: bool = True,
    opset: int = 17,
    **selection: Any,
) -> str:
    """Write a fused copy of a network as ONNX.

    Args:
        module: The network.
        path: File to write.
        takes: What the graph takes, see :data:`yolonas_plugin.export.description.Takes`.
        gives: What it gives, see :data:`yolonas_plugin.export.description.Gives`.
        imgsz: Side of the input in pixels, or height and width; multiples of 32. Default: the checkpoint's.
        batch: Images at a time.
        dynamic: Leave batch, height and width free.
        simplify: Fold constants with onnxslim.
        opset: Version of the ONNX operator set.
        **selection: ``conf``, ``iou`` and ``max_det`` of the box selection in the graph, where it has one. Default: the
            checkpoint's.

    Raises:
        MissingExtraError: onnx or onnxslim isn't installed.
        ExportError: An argument has no such value.
    """
    _require_onnx(simplify)
    from yolonas_plugin.export.onnx import write_onnx

    description = _describe(module, takes, gives, imgsz, batch, selection)
    write_onnx(module.for_export(), description, path, batch=batch, dynamic=dynamic, simplify=simplify, opset=opset)
    return str(path)


def export_openvino(
    module: NASModule,
    folder: Path,
    *,
    takes: Takes = "prepared",
    gives: Gives = "engine",
    imgsz: int | list[int] | tuple[int, int] | None = None,
    batch: int = 1,
    dynamic: bool = False,
    **selection: Any,
) -> str:
    """Write a fused copy of a network as OpenVINO's files; arguments are those of :func:`export_onnx`.

    Returns:
        The folder, which has an .xml and a .bin file and the engine's metadata.yaml.

    Raises:
        MissingExtraError: openvino or onnx isn't installed.
        ExportError: An argument has no such value, or isn't for this format.
    """
    require("openvino", "export to OpenVINO", "openvino")
    require("onnx", "export to OpenVINO", "onnx")
    from yolonas_plugin.export.openvino import write_openvino

    description = _describe(module, takes, gives, imgsz, batch, selection)
    stem = folder.name.removesuffix("_openvino_model")
    write_openvino(module.for_export(), description, folder, stem, batch=batch, dynamic=dynamic)
    return str(folder)


def export_repository(
    module: NASModule,
    repository: Path,
    *,
    name: str | None = None,
    imgsz: int | list[int] | tuple[int, int] | None = None,
    batch: int = 8,
    simplify: bool = True,
    opset: int = 17,
    overwrite: bool = False,
    **selection: Any,
) -> str:
    """Add a fused copy of a network to a model repository, for Triton and for OpenVINO Model Server.

    It takes letterboxed images as ``takes="pixels"`` does, and gives detections as ``gives="batch"`` does.

    Args:
        module: The network.
        repository: The folder of all models.
        name: By which clients ask for it. Default: the name of the weight file, without its ending.
        imgsz: Side of the input in pixels, or height and width; multiples of 32. Default: the checkpoint's.
        batch: Most images at a time that Triton puts together.
        simplify: Fold constants with onnxslim.
        opset: Version of the ONNX operator set.
        overwrite: Replace a model of that name.
        **selection: ``conf``, ``iou`` and ``max_det`` of the box selection. Default: the checkpoint's.

    Returns:
        The folder of the model.

    Raises:
        MissingExtraError: onnx or onnxslim isn't installed.
        ExportError: An argument has no such value, or the repository has a model of that name.
    """
    _require_onnx(simplify)
    from yolonas_plugin.export.repository import write_repository

    description = _describe(module, "pixels", "batch", imgsz, batch, selection)
    name = Path(module.pt_path).stem if name is None else name
    network = module.for_export()
    options: dict[str, Any] = {"batch": batch, "simplify": simplify, "opset": opset, "overwrite": overwrite}
    return str(write_repository(network, description, repository, name, **options))


def _require_onnx(simplify: bool) -> None:
    require("onnx", "export to ONNX", "onnx")
    if simplify:
        require("onnxslim", "simplifying ONNX", "onnx")


def _describe(
    module: NASModule,
    takes: Takes,
    gives: Gives,
    imgsz: int | list[int] | tuple[int, int] | None,
    batch: int,
    selection: dict[str, Any],
) -> Description:
    check_form("onnx", {"takes": takes, "gives": gives, "imgsz": imgsz, "batch": batch, **selection})
    check_gives(gives, module.about.task)
    spec = module.processing.with_settings(selection)
    if imgsz is not None:
        spec = spec.with_size(check_imgsz(imgsz))
    return Description.of(replace(module.current_info(), processing=spec), takes, gives)
