"""Export: ONNX written here, with the processing in the file; other formats by the Ultralytics engine's exporter."""

from __future__ import annotations

import inspect
import io
import os
import warnings
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from yolonas_plugin.engine import quiet, require, session
from yolonas_plugin.errors import ExportError

if TYPE_CHECKING:
    from yolonas_plugin.nas.model import NAS
    from yolonas_plugin.processing import ProcessingSpec

PROCESSING_KEY = "yolonas_processing"
"""Under this key an ONNX file's metadata holds the fields of its ``ProcessingSpec`` as JSON."""


def export(
    model: NAS, engine_export: Callable[..., str], *, format: str, output: str | Path | None, **kwargs: Any
) -> str:
    """Export a fused copy of ``model``.

    The graph takes images as ``model.processing`` prepares them, [B, C, H, W], and returns the engine's layout
    [B, 4 + classes, A]: centre x, centre y, width, height in pixels of the input, then scores from 0 to 1.

    Args:
        model: The model.
        engine_export: The engine's own export method.
        format: ``"onnx"``, ``"torchscript"``, ``"openvino"`` or another format of the engine.
        output: Folder to write to; by default the folder of the weights, which is the engine's habit.
        **kwargs: For ONNX the arguments of :func:`export_onnx`, else the engine's settings.

    Returns:
        The path that was written.

    Raises:
        MissingExtraError: A package that the format needs isn't installed.
        ExportError: The folder can't be written to, or ONNX export doesn't know a setting.
    """
    format = format.lower()
    weights = Path(model.model.pt_path)
    folder = weights.parent if output is None else Path(output).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"{folder}: this folder can't be made: {error}") from error
    if not os.access(folder, os.W_OK):
        raise ExportError(f"{folder}: this folder can't be written to; name another one with output=")
    if format == "onnx":
        return export_onnx(model, folder / f"{weights.stem}.onnx", **_onnx_arguments(kwargs))
    if format == "openvino":
        require("openvino", "export to OpenVINO", "openvino")
    model.model.pt_path = str(folder / weights.name)  # the engine derives the name of the export from it
    try:
        with session(), quiet():
            return engine_export(format=format, **kwargs)
    finally:
        model.model.pt_path = str(weights)


def _onnx_arguments(settings: dict[str, Any]) -> dict[str, Any]:
    """Take the engine's words for what :func:`export_onnx` does, and refuse those for what it doesn't."""
    known = {"imgsz", "batch", "dynamic", "simplify", "opset"}
    harmless = {"device", "verbose", "half", "int8", "nms", "optimize", "quantize", "workspace"}
    refused = [f"{name}={value!r}" for name, value in settings.items() if name not in known | harmless]
    refused += [f"{name}={settings[name]!r}" for name in ("half", "int8", "nms", "quantize") if settings.get(name)]
    if refused:
        raise ExportError(f"export to ONNX doesn't know {', '.join(refused)}; it takes {', '.join(sorted(known))}")
    return {name: value for name, value in settings.items() if name in known}


def export_onnx(
    model: NAS,
    path: Path,
    *,
    imgsz: int | list[int] | tuple[int, int] | None = None,
    batch: int = 1,
    dynamic: bool = False,
    simplify: bool = True,
    opset: int = 17,
) -> str:
    """Write a fused copy of ``model`` as ONNX.

    Args:
        model: The model.
        path: File to write.
        imgsz: Side of the input in pixels, or height and width; multiples of 32. Default: the checkpoint's.
        batch: Images at a time.
        dynamic: Leave batch, height and width free.
        simplify: Fold constants with onnxslim.
        opset: Version of the ONNX operator set.

    Raises:
        MissingExtraError: onnx or onnxslim isn't installed.
    """
    require("onnx", "export to ONNX", "onnx")
    if simplify:
        require("onnxslim", "simplifying ONNX", "onnx")
    import onnx

    module = deepcopy(model.model).cpu().float().fuse()
    spec = model.processing
    if imgsz is not None:
        sides = (imgsz,) if isinstance(imgsz, int) else tuple(imgsz)
        height, width = sides * 2 if len(sides) == 1 else sides
        spec = spec.with_size((height, width))
    axes = {"images": {0: "batch", 2: "height", 3: "width"}, "output0": {0: "batch", 2: "anchors"}}
    # torch's newer exporter needs onnxscript and gains nothing for a graph without control flow
    legacy = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.zeros(batch, module.in_channels, *spec.size),),
            buffer,
            input_names=["images"],
            output_names=["output0"],
            dynamic_axes=axes if dynamic else None,
            opset_version=opset,
            **legacy,
        )
    graph = onnx.load_from_string(buffer.getvalue())
    if simplify:
        import onnxslim

        graph = onnxslim.slim(graph)
    onnx.helper.set_model_props(graph, _metadata(model, spec, batch, dynamic))
    if dynamic:  # onnxslim forgets them
        output = graph.graph.output[0].type.tensor_type.shape.dim
        output[0].dim_param, output[2].dim_param = "batch", "anchors"
    onnx.save(graph, path)
    return str(path)


def _metadata(model: NAS, spec: ProcessingSpec, batch: int, dynamic: bool) -> dict[str, str]:
    """What the engine reads back from an exported file, and the processing, which it ignores."""
    return {
        "description": f"YOLO-NAS {model.model.config.size.upper()}",
        "task": "detect",
        "stride": "32",
        "batch": str(batch),
        "imgsz": str(list(spec.size)),
        "names": str(model.model.names),
        "channels": str(model.model.in_channels),
        "args": str({"batch": batch, "dynamic": dynamic, "nms": False}),
        PROCESSING_KEY: spec.to_json(),
    }
