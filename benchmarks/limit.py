"""The machine's limit: the best rate of any work at hand, of any library at hand, for each precision.

Large products of matrices and convolutions of shapes that suit the caches, in OpenVINO, in oneDNN by way of torch, in
ONNX Runtime, in the BLAS of torch and of NumPy. What one library does badly on a CPU another does well, and now a
product is the fastest, now a convolution; so the limit is the best of them all in a run. At that rate the operations of
the network take the time that no contestant can go below; one that does shows that a faster work is missing here.

A work that a library computes in another precision on this CPU, as bf16 where there is none, is left out.
``ONEDNN_MAX_CPU_ISA`` holds down what goes through oneDNN: the convolutions of OpenVINO and of torch, OpenVINO's int8.
Products of fp32 matrices and all of ONNX Runtime still use what the CPU has.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from benchmarks.workers import Worker

PRECISIONS = ("fp32", "bf16", "int8")
MATRIX = 2048
"""Rows and columns."""

REPEATS = 3
"""Of a work in a round, of which the fastest counts."""

LAYERS = 4
"""Convolutions one after the other in OpenVINO, so that what is done with their input and output counts little."""


class Convolution(NamedTuple):
    """A convolution whose output has the shape of its input, [1, channels, side, side]."""

    channels: int
    kernel: int
    side: int

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        return 2 * self.channels**2 * self.kernel**2 * self.side**2

    def __str__(self) -> str:
        return f"{self.kernel}x{self.kernel} convolution of {self.channels} channels at {self.side}x{self.side}"


class Work(NamedTuple):
    """Something to compute.

    Attributes:
        precision: In which it is computed.
        operations: Multiplications and additions.
        make: Returns what computes it once.
    """

    precision: str
    operations: int
    make: Callable[[], Callable[[], object]]


HEAVY = ("Convolution", "FullyConnected", "MatMul")
NAMES = {"fp32": {"f32"}, "bf16": {"bf16"}, "int8": {"u8", "i8"}}
"""OpenVINO's, of its layers and of what they compute in."""


def _openvino(precision: str, parameter: Any, output: Any) -> Callable[[], object]:
    import numpy as np
    import openvino

    hints = {"INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32", "PERFORMANCE_HINT": "LATENCY"}
    graph = openvino.Model([output], [parameter])
    compiled = openvino.Core().compile_model(graph, "CPU", hints)
    said = [node.get_rt_info() for node in compiled.get_runtime_model().get_ops()]
    used = {info["runtimePrecision"].value for info in said if info["layerType"].value in HEAVY}
    if not used or not used <= NAMES[precision]:
        raise RuntimeError(f"OpenVINO computes it in {', '.join(sorted(used))} on this CPU")
    request = compiled.create_infer_request()
    numbers = np.random.default_rng(0).random(list(parameter.shape), dtype=np.float32)
    return lambda: request.infer([numbers], share_inputs=True, share_outputs=True)


def _operands(precision: str, numbers: Any, weights: Any) -> tuple[Any, Any]:
    """Return both as they are, or for int8 rounded to 256 levels as NNCF has them: bytes, and signed bytes."""
    import numpy as np
    from openvino import opset13 as op

    if precision != "int8":
        return numbers, op.constant(weights)
    low, zero, one = (op.constant(number, np.float32) for number in (-128 / 127, 0, 1))
    rounded = op.fake_quantize(numbers, zero, one, zero, one, 256)
    return rounded, op.fake_quantize(op.constant(weights), low, one, low, one, 256)


def _weights(*shape: int) -> Any:
    import numpy as np

    return np.random.default_rng(1).random(shape, dtype=np.float32) * 2 - 1


def openvino_product(precision: str) -> Callable[[], object]:
    import numpy as np
    from openvino import opset13 as op

    numbers = op.parameter([MATRIX, MATRIX], np.float32)
    output = op.matmul(*_operands(precision, numbers, _weights(MATRIX, MATRIX)), False, False)
    return _openvino(precision, numbers, output)


def openvino_convolutions(precision: str, shape: Convolution) -> Callable[[], object]:
    import numpy as np
    from openvino import opset13 as op

    numbers = op.parameter([1, shape.channels, shape.side, shape.side], np.float32)
    weights = _weights(shape.channels, shape.channels, shape.kernel, shape.kernel) / shape.channels
    padding, ones = [shape.kernel // 2] * 2, [1, 1]
    output = numbers
    for _ in range(LAYERS):
        output = op.relu(op.convolution(*_operands(precision, output, weights), ones, padding, padding, ones))
    return _openvino(precision, numbers, output)


def torch_product(precision: str) -> Callable[[], object]:
    import torch

    dtype = _torch_type(precision)
    left, right = torch.rand(2, MATRIX, MATRIX, dtype=dtype)
    out = torch.empty(MATRIX, MATRIX, dtype=dtype)
    return lambda: torch.mm(left, right, out=out)


def torch_bytes_product() -> Callable[[], object]:
    import torch

    left, right = torch.randint(-128, 128, (2, MATRIX, MATRIX), dtype=torch.int8)
    return lambda: torch._int_mm(left, right)


def torch_bytes_linear() -> Callable[[], object]:
    """The linear layer of quantised networks: its weights are reordered once, its result is bytes again."""
    import torch

    weights = torch.randint(-128, 128, (MATRIX, MATRIX), dtype=torch.int8)
    packed = torch.ops.onednn.qlinear_prepack(weights, [MATRIX, MATRIX])
    numbers = torch.randint(0, 256, (MATRIX, MATRIX), dtype=torch.uint8)
    scales, zeros = torch.ones(MATRIX), torch.zeros(MATRIX, dtype=torch.int64)
    linear = torch.ops.onednn.qlinear_pointwise
    result = (1000.0, 0, torch.uint8, "none", [], "")
    return lambda: linear(numbers, 1.0, 0, packed, scales, zeros, None, *result)


def torch_convolution(precision: str, shape: Convolution) -> Callable[[], object]:
    """oneDNN's, with weights in its own order, as our runtime has them."""
    import torch

    dtype, padding, ones = _torch_type(precision), [shape.kernel // 2] * 2, [1, 1]
    weights = torch.rand(shape.channels, shape.channels, shape.kernel, shape.kernel, dtype=dtype)
    numbers = torch.rand(1, shape.channels, shape.side, shape.side, dtype=dtype)
    numbers = numbers.contiguous(memory_format=torch.channels_last)
    reorder: Any = torch._C._nn.mkldnn_reorder_conv2d_weight  # whose stub lacks arguments
    packed = reorder(weights.to_mkldnn(), padding, ones, ones, 1, numbers.shape)
    convolve = torch.ops.mkldnn._convolution_pointwise
    return lambda: convolve(numbers, packed, None, padding, ones, ones, 1, "relu", [], "")


def numpy_product() -> Callable[[], object]:
    import numpy as np

    left, right = np.random.default_rng(0).random((2, MATRIX, MATRIX), dtype=np.float32)
    out = np.empty((MATRIX, MATRIX), np.float32)
    return lambda: np.matmul(left, right, out=out)


def onnxruntime_product(precision: str) -> Callable[[], object]:
    import numpy as np
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    types = {"fp32": (np.float32, np.float32, "MatMul"), "int8": (np.uint8, np.int8, "MatMulInteger")}
    given, kept, operation = types[precision]
    draw = np.random.default_rng(0).integers
    numbers, weights = (draw(0, 100, (MATRIX, MATRIX)).astype(dtype) for dtype in (given, kept))
    of_given = helper.np_dtype_to_tensor_dtype(np.dtype(given))
    of_result = TensorProto.FLOAT if precision == "fp32" else TensorProto.INT32
    graph = helper.make_graph(
        [helper.make_node(operation, ["numbers", "weights"], ["result"])],
        operation,
        [helper.make_tensor_value_info("numbers", of_given, numbers.shape)],
        [helper.make_tensor_value_info("result", of_result, numbers.shape)],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"numbers": numbers})


def _torch_type(precision: str) -> Any:
    import torch

    from yolonas_plugin.nn.onednn import cpu_has_bf16

    if precision == "bf16" and not cpu_has_bf16():
        raise RuntimeError("torch has no bf16 on this CPU, and would compute by way of fp32")
    return torch.bfloat16 if precision == "bf16" else torch.float32


SHAPES = (Convolution(128, 3, 80), Convolution(256, 3, 40), Convolution(512, 3, 40), Convolution(512, 1, 40))


def _works() -> Iterator[tuple[str, Work]]:
    product = 2 * MATRIX**3
    for precision in PRECISIONS:
        yield f"OpenVINO, {precision} product", Work(precision, product, partial(openvino_product, precision))
        for shape in SHAPES:
            make = partial(openvino_convolutions, precision, shape)
            yield f"OpenVINO, {precision} {shape}", Work(precision, LAYERS * shape.operations, make)
    for precision in ("fp32", "bf16"):
        yield f"torch, {precision} product", Work(precision, product, partial(torch_product, precision))
        for shape in SHAPES:
            make = partial(torch_convolution, precision, shape)
            yield f"torch, {precision} {shape}", Work(precision, shape.operations, make)
    yield "torch, int8 product", Work("int8", product, torch_bytes_product)
    yield "torch, int8 linear layer", Work("int8", product, torch_bytes_linear)
    for precision in ("fp32", "int8"):
        yield f"ONNX Runtime, {precision} product", Work(precision, product, partial(onnxruntime_product, precision))
    yield "NumPy, fp32 product", Work("fp32", product, numpy_product)


WORKS: dict[str, Work] = dict(_works())


def open_works(folder: Path) -> Callable[..., Iterable[int]]:
    """Make all works, as a contestant: which of them is done is the setting ``work``; no image where it isn't there."""
    ready: dict[str, Callable[[], object]] = {}
    for name, work in WORKS.items():
        try:
            ready[name] = work.make()
            ready[name]()
        except Exception as error:
            ready.pop(name, None)
            print(f"{name}: {error}", file=sys.stderr)

    def compute(source: str, work: str = "") -> list[int]:
        if work in ready:
            ready[work]()
        return [0] if work in ready else []

    return compute


def measure(worker: Worker, image: Path) -> dict[str, float]:
    """Return the GFLOP per second of each work that is there."""
    rates: dict[str, float] = {}
    for name, work in WORKS.items():
        answers = [worker.ask(image, work=name) for _ in range(REPEATS)]
        if answers[0]["images"]:
            rates[name] = work.operations / min(answer["seconds"] for answer in answers) / 1e9
    return rates


def limits(rounds: Sequence[Mapping[str, float]], flops: int) -> dict[str, dict[str, Any]]:
    """Return the limit of each precision: its best rate, by which work, and the milliseconds of the network at it."""
    found: dict[str, dict[str, Any]] = {}
    for precision in PRECISIONS:
        names = [name for name in rounds[0] if WORKS[name].precision == precision] if rounds else []
        best = {name: max(rates[name] for rates in rounds) for name in names}
        if best:
            work = max(best, key=lambda name: best[name])
            found[precision] = {
                "milliseconds": round(flops / best[work] / 1e6, 2),
                "gflop_per_s": round(best[work], 1),
                "work": work,
                "median_gflop_per_s": {name: round(median(rates[name] for rates in rounds), 1) for name in names},
            }
    return found
