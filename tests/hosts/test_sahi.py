"""SAHI itself, from Python and from its command line. ``make hosts`` has its environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from sahi import AutoDetectionModel
from sahi.models.base import DetectionModel
from sahi.predict import get_prediction, get_sliced_prediction
from sahi.prediction import ObjectPrediction, PredictionResult

from tests.hosts.conftest import DETECTORS, HEIGHT, WIDTH, Known
from tests.support.bccd import Rows, agreement
from yolonas_plugin import NAS
from yolonas_plugin.errors import CheckpointError, TaskError, WeightsNotFoundError
from yolonas_plugin.hosts.sahi import register

pytestmark = pytest.mark.usefixtures("one_thread")

CONF = 0.4
TILES = 4


@pytest.fixture(scope="module")
def model(known: Known) -> DetectionModel:
    register()
    return AutoDetectionModel.from_pretrained(
        "yolo_nas", model_path=known.weights, confidence_threshold=CONF, device="cpu"
    )


def rows(predictions: list[ObjectPrediction]) -> Rows:
    found = [(*p.bbox.to_xyxy(), p.score.value, p.category.id) for p in predictions]
    return np.array(found, dtype=np.float64).reshape(-1, 6)


@pytest.fixture(scope="module")
def expected(known: Known) -> list[Rows]:
    """What ``NAS.predict`` finds in the first images; boxes may reach out of them."""
    results = NAS(known.weights).predict(known.images[:TILES], conf=CONF, verbose=False)
    return [result.boxes.data.double().numpy() for result in results]


def clipped(found: Rows, height: int, width: int) -> Rows:
    corners = found[:, :4].reshape(-1, 2, 2).clip(0, (width, height))
    return np.hstack((corners.reshape(-1, 4), found[:, 4:]))


def assert_equal(found: Rows, wanted: Rows) -> None:
    assert len(wanted) > 5
    iou, score = agreement(found, wanted)
    assert iou > 0.999
    assert score < 1e-5


def sliced(image: np.ndarray, model: DetectionModel, batch_size: int = 1) -> PredictionResult:
    """Predict with slices that are the images of the canvas; nothing is merged but what is equal."""
    return get_sliced_prediction(
        image,
        model,
        slice_height=HEIGHT,
        slice_width=WIDTH,
        overlap_height_ratio=0,
        overlap_width_ratio=0,
        perform_standard_pred=False,
        postprocess_type="NMS",
        postprocess_match_metric="IOU",
        postprocess_match_threshold=0.999,
        batch_size=batch_size,
        verbose=0,
    )


@pytest.fixture(scope="module")
def canvas(known: Known) -> np.ndarray:
    """Four images, two by two, RGB."""
    tiles = [cv2.imread(str(path))[..., ::-1] for path in known.images[:TILES]]
    return np.vstack([np.hstack(tiles[:2]), np.hstack(tiles[2:])])


@DETECTORS
def test_whole_images_give_the_boxes_of_predict(known: Known, model: DetectionModel, expected: list[Rows]) -> None:
    for path, wanted in zip(known.images[:TILES], expected, strict=True):
        found = get_prediction(str(path), model).object_prediction_list
        assert_equal(rows(found), clipped(wanted, HEIGHT, WIDTH))
        assert [p.category.name for p in found] == [known.names[p.category.id] for p in found]


@DETECTORS
@pytest.mark.parametrize("batch_size", [1, TILES])
def test_slices_of_a_large_image_give_the_boxes_of_each(
    batch_size: int, model: DetectionModel, canvas: np.ndarray, expected: list[Rows]
) -> None:
    found = rows(sliced(canvas, model, batch_size).object_prediction_list)
    wanted = []
    for index, tile in enumerate(expected):
        inside = clipped(tile, HEIGHT, WIDTH)
        inside[:, :4] += 2 * (index % 2 * WIDTH, index // 2 * HEIGHT)
        wanted.append(inside)
    assert_equal(found, np.vstack(wanted))


def test_a_model_with_settings_of_its_own(known: Known, expected: list[Rows]) -> None:
    register()
    nas = NAS(known.weights, processing=replace(NAS(known.weights).processing, max_detections=5))
    model = AutoDetectionModel.from_pretrained("yolo_nas", model=nas, confidence_threshold=CONF, device="cpu")
    found = rows(get_prediction(str(known.images[0]), model).object_prediction_list)
    assert model.model is nas
    assert len(found) == 5 < len(expected[0])


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("nothing.pt", None, WeightsNotFoundError, r"nothing\.pt"),
        ("letter.pt", b"dear reader", CheckpointError, r"letter\.pt"),
        (None, None, WeightsNotFoundError, "name them with model_path="),
    ],
    ids=["missing", "no weights", "not named"],
)
def test_wrong_weights_are_named(
    name: str | None, content: bytes | None, error: type[Exception], message: str, tmp_path: Path
) -> None:
    register()
    path = None if name is None else tmp_path / name
    if path is not None and content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=message):
        AutoDetectionModel.from_pretrained("yolo_nas", model_path=path and str(path), device="cpu")


def run(code: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *code]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_the_command_line_writes_its_result(known: Known, expected: list[Rows], tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    path = tmp_path / "images" / known.images[0].name
    path.symlink_to(known.images[0].resolve())
    coco = {
        "images": [{"id": 1, "file_name": path.name, "height": HEIGHT, "width": WIDTH}],
        "annotations": [],
        "categories": [{"id": i, "name": name} for i, name in enumerate(known.names)],
    }
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    settings = {
        "model_type": "yolo_nas",
        "model_path": known.weights,
        "model_confidence_threshold": CONF,
        "model_device": "cpu",
        "source": "images",
        "dataset_json_path": "coco.json",
        "project": "out",
        "name": "run",
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    command = ["-m", "yolonas_plugin.hosts.sahi", "predict", *options, "--no_sliced_prediction"]
    done = run(command, tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out" / "run" / "result.json").read_text())
    assert [item["category_name"] for item in found] == [known.names[item["category_id"]] for item in found]
    corners = [(x, y, x + width, y + height) for x, y, width, height in (item["bbox"] for item in found)]
    others = [(item["score"], item["category_id"]) for item in found]
    assert_equal(np.hstack((corners, others)), clipped(expected[0], HEIGHT, WIDTH))


def test_sahi_knows_nothing_of_it_until_asked(tmp_path: Path) -> None:
    code = (
        "import yolonas_plugin.hosts.sahi as ours, sahi.auto_model as sahi_s;"
        "models = sahi_s.MODEL_TYPE_TO_MODEL_CLASS_NAME;"
        "before = 'yolo_nas' in models; ours.register(); print(before, models['yolo_nas'])"
    )
    done = run(["-c", code], tmp_path)
    assert done.stdout.split() == ["False", "YoloNASDetectionModel"], done.stderr


def test_a_model_for_poses_is_refused(pose_weights: Path) -> None:
    register()
    with pytest.raises(TaskError, match=r"pose\.safetensors: this is a model of the task 'pose', and SAHI takes detec"):
        AutoDetectionModel.from_pretrained("yolo_nas", model_path=str(pose_weights), device="cpu")
    with pytest.raises(TaskError, match="SAHI takes detectors"):
        AutoDetectionModel.from_pretrained("yolo_nas", model=NAS(pose_weights), device="cpu")
