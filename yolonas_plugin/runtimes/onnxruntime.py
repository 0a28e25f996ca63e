"""ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from yolonas_plugin.errors import CheckpointError
from yolonas_plugin.export.description import Description
from yolonas_plugin.runtimes.graph import Floats, GraphRuntime, check_threads
from yolonas_plugin.silence import onnxruntime


class OnnxRuntime(GraphRuntime):
    """A network in ONNX Runtime, on the CPU.

    Args:
        path: An ONNX file.
        threads: Of a prediction; None leaves it to ONNX Runtime, which takes all cores.
    """

    name = "onnxruntime"
    precision = "fp32"

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        self.path = path
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 0 if threads is None else check_threads(threads)
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # of classes that ONNX Runtime doesn't name
            raise CheckpointError(f"{path}: ONNX Runtime can't open the file: {error}") from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.description = Description.from_metadata(metadata, str(path))
        self.check_outputs()
        (graph_input,) = self._session.get_inputs()
        self._input = graph_input.name
        self.set_input(graph_input.shape)

    def run(self, images: NDArray[Any]) -> list[Floats]:
        """Run the graph on its input, and return its outputs."""
        outputs: list[Floats] = self._session.run(None, {self._input: images})
        return outputs
