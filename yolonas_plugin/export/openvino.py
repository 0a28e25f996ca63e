"""OpenVINO's own files: an .xml with the graph and what it says of itself, a .bin with the weights."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import yaml

from yolonas_plugin.export.description import OPENVINO_SECTION, Description
from yolonas_plugin.export.onnx import make_onnx
from yolonas_plugin.export.openvino_core import core
from yolonas_plugin.files.whole import whole_folder
from yolonas_plugin.nn import YoloNAS
from yolonas_plugin.system.silence import openvino


def write_openvino(
    network: YoloNAS, description: Description, folder: Path, stem: str, *, batch: int = 1, dynamic: bool = False
) -> Path:
    """Write a network in fp32.

    Args:
        network: Fused, in evaluation mode, on the CPU; a copy that nobody else uses.
        description: What the graph takes and gives, and what the files say.
        folder: Where ``stem.xml``, ``stem.bin`` and ``metadata.yaml``, which the engine reads, are written.
        stem: Of their names.
        batch: Images at a time.
        dynamic: Leave batch, height and width free.

    Returns:
        The path of the .xml file.

    Raises:
        ExportError: They can't be written, or not be made; the folder that was there is as it was.
    """
    graph = make_onnx(network, description, batch=batch, dynamic=dynamic, simplify=False)
    model = core().read_model(graph.SerializeToString())
    with whole_folder(folder) as new:
        save_openvino(model, description.to_metadata(batch=batch, dynamic=dynamic), new / f"{stem}.xml")
    return folder / f"{stem}.xml"


def save_openvino(model: Any, metadata: dict[str, str], path: Path) -> None:
    """Write OpenVINO's model and its metadata into a folder that is nobody else's yet.

    Raises:
        OSError: They can't be written.
    """
    for name, text in metadata.items():
        model.set_rt_info(text, [OPENVINO_SECTION, name])
    try:
        openvino.save_model(model, path, compress_to_fp16=False)
    except RuntimeError as error:  # a full disk among them
        raise OSError(f"OpenVINO couldn't write all of it: {str(error).strip()[-200:]}") from error
    readable = {name: ast.literal_eval(text) if name in _STRUCTURED else text for name, text in metadata.items()}
    (path.parent / "metadata.yaml").write_text(yaml.safe_dump(readable, allow_unicode=True), encoding="utf-8")


_STRUCTURED = {"stride", "batch", "imgsz", "names", "channels", "args", "kpt_shape", "kpt_names"}
"""What the engine doesn't want as text."""
