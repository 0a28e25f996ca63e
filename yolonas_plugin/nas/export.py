"""``NAS.export``: ONNX, OpenVINO, model repositories and folders for Frigate by this package, others by the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from yolonas_plugin.errors import ExportError, ExportSettingError
from yolonas_plugin.export.description import Description, Gives, Takes
from yolonas_plugin.export.form import DEFAULTS, FORM, OF_FORMAT, check_form, check_format, form_name, free_path
from yolonas_plugin.export.frigate import SIDE, write_frigate
from yolonas_plugin.export.outputs import check_gives
from yolonas_plugin.extras import require
from yolonas_plugin.nas.engine_formats import engine_formats, export_by_engine
from yolonas_plugin.nas.module import NASModule
from yolonas_plugin.settings import check_flag, check_imgsz


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
        format: ``"onnx"``, ``"openvino"``, ``"triton"``, which is a model repository, ``"frigate"``, which is a folder
            for Frigate, or another format of the engine, such as ``"torchscript"``.
        output: Folder to write to; by default the folder of the weights, which is the engine's habit.
        overwrite: Replace an export that is there; else that is an error.
        **kwargs: For ONNX and OpenVINO the arguments of :func:`~yolonas_plugin.nas.export.export_onnx`, for a model
            repository those of :func:`~yolonas_plugin.nas.export.export_repository`, for Frigate those of
            :func:`~yolonas_plugin.nas.export.export_frigate`, else the engine's settings.

    Returns:
        The path that was written.

    Raises:
        MissingExtraError: A package that the format needs isn't installed.
        ExportSettingError: There is no such format or setting, a setting can't have that value, or settings contradict
            each other.
        ExportError: The folder can't be written to, a file is there, or the exporter fails.
    """
    formats = engine_formats()
    format = check_format(format, formats)
    overwrite = check_flag("overwrite", overwrite)
    weights = Path(module.pt_path)
    folder = weights.parent if output is None else Path(output).expanduser()
    if format == "triton":
        settings = check_form(format, kwargs)
        if output is None:
            raise ExportError("format='triton' needs output=, the model repository, to which it adds a model")
        return export_repository(module, folder, overwrite=overwrite, **settings)
    if format == "frigate":
        return export_frigate(module, folder, overwrite=overwrite, **check_form(format, kwargs))
    if format in OF_FORMAT:
        settings = check_form(format, kwargs)
        check_gives(settings.get("gives", DEFAULTS["gives"]), module.about.task)
        name = form_name(
            weights.stem, {name: settings.get(name) for name in FORM}, DEFAULTS | module.processing.settings()
        )
        if format == "onnx":
            path = free_path(folder / f"{name}.onnx", weights, overwrite)
            return export_onnx(module, path, **settings)
        return export_openvino(module, free_path(folder / f"{name}_openvino_model", weights, overwrite), **settings)
    return export_by_engine(module, callbacks, format, formats[format], folder, overwrite, kwargs)


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


def export_frigate(
    module: NASModule,
    parent: Path,
    *,
    name: str | None = None,
    imgsz: int | list[int] | tuple[int, int] = SIDE,
    simplify: bool = True,
    opset: int = 17,
    overwrite: bool = False,
    **selection: Any,
) -> str:
    """Write a folder for Frigate: an ONNX file, the names of its classes, and a configuration.

    Args:
        module: The network.
        parent: Where the folder is made.
        name: Of the folder and its file. Default: the name of the weight file, without its ending.
        imgsz: Side of the input in pixels, a multiple of 32.
        simplify: Fold constants with onnxslim.
        opset: Version of the ONNX operator set.
        overwrite: Replace a folder of that name.
        **selection: ``conf`` and ``iou`` of the box selection. Default: the checkpoint's.

    Returns:
        The folder.

    Raises:
        MissingExtraError: onnx or onnxslim isn't installed.
        ExportError: An argument has no such value, the model is no detector, or a folder of that name is there.
    """
    if module.about.skeleton is not None:
        raise ExportSettingError("format='frigate' isn't for poses: Frigate reads boxes alone; give it a detector")
    _require_onnx(simplify)
    description = _describe(module, "frigate", "frigate", imgsz, 1, selection)
    name = Path(module.pt_path).stem if name is None else name
    options: dict[str, Any] = {"simplify": simplify, "opset": opset, "overwrite": overwrite}
    return str(write_frigate(module.for_export(), description, parent, name, **options))


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
