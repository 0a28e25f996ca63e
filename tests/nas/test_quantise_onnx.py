"""int8 on ONNX Runtime: what is quantised and what isn't, kept like other graphs, by NAS and by lean prediction."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.engine import runtime_of
from tests.support.pictures import picture
from tests.support.pose import HAND, pose_model
from yolonas_plugin import NAS
from yolonas_plugin.errors import RuntimeChoiceError
from yolonas_plugin.lean import LeanPredictor, open_lean
from yolonas_plugin.nas.inference import chosen, make_graph, make_runtime
from yolonas_plugin.runtimes import RuntimeChoice, open_runtime
from yolonas_plugin.runtimes.openvino import types_of_convolutions

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
PICTURES = [picture(seed, height=100 + 10 * seed) for seed in range(3)]
INT8 = {"runtime": "onnxruntime", "precision": "int8"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(cache))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("images")
    for index, image in enumerate(PICTURES):
        cv2.imwrite(str(folder / f"{index}.png"), image)
    return str(folder)


@pytest.fixture(scope="module")
def quantised(nano: Path, images: str, cache: Path) -> Path:
    """The file of the detector in int8."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("YOLONAS_WEIGHTS", str(cache))
        module: Any = NAS(nano).model
        return make_graph(module, chosen(**INT8, calibration=images))


def never(*_: object) -> None:
    raise AssertionError("it is there")


def predict_by(open_it: Any, *given: Any, **settings: Any) -> None:
    """Open a model, and predict with it; lean prediction makes what it needs while it opens."""
    open_it(*given, **settings).predict(PICTURES[0], verbose=False)


def operations(file: Path, folder: Path) -> dict[str, list[str]]:
    """Names of the operations by type, of what ONNX Runtime makes of a file on any CPU."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    found: dict[str, list[str]] = {}
    for node in onnx.load(folder / "optimised.onnx").graph.node:
        found.setdefault(node.op_type, []).append(node.name)
    return found


# --- what is quantised ---


def test_what_is_quantised_is_computed_in_integers(quantised: Path, tmp_path: Path) -> None:
    """A pair that ONNX Runtime doesn't fuse costs more than it saves: twice the time with ReLUs left out."""
    found = operations(quantised, tmp_path)
    exact = [name for kind in ("Conv", "FusedConv") for name in found.get(kind, [])]
    assert len(found["QLinearConv"]) > 50
    assert len(exact) == 9  # for each of three strides: what gives scores, and the two before the boxes' distances
    assert all(part in "".join(exact) for part in ("cls_pred", "reg_pred", "reg_convs"))
    inside = [name for kind in ("Relu", "Add", "Mul", "Concat") for name in found.get(kind, []) if "/neck" in name]
    assert not inside
    assert not [name for name in found.get("Relu", []) if "reg_convs" not in name]


@pytest.mark.exhaustive
def test_what_gives_keypoints_boxes_and_scores_stays_as_it_is(images: str, tmp_path: Path) -> None:
    module: Any = pose_model(HAND).model
    file = make_graph(module, chosen(**INT8, calibration=images))
    found = operations(file, tmp_path)
    exact = {name.split("/heads/")[-1] for kind in ("Conv", "FusedConv") for name in found.get(kind, [])}
    assert len(found["QLinearConv"]) > 50
    for part in ("pose_convs", "pose_pred", "reg_convs", "reg_pred", "cls_pred"):
        assert [name for name in exact if part in name], part
        assert not [name for name in found["QLinearConv"] if part in name], part
    for kind in ("Softmax", "Sigmoid", "MatMul", "Sub"):  # of the decoding
        assert found[kind]
    assert not {"QLinearSoftmax", "QLinearSigmoid", "QLinearMatMul"} & set(found)
    assert all("bottlenecks" in name for name in found.get("QLinearMul", []))


def _exact(module: Any) -> Path:
    return make_graph(module, RuntimeChoice(name="onnxruntime"))


def _pixels(module: Any) -> np.ndarray:
    return np.stack([module.processing.letterbox(image)[0] for image in PICTURES])


def test_weights_have_seven_bits_and_a_step_for_each_channel(quantised: Path) -> None:
    """With eight, CPUs without VNNI overflow."""
    graph = onnx.load(quantised).graph
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights = [name for name, value in values.items() if value.dtype == np.int8 and value.ndim == 4]
    steps = {
        node.input[0]: values[node.input[1]]
        for node in graph.node
        if node.op_type == "DequantizeLinear"
        if node.input[0] in values
    }
    zeros = {
        node.input[0]: values[node.input[2]]
        for node in graph.node
        if node.op_type == "DequantizeLinear"
        if node.input[0] in values
    }
    assert len(weights) > 50
    for name in weights:
        assert np.abs(values[name].astype(int)).max() == 64
        assert steps[name].size in values[name].shape[:2]
        assert steps[name].size > 1
        assert not zeros[name].any()


def test_boxes_are_near_those_of_fp32(nano: Path, images: str) -> None:
    model = NAS(nano, **INT8, calibration=images)
    pixels = _pixels(model.model)
    found, expected = make_runtime(model.model, model.runtime)(pixels), open_runtime(_exact(model.model))(pixels)
    for name, mine, theirs, most in (("boxes", found[0], expected[0], 2.5), ("scores", found[1], expected[1], 0.06)):
        away = np.abs(mine - theirs)
        assert np.median(away) > 1e-4, name  # and aren't fp32's
        assert np.median(away) < most, (name, np.median(away))
    assert all(len(result.boxes) for result in model.predict(PICTURES, verbose=False, conf=0.5))


# --- kept like other graphs ---


def test_it_is_made_once_for_each_set_of_images(
    nano: Path, quantised: Path, images: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yolonas_plugin.export.quantise_onnx.quantise_onnx", never)
    model = NAS(nano, **INT8, calibration=f"{images}/*.png")
    model.predict(PICTURES[0], verbose=False)
    assert runtime_of(model).path == quantised
    assert runtime_of(model).precision == model.runtime.precision == "int8"
    assert [file.name for file in quantised.parent.iterdir()] == ["model.onnx"]
    assert "onnx.quant" not in str(onnx.load(quantised).metadata_props)
    with pytest.raises(AssertionError, match="it is there"):
        NAS(nano, **INT8, calibration=PICTURES[:2]).predict(PICTURES[0], verbose=False)


def test_each_runtime_has_its_own(nano: Path, images: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenVINO's is another file, which ONNX Runtime can't open."""
    lean = open_lean(nano, **INT8, calibration=images)
    assert (lean.runtime.name, lean.runtime.precision) == ("onnxruntime", "int8")
    for open_it in (NAS, open_lean):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("yolonas_plugin.export.quantise.quantise", never)
            with pytest.raises(AssertionError, match="it is there"):
                predict_by(open_it, nano, runtime="openvino", precision="int8", calibration=images)


def test_lean_prediction_finds_it_without_torch_and_onnx(nano: Path, images: str) -> None:
    (expected,) = open_lean(nano, **INT8, calibration=images)(PICTURES[0], conf=0.5)
    program = """
        import sys
        from yolonas_plugin.lean import open_lean
        (found,) = open_lean(sys.argv[1], runtime="onnxruntime", precision="int8", calibration=sys.argv[2])(
            sys.argv[2] + "/0.png", conf=0.5)
        assert not {"torch", "ultralytics", "onnx", "onnxruntime.quantization"} & set(sys.modules)
        print(len(found))
    """
    command = [sys.executable, "-c", textwrap.dedent(program), nano, images]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ))
    assert int(done.stdout) == len(expected) > 0


# --- what doesn't fit ---


def test_a_quantised_file_is_in_int8_only(quantised: Path) -> None:
    for open_it in (NAS, LeanPredictor):
        assert open_it(quantised, runtime="onnxruntime").runtime.precision == "int8"
        assert open_it(quantised, **INT8).runtime.precision == "int8"
        for runtime in ("onnxruntime", "openvino"):
            with pytest.raises(RuntimeChoiceError, match=r"was quantised to int8; it can't run in precision='fp32'"):
                open_it(quantised, runtime=runtime, precision="fp32")
        with pytest.raises(RuntimeChoiceError, match="runs an exported file in fp32, not precision='bf16'"):
            open_it(quantised, runtime="onnxruntime", precision="bf16")


def test_openvino_computes_in_int8_with_it_too(quantised: Path) -> None:
    pixels = np.stack([NAS(quantised).processing.letterbox(image)[0] for image in PICTURES])
    other, mine = open_runtime(quantised, "openvino"), open_runtime(quantised, "onnxruntime")
    assert other.precision == "int8"
    boxes, scores = other(pixels)
    assert types_of_convolutions(list(other._compiled.values())[-1][0]) & {"u8", "i8"}
    assert np.median(np.abs(boxes - mine(pixels)[0])) < 1.5
    assert np.median(np.abs(scores - mine(pixels)[1])) < 0.05


def test_a_file_that_was_not_quantised_is_not_in_int8(nano: Path) -> None:
    file = _exact(NAS(nano).model)
    for open_it in (NAS, LeanPredictor):
        with pytest.raises(RuntimeChoiceError, match="in fp32, not precision='int8'; int8 is made from the weights"):
            open_it(file, **INT8)


@pytest.mark.parametrize(
    ("calibration", "message"),
    [
        (None, "precision='int8' is calibrated on your images"),
        ("text.jpg", r"calibration=.*text\.jpg.*could not read an image"),
        ("none", "there is no such file or folder"),
    ],
)
def test_images_are_needed(nano: Path, calibration: str | None, message: str, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    before = sorted(cache.rglob("*.onnx"))
    for open_it in (NAS, open_lean):
        with pytest.raises((RuntimeChoiceError, FileNotFoundError), match=message):
            predict_by(open_it, nano, **INT8, calibration=calibration and tmp_path / calibration)
    assert len(sorted(cache.rglob("*.onnx"))) <= len(before) + 1  # that of fp32, which it would be made from


# --- quiet ---


@pytest.mark.exhaustive
def test_it_leaves_nothing_behind_and_says_nothing(
    nano: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path / "cache"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    handlers = Counter(logging.root.handlers)
    module: Any = NAS(nano).model
    make_graph(module, chosen(**INT8, calibration=PICTURES[:1]))
    assert Counter(logging.root.handlers) == handlers  # ONNX Runtime's quantiser would configure it with its advice
    assert not list((tmp_path / "tmp").iterdir())
    assert capfd.readouterr() == ("", "")
