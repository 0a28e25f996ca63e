"""ONNX Runtime's providers for NVIDIA GPUs: everything of them that a machine without a GPU can show."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ultralytics.cfg import get_cfg

from tests.support.pictures import picture
from yolonas_plugin import NAS
from yolonas_plugin.errors import CheckpointError, MissingExtraError, RuntimeChoiceError
from yolonas_plugin.lean import LeanPredictor, open_lean
from yolonas_plugin.nas.execution import check_runtime, device_of
from yolonas_plugin.nas.inference import chosen, make_graph
from yolonas_plugin.runtimes import KINDS, RuntimeChoice, choose, open_runtime
from yolonas_plugin.runtimes.cache import growing, grown
from yolonas_plugin.runtimes.onnx_file import has_half_weights, read_onnx
from yolonas_plugin.runtimes.onnxruntime import OnnxRuntime
from yolonas_plugin.runtimes.providers import PROVIDERS, TensorRtRuntime

onnxruntime = pytest.importorskip("onnxruntime")
ON_GPU = [name for name, kind in KINDS.items() if kind.on_gpu]
no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def _claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ONNX Runtime that says it has the GPU's providers, as one has that was built with them, wherever it runs."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [*PROVIDERS.values(), "CPUExecutionProvider"])


@pytest.fixture(scope="module")
def graph_of(nano: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    def graph(precision: str) -> Path:
        module: Any = NAS(nano).model
        return make_graph(module, RuntimeChoice(name="cuda", precision=precision))

    return graph


# --- what isn't there ---


@pytest.mark.parametrize("name", ON_GPU)
@pytest.mark.parametrize("open_it", [NAS, open_lean])
def test_a_provider_that_was_not_built_in_is_said(name: str, open_it: Any, nano: Path) -> None:
    available = onnxruntime.get_available_providers()
    if PROVIDERS[name] in available:
        pytest.skip(f"this ONNX Runtime has the {PROVIDERS[name]}")
    with pytest.raises(RuntimeChoiceError) as error:
        open_it(nano, runtime=name)
    for part in (f"runtime={name!r} needs the {PROVIDERS[name]}", *available, "yolonas-plugin[gpu]", "runtime='torch'"):
        assert part in str(error.value)


def test_no_onnx_runtime_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yolonas_plugin.runtimes.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"runtime='cuda' .* pip install 'yolonas-plugin\[gpu\]'"):
        choose("cuda")


@no_gpu
@pytest.mark.usefixtures("_claimed")
@pytest.mark.filterwarnings("ignore:Specified provider")
@pytest.mark.parametrize("name", ON_GPU)
def test_a_session_that_would_run_on_the_cpu_is_refused(
    name: str, graph_of: Any, nano: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    graph = graph_of("fp32")
    assert onnxruntime.InferenceSession(graph, providers=[PROVIDERS[name]]).get_providers() == ["CPUExecutionProvider"]
    capfd.readouterr()
    for open_it in (
        lambda: open_runtime(graph, name),
        lambda: LeanPredictor(graph, runtime=name),
        lambda: NAS(nano, runtime=name).predict(picture(), verbose=False),
    ):
        with pytest.raises(RuntimeChoiceError, match=f"can't start its {PROVIDERS[name]}.*needs a GPU.*'openvino'"):
            open_it()
    assert "EP Error" not in capfd.readouterr().out  # which ONNX Runtime prints where it falls back by itself


@pytest.mark.usefixtures("_claimed")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_file_is_to_blame_where_no_provider_opens_it(graph_of: Any, tmp_path: Path) -> None:
    content = graph_of("fp32").read_bytes()
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(content.replace(b"Conv\x2a", b"Konv\x2a"))
    assert broken.read_bytes() != content
    for name in ON_GPU:
        with pytest.raises(CheckpointError, match=r"broken\.onnx: ONNX Runtime can't open the file"):
            open_runtime(broken, name)


# --- which one is taken ---


@pytest.mark.usefixtures("_claimed")
def test_auto_takes_none_of_them(graph_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yolonas_plugin.runtimes.find_spec", lambda name: 1 if name == "onnxruntime" else None)
    assert choose("auto") == "onnxruntime"
    assert choose("auto", "fp16") == "torch"
    assert type(open_runtime(graph_of("fp32"))) is OnnxRuntime


def test_auto_is_torch_where_torch_has_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert chosen("auto", None, None).name == "torch"
    assert chosen("auto", "fp16", None) == RuntimeChoice(name="torch", precision="fp16")
    assert chosen("auto", "int8", "images/").name == "openvino"  # which torch doesn't have


@pytest.mark.parametrize("name", ["torch", *KINDS])
def test_a_precision_that_a_runtime_does_not_have_is_said_with_those_it_has(name: str) -> None:
    known = KINDS[name].precisions if name in KINDS else ("fp32", "fp16", "bf16")
    with pytest.raises(RuntimeChoiceError) as error:
        choose(name, "fp8")
    assert str(error.value) == f"runtime={name!r} runs in {' or '.join(known)}, not precision='fp8'"


@no_gpu
def test_float16_on_torch_without_a_gpu_is_refused(nano: Path) -> None:
    for settings in ({}, {"runtime": "auto"}, {"runtime": "torch"}):
        with pytest.raises(
            RuntimeChoiceError, match=r"precision='fp16': float16 is for GPUs, .* take fp32, bf16 or int8"
        ):
            NAS(nano, precision="fp16", **settings)


def test_float16_on_the_cpu_of_a_machine_with_a_gpu_is_refused() -> None:
    with pytest.raises(RuntimeChoiceError, match="float16 is for GPUs"):
        device_of(RuntimeChoice(precision="fp16"), get_cfg(overrides={"device": "cpu"}))


@pytest.mark.parametrize("name", ON_GPU)
def test_settings_that_a_provider_on_a_gpu_does_not_follow_are_refused(name: str) -> None:
    choice, args = RuntimeChoice(name=name), get_cfg()
    for device in (None, "", 0, "0", "cuda", "cuda:0", torch.device("cuda", 0)):
        given = copy(args)
        given.device = device
        check_runtime(choice, given)
    for setting, value in (("device", "cpu"), ("device", 1), ("device", "cuda:1"), ("half", True), ("compile", True)):
        given = copy(args)
        setattr(given, setting, value)
        if setting == "half" and hasattr(args, "quantize"):
            given.quantize = 16
        with pytest.raises(RuntimeChoiceError, match=f"{setting}=.*on the first GPU that CUDA_VISIBLE_DEVICES"):
            check_runtime(choice, given)


@pytest.mark.usefixtures("_claimed")
@pytest.mark.parametrize("name", ON_GPU)
def test_threads_are_not_the_gpu_s(name: str, graph_of: Any) -> None:
    with pytest.raises(RuntimeChoiceError, match=r"threads=2: runtime='.*' computes on the GPU"):
        LeanPredictor(graph_of("fp32"), runtime=name, threads=2)


# --- float16 ---


def test_a_graph_in_float16_finds_the_same_things(graph_of: Any) -> None:
    half, full = OnnxRuntime(graph_of("fp16")), OnnxRuntime(graph_of("fp32"))
    assert [has_half_weights(read_onnx(runtime.path)) for runtime in (half, full)] == [True, False]
    assert half.path.stat().st_size < 0.55 * full.path.stat().st_size
    pixels = np.stack([picture(seed, height=160, width=160) for seed in range(2)])
    for boxes, scores, *expected in zip(*half(pixels), *full(pixels), strict=True):
        assert boxes.dtype == scores.dtype == np.float32
        np.testing.assert_allclose(boxes, expected[0], atol=0.6)
        np.testing.assert_allclose(scores, expected[1], atol=0.02)


@pytest.mark.usefixtures("_claimed")
@pytest.mark.parametrize("name", ON_GPU)
@pytest.mark.parametrize(("own", "asked"), [("fp32", "fp16"), ("fp16", "fp32")])
def test_an_exported_file_has_its_own_precision(name: str, own: str, asked: str, graph_of: Any) -> None:
    message = rf"this export is in {own}, .* not in precision='{asked}'.* is made from the weights"
    with pytest.raises(RuntimeChoiceError, match=message):
        LeanPredictor(graph_of(own), runtime=name, precision=asked)


# --- TensorRT's engines ---


def test_engines_are_kept_by_graph_and_precision() -> None:
    def options(precision: str, content: bytes) -> dict[str, str]:
        runtime = object.__new__(TensorRtRuntime)
        runtime.precision = precision
        (first, found), (second, _) = runtime.providers(content)
        assert [first, second] == [PROVIDERS["tensorrt"], PROVIDERS["cuda"]]
        return found

    half, full, other = options("fp16", b"a"), options("fp32", b"a"), options("fp32", b"b")
    assert [found["trt_fp16_enable"] for found in (half, full)] == ["1", "0"]
    folders = [Path(found["trt_engine_cache_path"]) for found in (half, full, other, options("fp32", b"a"))]
    assert all(folder.is_dir() for folder in folders)
    assert folders[1] == folders[3]
    assert len({*folders}) == 3


def test_engines_that_are_damaged_are_made_anew() -> None:
    folder = growing("engines")
    assert [*folder.iterdir()] == []
    (folder / "a.engine").write_bytes(b"first")
    assert [*growing("engines").iterdir()] == []  # which nobody said was whole
    (folder / "a.engine").write_bytes(b"first")
    grown(folder)
    assert (growing("engines") / "a.engine").read_bytes() == b"first"
    (folder / "b.engine").write_bytes(b"for another size")
    grown(folder)
    assert len([*growing("engines").iterdir()]) == 2
    (folder / "a.engine").write_bytes(b"fir")
    assert [*growing("engines").iterdir()] == []
