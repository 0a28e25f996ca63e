"""Poses by every runtime: ``NAS`` and lean prediction find the same persons with the same keypoints."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from exhaustive import exhaustive
from model_zoo_api import Detections
from tests.support.bf16 import openvino_has_bf16
from tests.support.pictures import assert_same_boxes, picture
from tests.support.pose import HAND, pose_model
from yolonas_plugin import NAS
from yolonas_plugin.errors import YoloNASPluginError
from yolonas_plugin.lean import LeanPredictor
from yolonas_plugin.nas.inference import chosen, make_runtime
from yolonas_plugin.runtimes import open_runtime

PICTURES = [picture(seed, height=100 + 20 * seed) for seed in range(3)]
BOUND = 0.05
"""Of boxes and keypoints, in pixels of the input, as for detection."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "cache"


@pytest.fixture(autouse=True)
def _own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(cache))


@pytest.fixture(scope="module")
def model() -> NAS:
    return pose_model(HAND)


@pytest.fixture(scope="module")
def exported(model: NAS, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("exported")
    return model.export(output=folder, takes="pixels", gives="pair", dynamic=True, simplify=False)


def rows(result: Any) -> np.ndarray:
    """Box, score, class and keypoints of each person [N, 6 + 3K], of the engine's result or of the contract's."""
    if isinstance(result, Detections):
        assert result.keypoints.shape[1:] == (len(HAND), 3)
        boxes, keypoints = (result.boxes, result.scores, result.labels), result.keypoints
    else:
        boxes, keypoints = (result.boxes.data.numpy(),), result.keypoints.data.numpy()
    return np.column_stack((*boxes, keypoints.reshape(len(keypoints), -1)))


def found_by(model: NAS, **settings: Any) -> list[np.ndarray]:
    found = [rows(result) for result in model.predict(PICTURES, conf=0.3, verbose=False, **settings)]
    assert all(len(each) > 3 for each in found)
    return found


def assert_same(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for mine, theirs, image in zip(found, expected, PICTURES, strict=True):
        assert_same_boxes(mine, theirs, atol=BOUND * max(image.shape[:2]) / 96)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_a_network_by_other_runtimes(runtime: str, model: NAS) -> None:
    other = pose_model(HAND)
    other.runtime = chosen(runtime, None, None)
    assert_same(found_by(other), found_by(model))
    assert_same(found_by(other, imgsz=(96, 160)), found_by(model, imgsz=(96, 160)))


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_an_exported_file_is_a_model(runtime: str, exported: str, model: NAS, tmp_path: Path) -> None:
    found = NAS(exported, runtime=runtime)
    assert (found.task, found.names, found.processing) == ("pose", model.names, model.processing)
    assert found.model.about.skeleton == HAND
    assert found.model.kpt_shape == [len(HAND), 3]
    assert_same(found_by(found), found_by(model))
    with pytest.raises(YoloNASPluginError, match="needs the weights that it was made from"):
        found.export(output=tmp_path)


@pytest.mark.parametrize("form", [{"format": "onnx"}, exhaustive({"format": "openvino", "takes": "super-gradients"})])
def test_other_forms_are_models_too(form: dict[str, Any], model: NAS, tmp_path: Path) -> None:
    assert_same(found_by(NAS(model.export(output=tmp_path, **form))), found_by(model))


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_lean_prediction(runtime: str, exported: str, model: NAS) -> None:
    predict = LeanPredictor(exported, runtime=runtime, conf=0.3)
    assert_same([rows(found) for found in predict(PICTURES)], found_by(model))
    (found,) = predict(np.zeros_like(PICTURES[0]), conf=1.0)
    assert found.keypoints.shape == (0, len(HAND), 3)


def test_lean_prediction_imports_neither_torch_nor_the_engine(exported: str, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), PICTURES[0])
    program = """
        import sys
        from yolonas_plugin.lean import open_lean
        (found,) = open_lean(sys.argv[1], runtime="onnxruntime")(sys.argv[2], conf=0.3)
        assert len(found) > 3 and found.keypoints.shape == (len(found), 5, 3)
        assert not {"torch", "torchvision", "ultralytics", "PIL", "matplotlib"} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program), exported, str(tmp_path / "a.png")], check=True)


@pytest.mark.skipif(not openvino_has_bf16(), reason="this CPU has no bf16")
def test_bf16_is_near(exported: str, model: NAS) -> None:
    pixels = np.stack([model.processing.letterbox(image)[0] for image in PICTURES])
    found, expected = (open_runtime(exported, "openvino", precision)(pixels) for precision in ("bf16", "fp32"))
    away = np.abs(found[2] - expected[2])  # of keypoints, in pixels
    assert 1e-3 < np.median(away) < 2  # offsets of several strides, which weights that are trained have not
    assert np.abs(found[3] - expected[3]).mean() < 0.05
    results = NAS(exported, runtime="openvino", precision="bf16").predict(PICTURES, conf=0.3, verbose=False)
    assert all(len(each.keypoints) > 3 for each in results)


@pytest.mark.exhaustive
def test_int8_leaves_the_keypoints_convolutions_as_they_are(tmp_path: Path) -> None:
    """A step of int8 would be pixels there; what is before them, the neck's, is quantised."""
    made = pose_model(HAND)
    images = [str(tmp_path / f"{seed}.png") for seed in range(4)]
    for seed, path in enumerate(images):
        cv2.imwrite(path, picture(seed))
    runtime = make_runtime(made.model, chosen("openvino", "int8", images))
    assert runtime.precision == "int8"
    quantised, exact = set(), set()
    for operation in runtime._model.get_ops():
        if operation.get_type_name() == "Convolution":
            source = operation.input_value(0).get_node().get_type_name()
            (quantised if source == "FakeQuantize" else exact).add(operation.get_friendly_name())
    assert len(quantised) > 30
    assert {name.split("/heads/")[-1] for name in exact if "pose_convs" in name or "pose_pred" in name}
    assert not [name for name in quantised if "pose_convs" in name or "pose_pred" in name or "reg_pred" in name]
