"""ONNX Runtime on an NVIDIA GPU: its execution providers of CUDA and TensorRT. Without torch.

ONNX Runtime itself goes on with the CPU, and says so on the error stream alone, where a provider's libraries or the GPU
are missing. Here that is an error.
"""

from __future__ import annotations

import contextlib
import io
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Final, TypeAlias

from numpy.typing import NDArray

from yolonas_plugin.errors import RuntimeChoiceError
from yolonas_plugin.runtimes.base import Floats, one_line
from yolonas_plugin.runtimes.cache import cache_key, growing, grown
from yolonas_plugin.runtimes.onnx_file import has_half_weights
from yolonas_plugin.runtimes.onnxruntime import OnnxRuntime, is_quantised
from yolonas_plugin.system.silence import onnxruntime

PROVIDERS: Final = {"cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
"""The execution provider of each runtime."""

Provider: TypeAlias = "tuple[str, dict[str, str]]"
"""What a session is opened with: a provider's name and its options."""

_ELSE: Final = "or take runtime='torch', which has CUDA of its own, or 'openvino' or 'onnxruntime' on the CPU"


def check_provider(name: str) -> None:
    """Check that the ONNX Runtime that is installed was built with the provider of a runtime.

    Raises:
        RuntimeChoiceError: It wasn't; the message says which providers it has, and what to install.
    """
    available = onnxruntime.get_available_providers()
    if PROVIDERS[name] not in available:
        raise RuntimeChoiceError(
            f"runtime={name!r} needs the {PROVIDERS[name]}, and ONNX Runtime {onnxruntime.__version__}, which is "
            f"installed, has {' and '.join(available)}. pip uninstall onnxruntime, whose place it takes, then pip "
            f"install 'yolonas-plugin[gpu]', {_ELSE}"
        )


class CudaRuntime(OnnxRuntime):
    """A network in ONNX Runtime on CUDA, on the first GPU that the process may see.

    Args:
        path: An ONNX file.
        precision: ``"fp32"`` or ``"fp16"``, which the file has to be in; None is what it is in.
        threads: None: the GPU's aren't to be counted.

    Raises:
        RuntimeChoiceError: The provider, its libraries or the GPU aren't there, or the file is in another precision.
        CheckpointError: ONNX Runtime can't open the file.
    """

    name = "cuda"
    needs: ClassVar = "a GPU, its driver, CUDA and cuDNN"

    def __init__(self, path: Path, *, precision: str | None = None, threads: int | None = None) -> None:
        check_provider(self.name)
        if threads is not None:
            raise RuntimeChoiceError(f"threads={threads!r}: runtime={self.name!r} computes on the GPU; leave it out")
        super().__init__(path, precision=precision)

    def providers(self, content: bytes) -> list[Provider]:
        """Return what the session is opened with, best first; ``content`` is the graph's."""
        return [_CUDA]

    def precision_of(self, content: bytes, asked: str | None) -> str:
        """Return the precision that a file is in, if that is what was asked for."""
        if is_quantised(content):
            raise RuntimeChoiceError(
                f"{self.path}: this file was quantised to int8 for CPUs; runtime={self.name!r} doesn't run it, "
                "'onnxruntime' and 'openvino' do"
            )
        precision = "fp16" if has_half_weights(content) else "fp32"
        if asked not in (None, precision):
            raise RuntimeChoiceError(
                f"{self.path}: this export is in {precision}, and runtime={self.name!r} runs it so, not in "
                f"precision={asked!r}; another precision is made from the weights: NAS(WEIGHTS, "
                f"runtime={self.name!r}, precision={asked!r})"
            )
        return precision

    def _open(self, content: bytes, options: Any) -> Any:
        missing = load_libraries(self.name)
        try:
            session = onnxruntime.InferenceSession(content, options, self.providers(content), enable_fallback=0)
        except Exception as error:  # of the provider, if the file can be opened without it
            onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            raise self._not_there(missing or one_line(error)) from error
        if session.get_providers()[0] != PROVIDERS[self.name]:
            raise self._not_there(missing, session.get_providers())
        return session

    def _not_there(self, reason: str, instead: list[str] | None = None) -> RuntimeChoiceError:
        offered = f", and offers {' and '.join(instead)} instead" if instead else ""
        said = f": {reason}" if reason else ""
        return RuntimeChoiceError(
            f"runtime={self.name!r}: ONNX Runtime {onnxruntime.__version__} can't start its {PROVIDERS[self.name]}"
            f"{offered}{said}. It needs {self.needs} of the versions that ONNX Runtime's documentation names for it; "
            f"see that they are there, {_ELSE}"
        )


class TensorRtRuntime(CudaRuntime):
    """A network in TensorRT by ONNX Runtime; what TensorRT can't do runs on CUDA.

    TensorRT makes an engine of the graph for the sizes that come, which takes minutes, and which is kept.
    """

    name = "tensorrt"
    needs: ClassVar = "a GPU, its driver, CUDA, cuDNN and TensorRT"

    def providers(self, content: bytes) -> list[Provider]:
        """Return what the session is opened with, best first; engines are kept by graph, version and precision."""
        self._seen: set[tuple[int, ...]] = set()
        self.engines = growing(cache_key([self.name, onnxruntime.__version__, self.precision, content]))
        options = {
            "device_id": "0",
            "trt_fp16_enable": "1" if self.precision == "fp16" else "0",
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(self.engines),
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": str(self.engines),
        }
        return [(PROVIDERS["tensorrt"], options), _CUDA]

    def run(self, images: NDArray[Any]) -> list[Floats]:
        """Run the graph on its input, and return its outputs; engines that this has made are kept."""
        found = super().run(images)
        if images.shape not in self._seen:
            self._seen.add(images.shape)
            grown(self.engines)
        return found


_CUDA: Final = (PROVIDERS["cuda"], {"device_id": "0"})


def load_libraries(name: str) -> str:
    """Load the libraries of CUDA, and TensorRT's, where pip has put them: ONNX Runtime asks the system alone.

    Returns:
        What ONNX Runtime says of those that can't be loaded; nothing where all can.
    """
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        if hasattr(onnxruntime, "preload_dlls"):  # from 1.21 on
            onnxruntime.preload_dlls()
    if name == "tensorrt" and find_spec("tensorrt") is not None:
        with contextlib.suppress(ImportError, OSError, RuntimeError):
            import_module("tensorrt")
    return " ".join(said.getvalue().split())[:300]
