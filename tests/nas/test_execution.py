"""What was asked for is what runs: read back from what executes; and what can't be given is an error."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from model_zoo_api import errors as contract
from tests.support.bf16 import needs_bf16, openvino_has_bf16
from tests.support.command_line import small_data
from tests.support.engine import compiled, runtime_of
from tests.support.nano import SIZE
from tests.support.pictures import assert_same_boxes, picture
from yolonas_plugin import NAS, ModelZoo
from yolonas_plugin.errors import RuntimeChoiceError
from yolonas_plugin.lean import LeanPredictor, open_lean
from yolonas_plugin.nas.inference import compiled_network
from yolonas_plugin.nas.predict import NASPredictor
from yolonas_plugin.nas.val import NASValidator
from yolonas_plugin.nn.onednn import OneDNNConv, bf16_is_faster
from yolonas_plugin.nn.onednn_graph import OneDNNGraph, has_onednn_graph
from yolonas_plugin.runtimes import open_runtime
from yolonas_plugin.runtimes.openvino import types_of_convolutions

PICTURE = picture()
QUIET = {"verbose": False, "conf": 0.3}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="module")
def exported(nano: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return NAS(nano).export(
        output=tmp_path_factory.mktemp("export"), takes="pixels", gives="pair", dynamic=True, simplify=False
    )


@contextlib.contextmanager
def watched_convolutions() -> Iterator[list[tuple[torch.dtype, torch.dtype]]]:
    """The types of weights and inputs of every convolution that runs meanwhile, as torch itself is called."""
    seen: list[tuple[torch.dtype, torch.dtype]] = []

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if "conv" in str(function) and all(isinstance(x, torch.Tensor) for x in args[:2]):
                seen.append((args[0].dtype, args[1].dtype))
            return function(*args, **(kwargs or {}))

    with Watch():
        yield seen


def network_of(model: NAS) -> nn.Module:
    """Return what the engine runs."""
    return model.predictor.model.model.run


@contextlib.contextmanager
def watched_canvases() -> Iterator[list[tuple[int, ...]]]:
    """The shapes of the pixels that reach a network meanwhile, whatever runs it."""
    seen: list[tuple[int, ...]] = []

    def note(module: nn.Module, inputs: Any) -> None:
        if type(module).__name__ == "InferenceModule":
            seen.append(tuple(inputs[0].shape))

    begin = NASPredictor._begin

    def begun(self: NASPredictor, images: Any) -> Any:
        found = begin(self, images)
        if found.answer is not None:  # the runtime has them before their turn
            seen.append(tuple(found.pixels.shape))
        return found

    handle = nn.modules.module.register_module_forward_pre_hook(note)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NASPredictor, "_begin", begun)
        try:
            yield seen
        finally:
            handle.remove()


# --- precision on torch ---


@needs_bf16
@pytest.mark.parametrize("measured", [False, True])
def test_bf16_on_torch_computes_in_bf16(measured: bool, nano: Path, tmp_path: Path) -> None:
    model = NAS(nano, precision="bf16")
    with watched_convolutions() as seen:
        if measured:
            model.val(data=str(small_data(tmp_path)), verbose=False)
        else:
            (found,) = model.predict(PICTURE, **QUIET)
            assert found.boxes.data.dtype == torch.float32
            assert {p.dtype for p in network_of(model).network.parameters()} == {torch.bfloat16}
    assert len(seen) > 50
    assert set(seen) == {(torch.bfloat16, torch.bfloat16)}
    assert {p.dtype for p in model.model.parameters()} == {torch.float32}  # what is trained and saved


def test_fp32_on_torch_computes_in_fp32(nano: Path) -> None:
    model = NAS(nano, precision="fp32")
    with watched_convolutions() as seen:
        model.predict(PICTURE, **QUIET)
    assert {dtype for pair in seen for dtype in pair} <= {torch.float32}
    assert {p.dtype for p in network_of(model).parameters()} == {torch.float32}


def test_bf16_is_refused_where_torch_does_not_have_it(nano: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops, "mkldnn", types.SimpleNamespace(_is_mkldnn_bf16_supported=lambda: False))
    with pytest.raises(RuntimeChoiceError, match="this CPU computes in fp32 only"):
        NAS(nano, precision="bf16").predict(PICTURE, device="cpu", **QUIET)


@pytest.mark.skipif(not has_onednn_graph(), reason="oneDNN's graph is in torch for x86 CPUs under Linux")
def test_torch_runs_a_graph_of_onednn(nano: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = NAS(nano)
    found, again = (model.predict(PICTURE, **QUIET)[0].boxes.data.numpy() for _ in range(2))
    assert isinstance(network_of(model), OneDNNGraph)
    monkeypatch.delattr(torch._C, "_jit_set_llga_enabled")  # as under Windows
    packed = NAS(nano)
    expected = packed.predict(PICTURE, **QUIET)[0].boxes.data.numpy()
    assert [module for module in network_of(packed).modules() if isinstance(module, OneDNNConv)]
    assert np.array_equal(found, again)
    assert_same_boxes(found, expected, atol=0.05)


def test_a_torch_without_onednn_predicts(nano: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = NAS(nano).predict(PICTURE, **QUIET)[0].boxes.data.numpy()
    monkeypatch.delattr(torch._C, "_jit_set_llga_enabled", raising=False)
    monkeypatch.setattr(torch.ops, "mkldnn", types.SimpleNamespace())  # as on Apple's machines
    monkeypatch.delattr(torch._C._nn, "mkldnn_reorder_conv2d_weight")
    model = NAS(nano)
    assert_same_boxes(model.predict(PICTURE, **QUIET)[0].boxes.data.numpy(), expected, atol=0.05)
    assert not [module for module in network_of(model).modules() if isinstance(module, OneDNNConv)]
    with pytest.raises(RuntimeChoiceError, match="this CPU computes in fp32 only"):
        NAS(nano, precision="bf16").predict(PICTURE, device="cpu", **QUIET)


# --- precision of files ---


def test_openvino_computes_in_fp32_unless_told_otherwise(exported: str, nano: Path) -> None:
    for runtime in (open_runtime(exported, "openvino"), open_lean(nano, runtime="openvino").runtime):
        runtime(PICTURE[None, :96, :96])
        assert types_of_convolutions(compiled(runtime)) == {"f32"}
        assert runtime.precision == "fp32"


@needs_bf16
def test_openvino_computes_in_bf16(exported: str, nano: Path) -> None:
    NAS(nano, runtime="openvino").predict(PICTURE, **QUIET)  # what it has compiled is kept beside the other's
    model = NAS(nano, runtime="openvino", precision="bf16")
    model.predict(PICTURE, **QUIET)
    lean = open_lean(nano, runtime="openvino", precision="bf16")
    lean(PICTURE)
    file = NAS(exported, runtime="openvino", precision="bf16")
    file.predict(PICTURE, **QUIET)
    running = runtime_of(model)
    assert running.precision == model.runtime.precision == "bf16"
    for runtime in (running, lean.runtime, file.model.graph):
        assert types_of_convolutions(compiled(runtime)) == {"bf16"}


@pytest.mark.parametrize("runtime", ["torch", "openvino", "onnxruntime"])
def test_auto_is_bf16_where_it_is_faster(runtime: str, nano: Path) -> None:
    has_it = {"torch": bf16_is_faster(), "openvino": openvino_has_bf16(), "onnxruntime": False}[runtime]
    model = NAS(nano, runtime=runtime, precision="auto")
    expected = "bf16" if has_it else "fp32"
    assert model.runtime.precision == expected
    exact = NAS(nano, runtime=runtime, precision=expected)
    found, same = (one.predict(PICTURE, **QUIET)[0].boxes.data.numpy() for one in (model, exact))
    assert np.array_equal(found, same)
    if runtime != "torch":
        assert open_lean(nano, runtime=runtime, precision="auto").runtime.precision == expected


def test_auto_for_a_file_is_what_it_can_be(exported: str) -> None:
    assert open_runtime(exported, "openvino", "auto").precision == ("bf16" if openvino_has_bf16() else "fp32")
    assert open_runtime(exported, "onnxruntime", "auto").precision == "fp32"


def test_auto_is_fp32_where_onednn_is_held_to_an_older_cpu(nano: Path) -> None:
    program = (
        "import sys; from yolonas_plugin import NAS\n"
        "for runtime in ('torch', 'openvino'):\n"
        "    model = NAS(sys.argv[1], runtime=runtime, precision='auto')\n"
        "    model.predict(sys.argv[2], verbose=False); print(model.runtime.precision)"
    )
    picture = nano.with_name("picture.png")
    cv2.imwrite(str(picture), PICTURE)
    done = subprocess.run(
        [sys.executable, "-c", program, str(nano), str(picture)],
        env={**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split()[-2:] == ["fp32", "fp32"], done.stderr[-2000:]


def test_a_file_that_was_not_quantised_is_not_in_int8(exported: str) -> None:
    with pytest.raises(RuntimeChoiceError, match="in fp32 or bf16, not precision='int8'"):
        LeanPredictor(exported, runtime="openvino", precision="int8")


# --- threads ---


def test_threads_are_those_that_were_asked_for(exported: str, nano: Path) -> None:
    runtime = LeanPredictor(exported, runtime="openvino", threads=1).runtime
    runtime(PICTURE[None, :96, :96])
    assert compiled(runtime).get_property("INFERENCE_NUM_THREADS") == 1
    for opened in (
        LeanPredictor(exported, runtime="onnxruntime", threads=1).runtime,
        NAS(exported, runtime="onnxruntime", threads=1).model.graph,
        ModelZoo.discover().load(exported, provider="yolo_nas", runtime="onnxruntime", threads=1).model.graph,
    ):
        assert opened._session.get_session_options().intra_op_num_threads == 1
        assert opened._session.get_providers() == ["CPUExecutionProvider"]
    model = NAS(nano, runtime="openvino", threads=1)
    model.predict(PICTURE, **QUIET)
    assert compiled(runtime_of(model)).get_property("INFERENCE_NUM_THREADS") == 1


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2"])
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_a_number_of_threads_that_is_none_is_refused(runtime: str, threads: Any, exported: str) -> None:
    with pytest.raises(RuntimeChoiceError, match=r"threads=.*1 or more"):
        LeanPredictor(exported, runtime=runtime, threads=threads)


# --- what can't be given ---


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "cuda"}, "device='cuda': runtime='.*' computes on the CPU"),
        ({"device": 0}, "device=0: runtime='.*' computes on the CPU"),
        ({"device": torch.device("mps")}, "device=.*mps.*: runtime='.*' computes on the CPU"),
        ({"compile": True}, "compile=True: runtime='.*' computes on the CPU"),
        ({"half": True}, "half=True: runtime='.*' computes on the CPU"),
        ({"int8": True}, "int8 is chosen when the model is loaded"),
        ({"augment": True}, "augment=True: YOLO-NAS has no test-time augmentation"),
        ({"dnn": True}, "dnn=True: OpenCV's networks aren't among the runtimes"),
    ],
)
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_what_a_runtime_cannot_do_is_refused(
    runtime: str, settings: dict[str, Any], message: str, nano: Path, exported: str, tmp_path: Path
) -> None:
    for model in (NAS(nano, runtime=runtime), NAS(exported, runtime=runtime)):
        with pytest.raises(RuntimeChoiceError, match=message):
            model.predict(PICTURE, **QUIET, **settings)
        with pytest.raises(RuntimeChoiceError, match=message):
            model.val(data=str(tmp_path / "not even looked for"), **settings)


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize(
    "device", ["cuda", 0, "cuda:1", [0, 1], "0,1", "mps", "xpu", "npu:0", "tpu", "intel:cpu", "gpu"]
)
def test_a_device_that_is_not_there_is_refused(
    device: Any, model: NAS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    for call in (model.predict, model.val):
        given = {"source": PICTURE} if call == model.predict else {"data": str(tmp_path)}
        with pytest.raises(RuntimeChoiceError, match=r"device=.*(torch sees no such device here|on one device)"):
            call(device=device, verbose=False, **given)
    assert len(model.predict(PICTURE, device="cpu", **QUIET)[0]) > 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"half": True}, "half=True: float16 is for GPUs"),
        ({"augment": True}, "YOLO-NAS has no test-time augmentation"),
        ({"visualize": True}, "doesn't draw its features"),
        ({"embed": [3]}, "gives boxes, not features"),
        ({"compile": "fast"}, "compile='fast': torch can't compile the network here"),
    ],
)
def test_what_torch_cannot_do_on_a_cpu_is_refused(settings: dict[str, Any], message: str, model: NAS) -> None:
    with pytest.raises(RuntimeChoiceError, match=message):
        model.predict(PICTURE, device="cpu", **QUIET, **settings)
    model.predict(PICTURE, device="cpu", **QUIET)
    with pytest.raises(RuntimeChoiceError, match=message):  # by a model that has predicted before, too
        model.predict(PICTURE, device="cpu", **QUIET, **settings)


def test_a_predictor_or_validator_by_itself_refuses_too(nano: Path, tmp_path: Path) -> None:
    predictor = NASPredictor(overrides={"model": str(nano), "device": "cpu", "verbose": False})
    predictor.setup_model(None)
    predictor.args.augment = True
    with pytest.raises(RuntimeChoiceError, match="augment=True"):
        list(predictor.stream_inference(PICTURE))
    with pytest.raises(RuntimeChoiceError, match="half=True"):
        NASValidator(args={"model": str(nano), "device": "cpu", "half": True, "data": str(tmp_path)})()


def test_what_does_not_belong_to_a_model_is_refused(nano: Path, exported: str) -> None:
    zoo = ModelZoo.discover()
    for load, settings, message in (
        (NAS, {"threads": 2}, r"threads=2 is for OpenVINO and ONNX Runtime; torch has torch\.set_num_threads"),
        (NAS, {"calibration": "images"}, "calibration= is for precision='int8', not 'fp32'"),
        (open_lean, {"device": "cuda"}, "runs on the CPU, .* and has no device"),
        (open_lean, {"compile": True, "device": 0}, "has no compile and no device"),
    ):
        with pytest.raises(RuntimeChoiceError, match=message):
            load(nano, **settings)
    for load, settings, message in (
        (NAS, {"calibration": "images"}, "has its own calibration"),
        (NAS, {"pretrained": False}, "has its own weights"),
        (open_lean, {"device": "cuda"}, "and has no device"),
        (open_lean, {"backend": "super-gradients"}, "has its own backend"),
        (LeanPredictor, {"runtime": "torch"}, "runtime='torch' doesn't open such a file"),
    ):
        with pytest.raises(RuntimeChoiceError, match=message):
            load(exported, **settings)
    for settings in ({"runtime": "onnxruntime"}, {"precision": "fp32"}, {"threads": 1}):
        with pytest.raises(RuntimeChoiceError, match="this runtime is open"):
            LeanPredictor(open_runtime(exported), **settings)
    for lean in (False, True):
        with pytest.raises(contract.SettingError, match="device"):
            zoo.load(exported, provider="yolo_nas", lean=lean, device="cuda")


# --- compile ---


def test_compiling_without_a_compiler_is_an_error() -> None:
    from torch._inductor import config

    # which puts its settings back; and torch would remember of this CPU, for the whole process, what no compiler can do
    with (
        config.patch({"cpp.cxx": ("/nowhere/c++",), "cpp.vec_isa_ok": True}),
        pytest.raises(RuntimeChoiceError, match="compile=True: torch can't compile the network here"),
    ):
        compiled_network(nn.Conv2d(3, 4, 1), True)(torch.zeros(1, 3, 8, 8))


@pytest.mark.exhaustive
@pytest.mark.parametrize("measured", [False, True])
def test_a_compiled_network_is_what_runs(measured: bool, nano: Path, tmp_path: Path) -> None:
    from torch._dynamo.utils import counters

    counters.clear()
    model = NAS(nano)
    if measured:
        model.val(data=str(small_data(tmp_path)), compile=True, imgsz=64, batch=1, verbose=False)
    else:
        found = model.predict(PICTURE, compile=True, imgsz=64, **QUIET)[0].boxes.data.numpy()
        assert_same_boxes(found, NAS(nano).predict(PICTURE, imgsz=64, **QUIET)[0].boxes.data.numpy(), atol=0.05)
    assert counters["stats"]["unique_graphs"] >= 1
    assert counters["inductor"]


# --- size ---


@pytest.mark.parametrize("runtime", ["torch", "openvino", "onnxruntime"])
def test_the_network_sees_the_canvas_that_was_asked_for(runtime: str, nano: Path, image: Path, tmp_path: Path) -> None:
    model = NAS(nano, runtime=runtime)
    asked = {
        (): (SIZE, SIZE),
        (("imgsz", 96),): (96, 96),
        (("imgsz", (64, 128)),): (64, 128),
        (("rect", True),): (128, SIZE),  # of 120 x 150, brought to 128 x 160
        (("rect", True), ("imgsz", 96)): (96, 96),  # 77 x 96
        (("rect", True), ("imgsz", 320)): (256, 320),
    }
    for settings, size in asked.items():
        with watched_canvases() as seen:
            model.predict(PICTURE, **QUIET, **dict(settings))
        assert seen == [(1, 3, *size)], settings
    with watched_canvases() as seen:
        model.predict([str(image)] * 3, batch=2, imgsz=64, **QUIET)
    assert seen == [(2, 3, 64, 64), (1, 3, 64, 64)]
    with watched_canvases() as seen:
        model.val(data=str(small_data(tmp_path)), imgsz=96, batch=2, verbose=False)
    assert {shape[1:] for shape in seen} == {(3, 96, 96)}


def test_val_has_no_rectangular_input(model: NAS, tmp_path: Path) -> None:
    with pytest.raises(RuntimeChoiceError, match="rect=True"):
        model.val(data=str(tmp_path), rect=True)
