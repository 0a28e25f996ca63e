"""What the engine's predictor and validator run: letterboxed pixels in, the outputs of the task out, by any runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from yolonas_plugin.errors import RuntimeChoiceError
from yolonas_plugin.export.description import Description
from yolonas_plugin.export.graph import PixelNetwork
from yolonas_plugin.extras import require
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.nas.gpu import DTYPES, hidden, move, recorded
from yolonas_plugin.nas.module import NASModule, attach, fused_copy
from yolonas_plugin.nn.backbone import Backbone
from yolonas_plugin.nn.onednn import bf16_is_faster, cpu_has_bf16, use_onednn
from yolonas_plugin.nn.onednn_graph import OneDNNGraph, has_onednn_graph
from yolonas_plugin.nn.simplify import simplify
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.runtimes import KINDS, RuntimeChoice, choose, open_runtime, quantiser_of, settled
from yolonas_plugin.runtimes.base import NO_BF16, NO_FP16, GraphRuntime, check_threads
from yolonas_plugin.runtimes.cache import cache_key, cached
from yolonas_plugin.runtimes.calibration import CalibrationImages, calibration_digest
from yolonas_plugin.system.interrupts import heard

Run = Callable[[Tensor], "tuple[Tensor, ...]"]


class ExportedModule(nn.Module):
    """A model that is an exported file: it predicts, and has nothing to train or to convert.

    Args:
        graph: What opened the file.

    Attributes:
        graph: As above.
        about: The record of the model, with the attributes of ``module.attach``.
        pt_path: The file.
    """

    about: ModelInfo
    names: dict[int, str]
    task: str

    def __init__(self, graph: GraphRuntime) -> None:
        super().__init__()
        self.graph = graph
        attach(self, graph.description)
        self.pt_path = str(graph.path)

    @property
    def processing(self) -> ProcessingSpec:
        """How images are prepared, and the defaults of box selection."""
        return self.about.processing

    @property
    def in_channels(self) -> int:
        """Channels of the images."""
        return self.about.channels

    @property
    def runs_on(self) -> RuntimeChoice:
        """The runtime that opened the file, and its precision."""
        return RuntimeChoice(name=self.graph.name, precision=self.graph.precision)


class InferenceModule(nn.Module):
    """A network in the form that the engine runs, with the attributes that the engine asks for.

    Args:
        source: The model.
        run: From pixels [B, C, H, W], BGR from 0 to 255, to the outputs of the model's task; or what has opened a file.

    Attributes:
        run: As above.
        graph: What has opened a file; None where torch runs it.
    """

    def __init__(self, source: NASModule | ExportedModule, run: Run | GraphRuntime) -> None:
        super().__init__()
        self.graph = run if isinstance(run, GraphRuntime) else None
        self.run: Run = _on_tensors(run) if isinstance(run, GraphRuntime) else run
        # not the classes' own names: the engine renames all where the first begins as ImageNet's ids do, "n0"
        attach(self, replace(source.about, names=tuple(f"class_{index}" for index in source.names)))

    def float(self) -> InferenceModule:
        """Do nothing: the engine asks every network for float32, and this one is in the precision that was chosen."""
        return self

    def forward(self, pixels: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, ...]:
        """Return the outputs of the task, boxes and scores first; the engine's extra arguments are ignored."""
        return self.run(pixels)

    def fuse(self, verbose: bool = True) -> InferenceModule:
        """Do nothing: it is fused."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> InferenceModule:
        return self  # newer engines copy what they get; this was made for them alone


def inference_module(
    source: NASModule | ExportedModule,
    runtime: RuntimeChoice,
    compile: bool | str = False,
    device: torch.device | None = None,
) -> InferenceModule:
    """Make what the engine runs from a model.

    Args:
        source: The model.
        runtime: By what a network runs; an exported file has its own.
        compile: On torch, whether ``torch.compile`` works on the network, or in which of its modes.
        device: That torch runs it on, if it is a GPU.

    Raises:
        RuntimeChoiceError: torch has no such mode.
    """
    if isinstance(source, ExportedModule):
        return InferenceModule(source, source.graph)
    if runtime.name != "torch":
        return InferenceModule(source, make_runtime(source, runtime))
    network = PixelNetwork(fused_copy(source), source.processing)
    return InferenceModule(source, torch_run(network, runtime.precision, compile, device or torch.device("cpu")))


def torch_run(network: PixelNetwork, precision: str, compile: bool | str, device: torch.device) -> Run:
    """Return what runs a network on torch, in the way that is fastest there.

    Args:
        network: Fused; it is altered.
        precision: Of :data:`~yolonas_plugin.nas.gpu.DTYPES`.
        compile: See :func:`inference_module`.
        device: That it is to run on.
    """
    if device.type == "cuda":
        network = move(network, device, precision)
        return hidden(compiled_network(network, compile)) if compile else recorded(network, device)
    if precision != "fp16":
        network.take_bytes()
    own = isinstance(network.network.backbone, Backbone)  # super-gradients' may keep what it computes of a size
    as_graph = own and device.type == "cpu" and has_onednn_graph()
    if not compile:
        (simplify if as_graph else use_onednn)(network)
    network.network.to(DTYPES[precision])
    if compile:
        return compiled_network(network, compile)
    return OneDNNGraph(network, torch.zeros(1, network.network.in_channels, 32, 32)) if as_graph else network


def compiled_network(network: nn.Module, mode: bool | str) -> Run:
    """Return a network that is compiled at its first call; where that fails, the engine would go on without.

    Raises:
        RuntimeChoiceError: torch has no such mode; at the first call: it can't compile.
    """
    refused = f"compile={mode!r}: torch can't compile the network here; leave it out"
    try:
        # weights as constants, which oneDNN then orders once
        run = torch.compile(network, **({"options": {"freezing": True}} if mode is True else {"mode": mode}))
    except (RuntimeError, TypeError) as error:
        raise RuntimeChoiceError(f"{refused}: {error}") from error
    return _Compiled(run, refused)


class _Compiled(nn.Module):
    """Says what it means when a compiler fails."""

    def __init__(self, run: Any, refused: str) -> None:
        super().__init__()
        self.run, self.refused = run, refused

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of the task."""
        from torch._dynamo.exc import TorchDynamoException  # a second to import, and torch.compile has done it

        try:
            found: tuple[Tensor, ...] = self.run(pixels)
        except TorchDynamoException as error:
            raise RuntimeChoiceError(f"{self.refused}: {str(error).strip()[:300]}") from error
        return found


def chosen(runtime: str, precision: str | None, calibration: Any, threads: int | None = None) -> RuntimeChoice:
    """Check what a user asks for.

    Raises:
        RuntimeChoiceError: There is no such runtime or precision, there is nothing to calibrate int8 on, nothing here
            has bf16, or something is given that the runtime doesn't take.
        MissingExtraError: The runtime isn't installed.
    """
    if precision == "int8" and calibration is None:
        raise RuntimeChoiceError(
            "precision='int8' is calibrated on your images: name a hundred or more that are like those to come, "
            "calibration='images/'"
        )
    if runtime == "auto" and precision != "int8" and torch.cuda.is_available():
        runtime = "torch"  # the others that auto knows compute on the CPU
    name = choose(runtime, precision)
    if calibration is not None and precision != "int8":
        raise RuntimeChoiceError(f"calibration= is for precision='int8', not {precision or 'fp32'!r}; leave it out")
    if name == "torch" and precision == "auto":
        precision = "bf16" if bf16_is_faster() and not _has_gpu() else "fp32"
    precision = settled(name, precision)
    if threads is not None and name == "torch":
        raise RuntimeChoiceError(
            f"threads={threads!r} is for OpenVINO and ONNX Runtime; torch has torch.set_num_threads, for the process"
        )
    if threads is not None:
        check_threads(threads)
    if name == "torch" and precision == "bf16" and not (_has_gpu() or cpu_has_bf16()):
        raise RuntimeChoiceError(NO_BF16)
    if name == "torch" and precision == "fp16" and not _has_gpu():
        raise RuntimeChoiceError(NO_FP16)
    return RuntimeChoice(name=name, precision=precision, calibration=calibration, threads=threads)


def _has_gpu() -> bool:
    return torch.cuda.is_available() or torch.backends.mps.is_available()


def make_runtime(module: NASModule, choice: RuntimeChoice) -> GraphRuntime:
    """Open a model in its runtime."""
    graph = partial(make_graph, module, choice)
    if choice.name != "openvino":
        return open_runtime(graph(), choice.name, choice.precision, threads=choice.threads)
    return open_runtime(graph(checked=False), choice.name, choice.precision, threads=choice.threads, cache=graph)


def make_graph(module: NASModule, choice: RuntimeChoice, checked: bool = True) -> Path:
    """Return the file that a runtime opens, which is written unless that was done before.

    Args:
        module: The model.
        choice: The runtime.
        checked: See :func:`.cache.cached`.
    """
    with heard():
        return _make_graph(module, choice, checked)


def _make_graph(module: NASModule, choice: RuntimeChoice, checked: bool) -> Path:
    if choice.precision == "fp16":
        key = cache_key(["fp16", _key(module)])
        return cached(key, lambda folder: write_graph(module, folder / "model.onnx", half=True)) / "model.onnx"
    key, calibration = _key(module), choice.calibration

    def exact(checked: bool = True) -> Path:
        folder = cached(key, lambda folder: write_graph(module, folder / "model.onnx"), checked=checked)
        return folder / "model.onnx"

    if choice.precision != "int8":
        return exact(checked)

    file = KINDS[choice.name].quantised

    def make(folder: Path) -> None:
        images = CalibrationImages(calibration, module.in_channels)
        quantiser_of(choice.name)(exact(), _description(module), images, images.most, folder / file)

    int8 = cache_key(["int8", choice.name, key, calibration_digest(calibration)])
    return cached(int8, make, checked=checked) / file


def write_graph(module: NASModule, path: Path, *, half: bool = False) -> None:
    """Write the graph that runtimes open: pixels of any size and number in, boxes and scores out.

    Args:
        module: The model.
        path: The file.
        half: Compute in float16, but for what decodes boxes and scores.

    Raises:
        MissingExtraError: onnx isn't installed.
    """
    require("onnx", "making the graph that a runtime opens", "onnx")
    from yolonas_plugin.export.onnx import write_onnx

    network = module.for_export()
    write_onnx(network.half() if half else network, _description(module), path, dynamic=True, simplify=False)


def _description(module: NASModule) -> Description:
    return Description.of(module.current_info(), takes="pixels", gives="pair")


def _key(module: NASModule) -> str:
    texts = [module.task, module.config.size, module.processing.to_json(), repr(module.names)]
    texts.append(repr(module.about.skeleton))
    tensors = (tensor.detach().cpu().contiguous() for tensor in module.state_dict().values())
    return cache_key(chain(texts, (tensor.view(-1).numpy().data for tensor in tensors)))


def _on_tensors(runtime: GraphRuntime) -> Run:
    def run(pixels: Tensor) -> tuple[Tensor, ...]:
        if pixels.is_floating_point():
            pixels = pixels.round().clamp(0, 255).byte()
        found = runtime(pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy())
        return tuple(map(torch.from_numpy, found))

    return run
