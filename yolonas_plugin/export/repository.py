"""A model repository, the folder that model servers read: Triton Inference Server and OpenVINO Model Server.

::

    REPOSITORY/NAME/config.pbtxt    what Triton is to know of the model
    REPOSITORY/NAME/config.json     what OpenVINO Model Server is to know of it
    REPOSITORY/NAME/metadata.json   the strings of the file, for clients of servers that don't pass them on
    REPOSITORY/NAME/1/model.onnx    takes pixels and gives boxes, for any number of images at a time
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from yolonas_plugin.errors import ExportError
from yolonas_plugin.export.description import Description
from yolonas_plugin.export.form import free_folder
from yolonas_plugin.export.onnx import make_onnx
from yolonas_plugin.export.outputs import selected_outputs
from yolonas_plugin.export.selection import rows_of_batch
from yolonas_plugin.files.whole import whole_folder
from yolonas_plugin.nn import YoloNAS

_CONFIG: Final = """\
name: {name}
backend: "onnxruntime"
max_batch_size: {batch}
dynamic_batching {{ }}
input [
  {{ name: "pixels" data_type: TYPE_UINT8 dims: [ {height}, {width}, {channels} ] }}
]
output [
{outputs}
]
"""
_OUTPUT: Final = '  {{ name: "{name}" data_type: {kind} dims: [ {dims} ] }}'
ARITHMETIC: Final = {"INFERENCE_PRECISION_HINT": "f32"}
"""What OpenVINO is told: by itself it computes in bf16 where the CPU has that, and finds other boxes."""

_PARAMETER: Final = "parameters {{ key: {name} value {{ string_value: {text} }} }}\n"


def write_repository(
    network: YoloNAS,
    description: Description,
    repository: Path,
    name: str,
    *,
    batch: int = 8,
    overwrite: bool = False,
    **options: Any,
) -> Path:
    """Add a network to a model repository.

    Args:
        network: Fused, in evaluation mode, on the CPU; a copy that nobody else uses.
        description: What the file says, with ``takes="pixels"`` and ``gives="batch"``.
        repository: The folder of all models; made if need be.
        name: Of the model, by which clients ask for it: letters, digits, ``_``, ``.`` and ``-``.
        batch: Most images at a time that Triton puts together.
        overwrite: Replace a model of that name.
        **options: ``simplify`` and ``opset`` of :func:`~yolonas_plugin.export.onnx.write_onnx`.

    Returns:
        The folder of the model, which appears whole or not at all.

    Raises:
        ExportError: The name or the batch won't do, the name is taken, or the folder can't be written.
    """
    folder = free_folder(repository, name, "a server's model", overwrite)
    if batch < 1:
        raise ExportError(f"batch={batch}: the most images at a time are 1 or more")
    metadata = description.to_metadata(batch=batch, dynamic=False)
    graph = make_onnx(network, description, batch=batch, dynamic="batch", **options)
    import onnx

    with whole_folder(folder) as new:
        (new / "1").mkdir()
        onnx.save(graph, new / "1" / "model.onnx")
        (new / "metadata.json").write_text(json.dumps(metadata, indent=2), encoding="utf-8")
        (new / "config.pbtxt").write_text(_config(name, description, batch, metadata), encoding="utf-8")
        served = {"name": name, "base_path": ".", "plugin_config": ARITHMETIC}
        config = json.dumps({"model_config_list": [{"config": served}]}, indent=2)
        (new / "config.json").write_text(config, encoding="utf-8")
    return folder


def _config(name: str, description: Description, batch: int, metadata: Mapping[str, str]) -> str:
    """Return Triton's configuration; text in quotes is written in protobuf's text format as it is in JSON."""
    height, width = description.processing.size
    most = rows_of_batch(description.processing, len(description.names))
    outputs = [
        _OUTPUT.format(
            name=output.name,
            kind="TYPE_INT64" if output.whole else "TYPE_FP32",
            dims=", ".join(map(str, output.shape[1:])),  # the first is that of images, which the server puts together
        )
        for output in selected_outputs(description, most)
    ]
    text = _CONFIG.format(
        name=json.dumps(name),
        batch=batch,
        height=height,
        width=width,
        channels=description.channels,
        outputs=",\n".join(outputs),
    )
    return text + "".join(
        _PARAMETER.format(name=json.dumps(key), text=json.dumps(value, ensure_ascii=False))
        for key, value in metadata.items()
    )
