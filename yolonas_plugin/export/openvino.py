"""OpenVINO's own files: an .xml with the graph and what it says of itself, a .bin with the weights."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import openvino
import yaml

from yolonas_plugin.errors import ExportError
from yolonas_plugin.export.description import OPENVINO_SECTION, Description
from yolonas_plugin.export.onnx import write_onnx
from yolonas_plugin.export.openvino_core import core
from yolonas_plugin.nn import YoloNAS


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
        ExportError: They can't be written.
    """
    with tempfile.TemporaryDirectory() as temporary:
        graph = Path(temporary, "graph.onnx")
        write_onnx(network, description, graph, batch=batch, dynamic=dynamic, simplify=False)
        model = core().read_model(graph)
        metadata = description.to_metadata(
            batch=batch, dynamic=dynamic, title=f"YOLO-NAS {network.config.size.upper()}"
        )
        return save_openvino(model, metadata, folder / f"{stem}.xml")


def save_openvino(model: Any, metadata: dict[str, str], path: Path) -> Path:
    """Write OpenVINO's model and its metadata."""
    for name, text in metadata.items():
        model.set_rt_info(text, [OPENVINO_SECTION, name])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        openvino.save_model(model, path, compress_to_fp16=False)
        readable = {name: yaml.safe_load(text) if name in _STRUCTURED else text for name, text in metadata.items()}
        (path.parent / "metadata.yaml").write_text(yaml.safe_dump(readable, allow_unicode=True), encoding="utf-8")
    except (OSError, RuntimeError) as error:
        raise ExportError(f"{path}: the file can't be written: {error}") from error
    return path


_STRUCTURED = {"stride", "batch", "imgsz", "names", "channels", "args"}
"""What the engine doesn't want as text."""
