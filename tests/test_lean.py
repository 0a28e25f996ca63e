"""Prediction without torch and without the engine: the same detections, and neither is imported."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_zoo_api import Detections, errors
from tests.support.pictures import assert_same_boxes, picture
from tests.support.shapes import NAMES
from yolonas_plugin import NAS, ModelZoo
from yolonas_plugin.errors import (
    CheckpointError,
    DataNotFoundError,
    MissingExtraError,
    ProcessingError,
    RuntimeChoiceError,
)
from yolonas_plugin.images import open_images
from yolonas_plugin.lean import LeanPredictor, open_lean
from yolonas_plugin.results import to_results

RUNTIMES = ["openvino", "onnxruntime"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="module")
def exported(nano: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    output = tmp_path_factory.mktemp("exported")
    return NAS(nano).export(output=output, takes="pixels", gives="pair", dynamic=True, simplify=False)


def rows(found: Detections) -> np.ndarray:
    return np.column_stack((found.boxes, found.scores, found.labels))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "pictures"
    path.mkdir()
    for seed in range(6):
        cv2.imwrite(str(path / f"{seed}.png"), picture(seed, height=100 + 10 * seed))
    return path


@pytest.mark.parametrize("name", RUNTIMES)
def test_the_detections_of_predict(name: str, exported: str, model: NAS, folder: Path) -> None:
    predict = LeanPredictor(exported, runtime=name)
    assert (predict.names, predict.processing) == (model.names, model.processing)
    for settings in ({}, {"conf": 0.3, "max_det": 20}, {"classes": [1]}, {"imgsz": (96, 224)}, {"iou": 0.1}):
        results = model.predict(folder, verbose=False, **settings)
        found = predict(folder, **settings)
        assert [f.path for f in found] == [r.path for r in results]
        for mine, expected in zip(found, results, strict=True):
            assert_same_boxes(rows(mine), expected.boxes.data.numpy(), atol=0.05)
            np.testing.assert_array_equal(mine.image, expected.orig_img)


def test_defaults_are_given_once_and_calls_win(exported: str) -> None:
    predict = LeanPredictor(exported, conf=0.9)
    assert predict(picture())[0].scores.min() > 0.9
    assert predict(picture(), conf=0.5)[0].scores.min() < 0.9


def test_rectangular_input_gives_what_the_engine_s_path_gives(nano: Path, model: NAS) -> None:
    images = [picture(seed, 100, 300 - 60 * seed) for seed in range(3)]
    for found, one in zip(open_lean(nano)(images, rect=True), images, strict=True):
        (expected,) = model.predict(one, rect=True, verbose=False)
        assert_same_boxes(rows(found), expected.boxes.data.numpy(), atol=0.05)


def test_results_turn_into_the_engine_s_and_supervision_s(exported: str, model: NAS, image: Path) -> None:
    (found,) = LeanPredictor(exported)(image)
    (expected,) = model.predict(image, verbose=False)
    assert len(found) == len(expected.boxes)
    result = to_results(found)
    assert (result.path, result.names, result.orig_shape) == (str(image), model.names, (120, 150))
    assert_same_boxes(result.boxes.data.numpy(), expected.boxes.data.numpy(), atol=0.05)
    supervision = pytest.importorskip("supervision")
    detections = found.to_supervision()
    assert isinstance(detections, supervision.Detections)
    assert set(detections.data["class_name"]) <= set(NAMES)


@pytest.mark.parametrize("name", RUNTIMES)
def test_neither_torch_nor_the_engine_is_imported(name: str, exported: str, nano: Path, image: Path) -> None:
    open_lean(nano, runtime=name)  # makes what the other process finds
    program = """
        import sys
        from model_zoo_api import ModelZoo
        for source in sys.argv[2:4]:
            predict = ModelZoo.discover().predictor(
                source, provider="yolo_nas", runtime=sys.argv[1], lean=True, conf=0.6
            )
            (found,) = predict(sys.argv[4])
            assert len(found) > 5 and found.scores.min() > 0.6
        assert not {"torch", "torchvision", "ultralytics", "PIL", "matplotlib"} & set(sys.modules)
    """
    arguments = [name, exported, str(nano), str(image)]
    subprocess.run([sys.executable, "-c", textwrap.dedent(program), *arguments], check=True)


def test_a_weight_file_is_prepared_once(
    nano: Path,
    model: NAS,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path / "cache"))
    (expected,) = model.predict(picture(), verbose=False)
    assert_same_boxes(rows(open_lean(nano)(picture())[0]), expected.boxes.data.numpy(), atol=0.05)
    monkeypatch.setattr("yolonas_plugin.nas.NAS", None)
    assert_same_boxes(rows(open_lean(nano)(picture())[0]), expected.boxes.data.numpy(), atol=0.05)
    with pytest.raises(TypeError):
        open_lean(nano, names=["a", "b", "c"])  # other names are other files


def test_the_zoo_passes_options_of_the_loader_on(nano: Path) -> None:
    zoo = ModelZoo.discover()
    lean = zoo.predictor(nano, provider="yolo_nas", runtime="onnxruntime", lean=True, conf=0.6)
    assert isinstance(lean(picture())[0], Detections)
    (found,) = zoo.predictor(nano, provider="yolo_nas", runtime="onnxruntime", conf=0.6)(picture())
    assert_same_boxes(rows(lean(picture())[0]), rows(found), atol=1e-3)


def test_files_that_are_no_images_are_outcomes_with_an_error(exported: str, folder: Path) -> None:
    predict = LeanPredictor(exported)
    (folder / "2a.png").write_bytes(b"no image")
    (folder / "notes.txt").write_text("no image either")
    found = list(predict.stream(folder))
    assert [Path(f.path).name for f in found] == ["0.png", "1.png", "2.png", "2a.png", "3.png", "4.png", "5.png"]
    assert [f.index for f in found] == list(range(7))
    assert [Path(f.path).name for f in found if f.error] == ["2a.png"]
    (one,) = predict([folder / "2a.png"])
    assert (len(one), one.error) == (0, "8 bytes that are no image")


def test_every_kind_of_source(exported: str, folder: Path) -> None:
    predict = LeanPredictor(exported)
    path = folder / "1.png"
    pixels = cv2.imread(str(path))
    expected = rows(predict(path)[0])
    for source in (str(path), [path], pixels, [pixels], str(folder / "1*.png"), np.dstack((pixels, pixels[..., 0]))):
        (found,) = predict(source)
        np.testing.assert_allclose(rows(found), expected, atol=1e-3)
    assert [(found.path, found.index) for found in predict([pixels, path])] == [(None, 0), (str(path), 1)]
    assert predict([]) == []
    for source, said in {"nowhere.png": "No such file", 4: "a int is no image", "": "No such file"}.items():
        outcome, good = predict([source, path])
        assert said in outcome.error
        assert len(good) == len(expected)
    (outcome,) = predict(np.zeros((5, 5, 3)))
    assert "float64" in outcome.error


@pytest.mark.parametrize(
    ("source", "settings", "error", "message"),
    [
        ("nowhere*.png", {}, DataNotFoundError, "there is no image to be read"),
        (None, {}, errors.SourceError, "None"),
        ("", {}, errors.SourceError, "no image"),
        (3, {}, errors.SourceError, "3, which is no image"),
        (picture(), {"conf": 2}, ProcessingError, "conf=2"),
        (picture(), {"imgsz": 100}, ProcessingError, "multiples of 32"),
        (picture(), {"classes": [7]}, errors.SettingError, "classes are 0 to 2"),
        (picture(), {"colour": 7}, TypeError, "colour"),
    ],
)
def test_wrong_use_is_explained(
    source: object, settings: dict[str, object], error: type[Exception], message: str, exported: str
) -> None:
    predict = LeanPredictor(exported)
    with pytest.raises(error, match=message):
        predict(source, **settings)
    assert len(predict(picture())[0]) > 5


def test_wrong_files_are_explained(model: NAS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.onnx").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="can't open the file"):
        open_lean(tmp_path / "x.onnx")
    with pytest.raises(RuntimeChoiceError, match="selects boxes itself"):
        open_lean(model.export(output=tmp_path, gives="flat", simplify=False))
    monkeypatch.setattr("yolonas_plugin.runtimes.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'yolonas-plugin\[openvino\]'"):
        open_lean(tmp_path / "x.onnx")
    with pytest.raises(RuntimeChoiceError, match=r"pip install 'yolonas-plugin\[openvino\]'"):
        open_lean(tmp_path / "x.pt")


@pytest.mark.parametrize("name", RUNTIMES)
def test_threads_may_share_a_predictor(name: str, exported: str, folder: Path) -> None:
    predict = LeanPredictor(exported, runtime=name)
    expected = [rows(found) for found in predict(folder)]
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: predict(folder), range(6)):
            for mine, theirs in zip(found, expected, strict=True):
                np.testing.assert_allclose(rows(mine), theirs, atol=1e-3)


def test_images_are_opened_as_they_are_asked_for(folder: Path) -> None:
    """A folder of a million images costs a list of names."""
    opened = open_images(folder)
    assert Path(next(opened).path).name == "0.png"
    (folder / "1.png").unlink()
    assert next(opened).image is None


def test_hosts_say_to_the_zoo_what_the_loader_knows(nano: Path) -> None:
    zoo = ModelZoo.discover()
    predict = zoo.predictor(str(nano), provider="yolo_nas", lean=True, names=["a", "b", "c"], load={"threads": 1})
    assert set(predict(picture())[0].names.values()) == {"a", "b", "c"}
    with pytest.raises(RuntimeChoiceError, match="a lean model only predicts"):
        zoo.validator(str(nano), provider="yolo_nas", lean=True)


def test_boxes_of_all_classes_may_suppress_each_other(exported: str, model: NAS) -> None:
    predict = LeanPredictor(exported)
    (expected,) = model.predict(picture(), agnostic_nms=True, iou=0.2, conf=0.1, verbose=False)
    (found,) = predict(picture(), agnostic_nms=True, iou=0.2, conf=0.1)
    assert_same_boxes(rows(found), expected.boxes.data.numpy(), atol=0.05)
    assert len(found) < len(predict(picture(), iou=0.2, conf=0.1)[0])


def test_batch_is_the_images_that_the_runtime_gets_at_a_time(exported: str, folder: Path) -> None:
    predict = LeanPredictor(exported)
    start, seen = predict.runtime.start, []
    predict.runtime.start = lambda pixels: seen.append(len(pixels)) or start(pixels)
    expected = [rows(found) for found in predict(folder, batch=6)]
    assert seen == [6]
    for found, rows_of_six in zip(predict(folder, batch=1), expected, strict=True):
        np.testing.assert_allclose(rows(found), rows_of_six, atol=1e-3)
    assert seen == [6] + [1] * 6
    seen.clear()
    assert len(list(predict.stream(folder, batch=np.int64(6), rect=True))) == 6
    assert seen == [6]


def test_what_the_engine_alone_can_do_is_taken_where_it_asks_for_nothing(exported: str) -> None:
    predict = LeanPredictor(exported)
    nothing = {"device": "cpu", "half": False, "compile": False, "vid_stride": 1, "verbose": False}
    np.testing.assert_array_equal(rows(predict(picture(), **nothing)[0]), rows(predict(picture())[0]))
    for name, value in {"device": 0, "half": True, "compile": "default", "vid_stride": 2, "verbose": True}.items():
        with pytest.raises(errors.SettingError, match=f"no setting '{name}' but {name}={nothing[name]!r}"):
            predict(picture(), **{name: value})
