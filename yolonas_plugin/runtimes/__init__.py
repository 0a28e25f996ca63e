"""Inference engines behind one small interface: letterboxed pixels in, boxes and scores out. Without torch.

Each runtime opens what :mod:`yolonas_plugin.export` writes. torch itself isn't among them: its network needs no file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from yolonas_plugin.errors import MissingExtraError, RuntimeChoiceError, WeightsNotFoundError
from yolonas_plugin.runtimes.base import GraphRuntime

Name: TypeAlias = Literal["torch", "openvino", "onnxruntime", "cuda", "tensorrt"]
Precision: TypeAlias = Literal["fp32", "fp16", "bf16", "int8"]


@dataclass(frozen=True, kw_only=True)
class RuntimeChoice:
    """By what a model predicts, and how exactly.

    Attributes:
        name: ``"torch"``, ``"openvino"``, ``"onnxruntime"``, or on a GPU ``"cuda"`` or ``"tensorrt"``.
        precision: ``"fp32"``, ``"fp16"``, ``"bf16"`` or ``"int8"``.
        calibration: Images that int8 is calibrated on.
        threads: Of a prediction, on OpenVINO and ONNX Runtime; None takes all cores.
    """

    name: str = "torch"
    precision: str = "fp32"
    calibration: Any = None
    threads: int | None = None


class Kind(NamedTuple):
    """A runtime that opens files.

    Attributes:
        package: That has to be installed.
        extra: Of this package, that brings it.
        reference: Of its class, which takes a path, ``precision`` and ``threads``.
        suffixes: Of files that it opens.
        precisions: That it computes in.
        quantiser: Of the function that writes what it opens in int8, see :mod:`yolonas_plugin.export.quantise`.
        quantised: The name of that file.
        on_gpu: Whether it computes on an NVIDIA GPU.
    """

    package: str
    extra: str
    reference: str
    suffixes: tuple[str, ...]
    precisions: tuple[Precision, ...]
    quantiser: str = ""
    quantised: str = ""
    on_gpu: bool = False


KINDS: Final[dict[str, Kind]] = {
    "openvino": Kind(
        "openvino",
        "openvino",
        "yolonas_plugin.runtimes.openvino:OpenVinoRuntime",
        (".xml", ".onnx"),
        ("fp32", "bf16", "int8"),
        "yolonas_plugin.export.quantise:quantise",
        "model.xml",
    ),
    "onnxruntime": Kind(
        "onnxruntime",
        "onnx",
        "yolonas_plugin.runtimes.onnxruntime:OnnxRuntime",
        (".onnx",),
        ("fp32", "int8"),
        "yolonas_plugin.export.quantise_onnx:quantise_onnx",
        "model.onnx",
    ),
    "cuda": Kind(
        "onnxruntime", "gpu", "yolonas_plugin.runtimes.providers:CudaRuntime", (".onnx",), ("fp32", "fp16"), on_gpu=True
    ),
    "tensorrt": Kind(
        "onnxruntime",
        "gpu",
        "yolonas_plugin.runtimes.providers:TensorRtRuntime",
        (".onnx",),
        ("fp32", "fp16"),
        on_gpu=True,
    ),
}
"""The runtimes that open files: those on a CPU, fastest first (benchmarks/speed.py), then those on an NVIDIA GPU, which
``"auto"`` never takes."""

_OF_TORCH: Final = ("fp32", "fp16", "bf16")


def choose(name: str, precision: str | None = None) -> str:
    """Return the runtime that a user means; ``"auto"`` is the fastest that is installed.

    Args:
        name: Of the runtime, or ``"auto"``.
        precision: That it has to have; None and ``"auto"`` ask for none that another one lacks.

    Raises:
        RuntimeChoiceError: There is no such runtime, or it doesn't have the precision.
        MissingExtraError: It isn't installed.
    """
    precision = "fp32" if precision in (None, "auto") else precision
    if name == "auto":
        fit = [n for n, kind in KINDS.items() if precision in kind.precisions and not kind.on_gpu]
        otherwise = "torch" if precision in _OF_TORCH or not fit else fit[0]
        name = next((n for n in fit if _installed(KINDS[n])), otherwise)
    if name == "torch":
        known: tuple[str, ...] = _OF_TORCH
    elif name in KINDS:
        known = KINDS[name].precisions
    else:
        raise RuntimeChoiceError(f"runtime={name!r} is unknown; it is one of torch, {', '.join(KINDS)}, auto")
    if precision not in known:
        raise RuntimeChoiceError(f"runtime={name!r} runs in {' or '.join(known)}, not precision={precision!r}")
    if name in KINDS:
        require_runtime(name)
    return name


def settled(name: str, precision: str | None) -> str:
    """Return the precision that a user means on a runtime: ``"auto"`` is bfloat16 where it is faster, else fp32.

    It costs less than 0.002 mAP (docs/runtimes.md). int8 costs more, and needs images.

    Args:
        name: Of the runtime, one of :data:`KINDS`.
        precision: None is fp32.
    """
    if precision == "auto" and name == "openvino":
        from yolonas_plugin.runtimes.openvino import has_bf16

        return "bf16" if has_bf16() else "fp32"
    return "fp32" if precision in (None, "auto") else precision


def require_runtime(name: str) -> None:
    """Check that a runtime is installed, without importing it; of one on a GPU, that it has what is needed for that.

    Raises:
        MissingExtraError: It isn't.
        RuntimeChoiceError: ONNX Runtime is installed without the GPU's provider.
    """
    kind = KINDS[name]
    if not _installed(kind):
        raise MissingExtraError(f"runtime={name!r}", kind.package, kind.extra)
    if kind.on_gpu:
        from yolonas_plugin.runtimes.providers import check_provider

        check_provider(name)


def open_runtime(path: str | Path, name: str = "auto", precision: str | None = None, **options: Any) -> GraphRuntime:
    """Open an exported file.

    Args:
        path: What :func:`yolonas_plugin.nas.export.export` wrote: an ONNX file, or OpenVINO's .xml file or its folder.
        name: ``"openvino"``, ``"onnxruntime"``, or ``"auto"`` for the fastest installed of these that opens such files;
            ``"cuda"`` or ``"tensorrt"`` on a GPU.
        precision: Of the arithmetic, ``"fp32"`` or for OpenVINO ``"bf16"``; ``"int8"`` for a file that was quantised,
            which has no other; ``"auto"``, see :func:`settled`. Default: what the file is for.
        **options: Of the runtime: ``threads``, and for OpenVINO ``cache``, see
            :class:`~yolonas_plugin.runtimes.openvino.OpenVinoRuntime`.

    Raises:
        WeightsNotFoundError: There is no such file.
        RuntimeChoiceError: No runtime that is known or chosen opens such a file, or not in that precision.
        MissingExtraError: The one that does isn't installed.
        CheckpointError, ProcessingError: It isn't an export of this package, or it is damaged.
    """
    path = Path(path)
    if path.is_dir():
        path = next(iter(sorted(path.glob("*.xml"))), path)
    fit = [n for n, kind in KINDS.items() if path.suffix.lower() in kind.suffixes]
    if not fit:
        raise RuntimeChoiceError(f"{path}: no runtime opens such a file; .onnx and OpenVINO's .xml are known")
    if not path.is_file():
        raise WeightsNotFoundError(f"{path}: there is no such file")
    if name == "auto":
        name = next((n for n in fit if _installed(KINDS[n]) and not KINDS[n].on_gpu), fit[0])
    elif name not in fit:
        raise RuntimeChoiceError(f"{path}: runtime={name!r} doesn't open such a file; {' and '.join(fit)} do")
    require_runtime(name)
    known = KINDS[name].precisions
    if precision == "auto" and "bf16" not in known:
        precision = None
    if precision not in (None, "auto", *known):
        exact = [p for p in known if p != "int8"]
        raise RuntimeChoiceError(
            f"{path}: runtime={name!r} runs an exported file in {' or '.join(exact)}, not precision={precision!r}; "
            "int8 is made from the weights"
        )
    factory: Callable[..., GraphRuntime] = _resolve(KINDS[name].reference)
    return factory(path, precision=precision, **options)


def refuse_overrides(path: str | Path, /, **given: Any) -> None:
    """Refuse to say of an exported file what it says itself, or what is for weights.

    Raises:
        RuntimeChoiceError: Something is given.
    """
    if said := [name for name, value in given.items() if value is not None]:
        raise RuntimeChoiceError(
            f"{path}: an exported file has its own {' and '.join(said)}; say it to the weights, and export them again"
        )


def is_export(path: str | Path) -> bool:
    """Tell by its name whether a path is something that a runtime opens."""
    path = Path(path)
    suffixes = {suffix for kind in KINDS.values() for suffix in kind.suffixes}
    return path.suffix.lower() in suffixes or (path.is_dir() and any(path.glob("*.xml")))


def quantiser_of(name: str) -> Callable[..., None]:
    """Return what writes the file that a runtime opens in int8.

    Raises:
        MissingExtraError: What it is made with isn't installed.
    """
    quantiser: Callable[..., None] = _resolve(KINDS[name].quantiser)
    return quantiser


def _resolve(reference: str) -> Any:
    module, _, attribute = reference.partition(":")
    return getattr(import_module(module), attribute)


def _installed(kind: Kind) -> bool:
    return find_spec(kind.package) is not None
