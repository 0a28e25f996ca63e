"""ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from yolonas_plugin.errors import CheckpointError, RuntimeChoiceError
from yolonas_plugin.export.description import Description
from yolonas_plugin.runtimes.base import Floats, GraphRuntime, check_threads, one_line, precision_of
from yolonas_plugin.runtimes.check import Port, check_graph, sides
from yolonas_plugin.runtimes.onnx_file import operators, read_onnx
from yolonas_plugin.system.silence import onnxruntime

_KINDS: Final = {"tensor(float)": "float32", "tensor(uint8)": "uint8"}


class OnnxRuntime(GraphRuntime):
    """A network in ONNX Runtime, on the CPU.

    Args:
        path: An ONNX file.
        precision: ``"fp32"``, or ``"int8"`` for a file that was quantised, where all that isn't in int8 is in fp32.
            None is what the file is for.
        threads: Of a prediction; None leaves it to ONNX Runtime, which takes all cores.

    Raises:
        RuntimeChoiceError: The file isn't in that precision, or ``threads`` isn't 1 or more.
    """

    name = "onnxruntime"

    def __init__(self, path: Path, *, precision: str | None = None, threads: int | None = None) -> None:
        self.path = path
        content = bytes(read_onnx(path))
        self.precision = self.precision_of(content, precision)
        options = self.session_options(threads)
        try:
            self._session = self._open(content, options)
        except RuntimeChoiceError:  # of a provider that isn't there
            raise
        except Exception as error:  # of classes that ONNX Runtime doesn't name
            raise CheckpointError(f"{path}: ONNX Runtime can't open the file: {one_line(error)}") from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.description = Description.from_metadata(metadata, str(path))
        self.check_outputs()
        inputs, outputs = (
            [Port(sides(port.shape), _KINDS.get(port.type, port.type)) for port in side]
            for side in (self._session.get_inputs(), self._session.get_outputs())
        )
        check_graph(self.description, metadata, inputs, outputs, path)
        (graph_input,) = self._session.get_inputs()
        self._input = graph_input.name
        self.set_input(graph_input.shape)

    def precision_of(self, content: bytes, asked: str | None) -> str:
        """Return the precision that a file is in, if that is what was asked for."""
        return precision_of(self.path, asked, quantised=is_quantised(content), name=self.name)

    def session_options(self, threads: int | None) -> Any:
        """Return how the graph is to be run."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 0 if threads is None else check_threads(threads)
        return options

    def _open(self, content: bytes, options: Any) -> Any:
        """Open the graph on what it is to run on; what this raises becomes a ``CheckpointError``."""
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(self, images: NDArray[Any]) -> list[Floats]:
        """Run the graph on its input, and return its outputs."""
        try:
            outputs: list[Floats] = self._session.run(None, {self._input: images})
        except Exception as error:
            raise CheckpointError(f"{self.path}: ONNX Runtime can't run the file: {one_line(error)}") from error
        return outputs


def is_quantised(content: bytes) -> bool:
    """Tell whether an ONNX file was quantised."""
    return "DequantizeLinear" in operators(content)
