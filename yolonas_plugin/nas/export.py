"""``NAS.export``: ONNX, OpenVINO and model repositories by this package, other formats by the Ultralytics engine."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from yolonas_plugin.engine import quiet, require, session
from yolonas_plugin.errors import ExportError
from yolonas_plugin.export.description import Description, Gives, Takes
from yolonas_plugin.settings import check_imgsz

if TYPE_CHECKING:
    from yolonas_plugin.nas.model import NAS

_SELECTION: Final = {"conf": "conf", "iou": "iou", "max_det": "max_detections"}
"""The engine's words for settings of box selection, and the processing's."""

_KNOWN: Final = {"imgsz", "batch", "dynamic", "simplify", "opset", "takes", "gives", *_SELECTION}
_REPOSITORY: Final = {"name", "imgsz", "batch", "simplify", "opset", *_SELECTION}
_HARMLESS: Final = {"device", "verbose", "half", "int8", "nms", "optimize", "quantize", "workspace"}


def export(
    model: NAS, engine_export: Callable[..., str], *, format: str, output: str | Path | None, **kwargs: Any
) -> str:
    """Export a fused copy of ``model``.

    Args:
        model: The model.
        engine_export: The engine's own export method.
        format: ``"onnx"``, ``"openvino"``, ``"triton"``, which is a model repository, or another format of the engine,
            such as ``"torchscript"``.
        output: Folder to write to; by default the folder of the weights, which is the engine's habit.
        **kwargs: For ONNX and OpenVINO the arguments of :func:`~yolonas_plugin.nas.export.export_onnx`, for a model
            repository those of :func:`~yolonas_plugin.nas.export.export_repository`, else the engine's settings.

    Returns:
        The path that was written.

    Raises:
        MissingExtraError: A package that the format needs isn't installed.
        ExportError: The folder can't be written to, or the format doesn't know a setting.
    """
    format = format.lower()
    weights = Path(model.model.pt_path)
    folder = weights.parent if output is None else Path(output).expanduser()
    if format == "triton":
        if output is None:
            raise ExportError("format='triton' needs output=, the model repository, to which it adds a model")
        return export_repository(model, folder, **_arguments(kwargs, _REPOSITORY))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"{folder}: this folder can't be made: {error}") from error
    if not os.access(folder, os.W_OK):
        raise ExportError(f"{folder}: this folder can't be written to; name another one with output=")
    if format == "onnx":
        return export_onnx(model, folder / f"{weights.stem}.onnx", **_arguments(kwargs, _KNOWN))
    if format == "openvino":
        return export_openvino(
            model, folder / f"{weights.stem}_openvino_model", **_arguments(kwargs, _KNOWN - {"simplify", "opset"})
        )
    model.model.pt_path = str(folder / weights.name)  # the engine derives the name of the export from it
    try:
        with session(), quiet():
            return engine_export(format=format, **kwargs)
    finally:
        model.model.pt_path = str(weights)


def _arguments(settings: dict[str, Any], known: set[str]) -> dict[str, Any]:
    """Take the engine's words for what our own exports do, and refuse those for what they don't."""
    refused = [f"{name}={value!r}" for name, value in settings.items() if name not in known | _HARMLESS]
    refused += [f"{name}={settings[name]!r}" for name in ("half", "int8", "quantize") if settings.get(name)]
    if refused:
        raise ExportError(f"this export doesn't know {', '.join(refused)}; it takes {', '.join(sorted(known))}")
    if settings.get("nms"):
        settings = {"gives": "flat", **settings}
    return {name: value for name, value in settings.items() if name in known}


def export_onnx(
    model: NAS,
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
    """Write a fused copy of ``model`` as ONNX.

    Args:
        model: The model.
        path: File to write.
        takes: ``"prepared"``: float [B, C, H, W] as ``model.processing`` prepares images; ``"pixels"``: letterboxed
            images as OpenCV reads them, uint8 [B, H, W, C] in BGR, the rest happens in the graph.
        gives: ``"engine"``: [B, 4 + classes, A], centre x, centre y, width, height in pixels of the input, then scores
            from 0 to 1; ``"pair"``, ``"flat"``, ``"batch"`` or ``"frigate"``: see
            :data:`yolonas_plugin.export.description.Gives`.
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

    description = _describe(model, takes, gives, imgsz, batch, selection)
    write_onnx(
        model.model.for_export(), description, path, batch=batch, dynamic=dynamic, simplify=simplify, opset=opset
    )
    return str(path)


def export_openvino(
    model: NAS,
    folder: Path,
    *,
    takes: Takes = "prepared",
    gives: Gives = "engine",
    imgsz: int | list[int] | tuple[int, int] | None = None,
    batch: int = 1,
    dynamic: bool = False,
    **selection: Any,
) -> str:
    """Write a fused copy of ``model`` as OpenVINO's files; arguments are those of :func:`export_onnx`.

    Returns:
        The folder, which has an .xml and a .bin file and the engine's metadata.yaml.

    Raises:
        MissingExtraError: openvino or onnx isn't installed.
        ExportError: An argument has no such value, or isn't for this format.
    """
    require("openvino", "export to OpenVINO", "openvino")
    require("onnx", "export to OpenVINO", "onnx")
    from yolonas_plugin.export.openvino import write_openvino

    description = _describe(model, takes, gives, imgsz, batch, selection)
    stem = Path(model.model.pt_path).stem
    write_openvino(model.model.for_export(), description, folder, stem, batch=batch, dynamic=dynamic)
    return str(folder)


def export_repository(
    model: NAS,
    repository: Path,
    *,
    name: str | None = None,
    imgsz: int | list[int] | tuple[int, int] | None = None,
    batch: int = 8,
    simplify: bool = True,
    opset: int = 17,
    **selection: Any,
) -> str:
    """Add a fused copy of ``model`` to a model repository, for Triton and for OpenVINO Model Server.

    It takes letterboxed images as ``takes="pixels"`` does, and gives detections as ``gives="batch"`` does.

    Args:
        model: The model.
        repository: The folder of all models.
        name: By which clients ask for it. Default: the name of the weight file, without its ending.
        imgsz: Side of the input in pixels, or height and width; multiples of 32. Default: the checkpoint's.
        batch: Most images at a time that Triton puts together.
        simplify: Fold constants with onnxslim.
        opset: Version of the ONNX operator set.
        **selection: ``conf``, ``iou`` and ``max_det`` of the box selection. Default: the checkpoint's.

    Returns:
        The folder of the model.

    Raises:
        MissingExtraError: onnx or onnxslim isn't installed.
        ExportError: An argument has no such value, or the repository has a model of that name.
    """
    _require_onnx(simplify)
    from yolonas_plugin.export.repository import write_repository

    description = _describe(model, "pixels", "batch", imgsz, batch, selection)
    name = Path(model.model.pt_path).stem if name is None else name
    network = model.model.for_export()
    return str(write_repository(network, description, repository, name, batch=batch, simplify=simplify, opset=opset))


def _require_onnx(simplify: bool) -> None:
    require("onnx", "export to ONNX", "onnx")
    if simplify:
        require("onnxslim", "simplifying ONNX", "onnx")


def _describe(
    model: NAS,
    takes: Takes,
    gives: Gives,
    imgsz: int | list[int] | tuple[int, int] | None,
    batch: int,
    selection: dict[str, Any],
) -> Description:
    for name, value, kind in (("takes", takes, Takes), ("gives", gives, Gives)):
        if value not in get_args(kind):
            raise ExportError(f"{name}={value!r} is unknown; it is one of {', '.join(get_args(kind))}")
    if gives == "frigate" and batch != 1:
        raise ExportError(f"gives='frigate' is for one image at a time, not batch={batch}")
    spec = replace(model.processing, **{_SELECTION[name]: value for name, value in selection.items()})
    if imgsz is not None:
        spec = spec.with_size(check_imgsz(imgsz))
    return model.model.describe(spec, takes, gives)
