"""OpenVINO."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from yolonas_plugin.errors import CheckpointError, RuntimeChoiceError, YoloNASPluginError
from yolonas_plugin.export.description import OPENVINO_SECTION, Description
from yolonas_plugin.export.openvino_core import core
from yolonas_plugin.runtimes.base import (
    NO_BF16,
    Answer,
    Floats,
    GraphRuntime,
    check_threads,
    joined,
    one_line,
    parts_of,
    precision_of,
)
from yolonas_plugin.runtimes.cache import digest_of
from yolonas_plugin.runtimes.check import Port, check_graph
from yolonas_plugin.runtimes.compiled import compile_or_find
from yolonas_plugin.runtimes.onnx_file import read_onnx
from yolonas_plugin.runtimes.openvino_file import read_openvino
from yolonas_plugin.runtimes.remembered import Remembered, recall, remember
from yolonas_plugin.system.silence import openvino

_HINTS: Final = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}
_TYPES: Final = {"bf16": {"bf16"}, "int8": {"u8", "i8"}}
"""OpenVINO's names for the types that convolutions then compute in."""

_WITHOUT_BF16: Final = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI")
"""oneDNN's names for kinds of CPU, as ``ONEDNN_MAX_CPU_ISA`` holds it to one."""

_MAX_COMPILED: Final = 4
_MOST_CORES: Final = 16  # that images which were started are counted for: each holds its input and outputs


class OpenVinoRuntime(GraphRuntime):
    """A network in OpenVINO, on the CPU; compiled for each shape of input that comes, the last few of which are kept.

    Args:
        path: OpenVINO's .xml file, or an ONNX file.
        precision: Of the arithmetic: ``"fp32"``, or ``"bf16"`` where the CPU has it; ``"int8"`` for a file that was
            quantised, where all that isn't in int8 is in fp32; ``"auto"`` is bf16 for a file that wasn't, where the
            CPU has it. None is what the file is for.
        threads: Of a prediction; None leaves it to OpenVINO, which takes all cores.
        cache: For a file of the cache: returns its path again, looked into, and made anew if it is damaged. What is
            compiled of it is then kept, and the file itself read only for what wasn't compiled before.

    Raises:
        RuntimeChoiceError: The CPU has no bf16, the file isn't in that precision, or ``threads`` isn't 1 or more.
    """

    name = "openvino"

    def __init__(
        self,
        path: Path,
        *,
        precision: str | None = None,
        threads: int | None = None,
        cache: Callable[[], Path] | None = None,
    ) -> None:
        if threads is not None:
            check_threads(threads)
        self.path = path
        self._core = core()
        self._lock = threading.Lock()
        self._compiled: dict[tuple[str, tuple[int, ...]], tuple[Any, list[Any]]] = {}
        if precision == "bf16" and not has_bf16():
            raise RuntimeChoiceError(NO_BF16)
        self._cache = cache
        self._read_model: Any = None
        self._weights: list[NDArray[np.uint8]] = []
        self._content = None if cache is None else digest_of(path)
        found = self._look()
        quantised = found.quantised
        if precision == "auto":
            precision = "bf16" if has_bf16() and not quantised else None
        self.precision = precision_of(path, precision, quantised=quantised, name=self.name, exact=("fp32", "bf16"))
        self.ahead = min(threads or os.cpu_count() or 1, _MOST_CORES) + 2
        self._settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": _HINTS[self.precision],
            **({"INFERENCE_NUM_THREADS": threads} if threads is not None else {}),
        }
        self.description = Description.from_metadata(found.metadata, str(path))
        self.check_outputs()
        check_graph(self.description, found.metadata, found.inputs, found.outputs, path)
        self.set_input(found.inputs[0].shape)

    def _look(self) -> Remembered:
        """Return what the graph says of itself, and read it only if that isn't known."""
        if self._content is not None and (known := recall(self._content)) is not None:
            return known
        model = self._model
        inputs, outputs = ([_port(port) for port in side] for side in (model.inputs, model.outputs))
        quantised = any(operation.get_type_name() == "FakeQuantize" for operation in model.get_ops())
        found = Remembered(self._metadata(), inputs, outputs, quantised)
        if self._content is not None:
            remember(self._content, found)
        return found

    @property
    def _model(self) -> Any:
        """The graph, which is read now if it wasn't."""
        if self._read_model is None:
            if self._cache is not None:
                self.path = self._cache()
            self._read_model = self._read()
        return self._read_model

    def _read(self) -> Any:
        """Read the model from memory of our own, which it then computes from."""
        try:
            if self.path.suffix.lower() == ".onnx":
                return self._core.read_model(bytes(read_onnx(self.path)))
            xml, weights = read_openvino(self.path)
            # OpenVINO looks into it as long as what was compiled of it is open
            self._weights.append(np.frombuffer(weights or bytes(1), np.uint8))
            return self._core.read_model(bytes(xml), openvino.Tensor(self._weights[-1], shared_memory=True))
        except YoloNASPluginError:
            raise
        except Exception as error:  # of classes that OpenVINO doesn't name
            raise CheckpointError(f"{self.path}: OpenVINO can't open the file: {one_line(error)}") from error

    def __call__(self, pixels: NDArray[np.uint8]) -> tuple[Floats, ...]:
        """Detect objects, see :class:`GraphRuntime`; in several images side by side, each on fewer cores."""
        if len(pixels) > (self.fixed[0] or 1):
            return self.start(pixels)()
        return super().__call__(pixels)

    def start(self, pixels: NDArray[np.uint8]) -> Answer:
        """Begin to detect objects; images that were started before or come after compute meanwhile."""
        self.check_size(pixels)
        batch = self.fixed[0] or 1
        with self._explained():
            running = [self._start(self.input_of(part)) for part in parts_of(pixels, batch)]

        def answer() -> tuple[Floats, ...]:
            with self._explained():
                found = [request.outputs() for request in running]
            return joined([self.outputs_of(outputs, batch) for outputs in found], len(pixels))

        return answer

    def _start(self, images: NDArray[Any]) -> _Running:
        images = np.ascontiguousarray(images)  # of others OpenVINO makes copies, which may be gone before it looks
        compiled, idle = self._compile(images.shape, "THROUGHPUT")
        return _Running(_take(idle) or compiled.create_infer_request(), idle, images)

    def run(self, images: NDArray[Any]) -> list[Floats]:
        """Run the graph on its input, on all cores, and return its outputs."""
        images = np.ascontiguousarray(images)
        with self._explained():
            compiled, idle = self._compile(images.shape, "LATENCY")
            request = _take(idle) or compiled.create_infer_request()
            found = list(request.infer([images], share_inputs=True).values())
            idle.append(request)
            return found

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what it means when OpenVINO fails."""
        try:
            yield
        except YoloNASPluginError:
            raise
        except Exception as error:
            raise CheckpointError(f"{self.path}: OpenVINO can't run the file: {one_line(error)}") from error

    def _compile(self, shape: tuple[int, ...], hint: str) -> tuple[Any, list[Any]]:
        """Return the network for a shape, and requests to it that nobody uses."""
        with self._lock:
            found = self._compiled.pop((hint, shape), None)
            if found is None:
                settings = {**self._settings, "PERFORMANCE_HINT": hint}
                found = self._compile_network(shape, settings), []
                if self._content is not None:
                    self._read_model = None  # as large as what was compiled, and there again when it is needed
            self._compiled[hint, shape] = found
            if len(self._compiled) > _MAX_COMPILED:
                self._compiled.pop(next(iter(self._compiled)))
            return found

    def _reshaped(self, shape: tuple[int, ...]) -> Any:
        model = self._model
        model.reshape(list(shape))
        return model

    def _compile_network(self, shape: tuple[int, ...], settings: dict[str, Any]) -> Any:
        """Compile for the CPU, and see that it came out in the precision that was asked for."""
        model = partial(self._reshaped, shape)
        try:
            compiled = compile_or_find(self._core, model, shape, settings, self._content, most=_MAX_COMPILED)
        except RuntimeError as error:
            if self.precision == "bf16":  # oneDNN may be held to an older CPU than OpenVINO sees
                raise RuntimeChoiceError(NO_BF16) from error
            raise RuntimeChoiceError(
                f"{self.path}: OpenVINO can't run it on this CPU: {str(error).strip()[-300:]}"
            ) from error
        if self.precision != "fp32" and not (types := types_of_convolutions(compiled)) & _TYPES[self.precision]:
            raise RuntimeChoiceError(
                f"{self.path}: OpenVINO would compute in {', '.join(sorted(types))}, not in {self.precision}"
            )
        return compiled

    def _metadata(self) -> dict[str, Any]:
        """The strings of a file: an ONNX file's are under ``framework``."""
        for section in (OPENVINO_SECTION, "framework"):
            if self._model.has_rt_info(section):
                found = self._model.get_rt_info(section)
                try:
                    return {k: v if isinstance(v, str) else v.astype(str) for k, v in found.value.items()}
                except Exception:  # it holds something else than texts
                    break
        return {}


class _Running:
    """A request that computes. What it reads and writes stays as long as it does, whoever loses interest.

    Args:
        request: An idle one.
        idle: Where it goes when its outputs have been taken.
        images: The graph's input, contiguous.
    """

    def __init__(self, request: Any, idle: list[Any], images: NDArray[Any]) -> None:
        self._request, self._idle, self._images = request, idle, images
        request.start_async([images], share_inputs=True)

    def outputs(self) -> list[Floats]:
        """Wait for the outputs, and return them, once."""
        self._request.wait()
        found = [tensor.data.copy() for tensor in self._request.output_tensors]
        request, self._request = self._request, None
        self._idle.append(request)
        return found

    def __del__(self) -> None:
        if self._request is not None:  # nobody has asked for the outputs
            with suppress(Exception):
                self._request.cancel()
                self._request.wait()


def has_bf16() -> bool:
    """Whether OpenVINO computes in bfloat16 on this CPU; its oneDNN may be held to an older one than OpenVINO sees."""
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", os.environ.get("DNNL_MAX_CPU_ISA", "")).upper()
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") and limit not in _WITHOUT_BF16


def _port(port: Any) -> Port:
    kind = port.element_type.get_type_name()
    shape = port.partial_shape
    fixed = [] if shape.rank.is_dynamic else [None if side.is_dynamic else side.get_length() for side in shape]
    return Port(fixed, {"f32": "float32", "u8": "uint8"}.get(kind, kind))


def types_of_convolutions(compiled: Any) -> set[str]:
    """Return the types that the convolutions of a compiled network compute in, as OpenVINO calls them."""
    infos = [operation.get_rt_info() for operation in compiled.get_runtime_model().get_ops()]
    return {info["runtimePrecision"].astype(str) for info in infos if info["layerType"].astype(str) == "Convolution"}


def _take(idle: list[Any]) -> Any:
    """Take one of what is idle, or None; other threads may have taken the last."""
    try:
        return idle.pop()
    except IndexError:
        return None
