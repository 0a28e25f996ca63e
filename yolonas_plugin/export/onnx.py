"""ONNX files."""

from __future__ import annotations

import inspect
import io
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from yolonas_plugin.errors import ExportError
from yolonas_plugin.export.description import INPUTS, RAW, Description
from yolonas_plugin.export.graph import ExportGraph
from yolonas_plugin.export.outputs import raw_names
from yolonas_plugin.export.selection import append_selection, rows_of_batch
from yolonas_plugin.files.whole import whole
from yolonas_plugin.nn import YoloNAS

if TYPE_CHECKING:
    import onnx

EXPORTER = threading.Lock()
"""Held while one of torch's exporters works: they keep their state in globals, which threads share."""


def write_onnx(
    network: YoloNAS,
    description: Description,
    path: Path,
    *,
    batch: int = 1,
    dynamic: bool | Literal["batch"] = False,
    simplify: bool = True,
    opset: int = 17,
) -> None:
    """Write a network.

    Args:
        network: Fused, in evaluation mode, on the CPU; a copy that nobody else uses.
        description: What the graph takes and gives, and what the file says; the processing's size is the input's.
        path: The file.
        batch: Images at a time.
        dynamic: Leave batch, height and width free, or the batch alone.
        simplify: Fold constants with onnxslim.
        opset: Version of the ONNX operator set.

    Raises:
        ExportError: The file can't be written, or the graph can't be made.
    """
    import onnx

    graph = make_onnx(network, description, batch=batch, dynamic=dynamic, simplify=simplify, opset=opset)
    with whole(path) as temporary:
        onnx.save(graph, temporary)


def make_onnx(
    network: YoloNAS,
    description: Description,
    *,
    batch: int = 1,
    dynamic: bool | Literal["batch"] = False,
    simplify: bool = True,
    opset: int = 17,
) -> onnx.ModelProto:
    """Return what :func:`write_onnx` writes.

    Raises:
        ExportError: It can't be made.
    """
    graph = trace(network, description, batch, dynamic, opset)
    if description.gives not in RAW:
        most = "detections" if dynamic is True else rows_of_batch(description.processing, len(description.names))
        append_selection(graph.graph, description, most)
    if simplify:
        graph = _simplified(graph)
    import onnx

    onnx.helper.set_model_props(graph, description.to_metadata(batch=batch, dynamic=dynamic is True))
    return graph


def trace(
    network: YoloNAS, description: Description, batch: int, dynamic: bool | Literal["batch"], opset: int
) -> onnx.ModelProto:
    """Return the graph up to what the network gives; names that box selection is to follow begin with ``all_``."""
    import onnx

    raw: Literal["engine", "pair"] = "engine" if description.gives == "engine" else "pair"
    prefix = "" if description.gives in RAW else "all_"
    names = [prefix + name for name in raw_names(description)]
    source = INPUTS[description.takes]
    height, width = description.processing.size
    channels = description.channels
    shape = (batch, channels, height, width) if source.planes else (batch, height, width, channels)
    example = torch.zeros(shape, dtype=getattr(torch, source.kind))
    first = 2 if source.planes else 1
    free = {source.name: {0: "batch", first: "height", first + 1: "width"}}
    free |= {name: {0: "batch", 2 if raw == "engine" else 1: "anchors"} for name in names}
    if dynamic == "batch":
        free = {name: {0: "batch"} for name in free}
    # torch's newer exporter needs onnxscript and gains nothing for a graph without control flow
    legacy: dict[str, Any] = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    buffer: Any = io.BytesIO()  # torch's hint names paths alone
    with EXPORTER, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                ExportGraph(network, description.processing, description.takes, raw),
                (example,),
                buffer,
                input_names=[source.name],
                output_names=names,
                dynamic_axes=free if dynamic else None,
                opset_version=opset,
                **legacy,
            )
        except (RuntimeError, ValueError) as error:
            raise ExportError(f"torch's exporter can't write this network: {str(error).splitlines()[0]}") from error
    return onnx.load_from_string(buffer.getvalue())


def _simplified(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Fold constants; onnxslim forgets the names of an output's free sides."""
    import onnxslim

    slim = onnxslim.slim(graph)
    for output, before in zip(slim.graph.output, graph.graph.output, strict=True):
        output.CopyFrom(before)
    return slim
