"""supervision's own reader of the engine's results, and ours of lean detections, agree."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import supervision

from model_zoo_api import ModelZoo
from yolonas_plugin import NAS
from yolonas_plugin.lean import LeanPredictor, open_lean
from yolonas_plugin.results import to_results
from yolonas_plugin.skeleton import COCO_PERSON

NAME = "yolo_nas_n_layout"


@pytest.fixture
def predict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LeanPredictor:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path))
    return open_lean(NAME, runtime="onnxruntime")


def test_lean_detections_are_what_supervision_makes_of_results(predict: LeanPredictor, page: np.ndarray) -> None:
    for conf in (0.25, 1.0):  # many, and none
        (found,) = predict(page, conf=conf)
        ours, theirs = found.to_supervision(), supervision.Detections.from_ultralytics(to_results(found))
        assert ours == theirs
        assert (len(ours) > 10) == (conf < 1)
        for name in ("xyxy", "confidence", "class_id"):
            assert getattr(ours, name).dtype == getattr(theirs, name).dtype


def test_and_of_what_nas_predicts(predict: LeanPredictor, page: np.ndarray) -> None:
    ours = predict(page)[0].to_supervision()
    theirs = supervision.Detections.from_ultralytics(NAS(NAME).predict(page, verbose=False)[0])
    np.testing.assert_allclose(ours.xyxy, theirs.xyxy, atol=0.05)
    np.testing.assert_allclose(ours.confidence, theirs.confidence, atol=1e-4)
    np.testing.assert_array_equal(ours.class_id, theirs.class_id)
    np.testing.assert_array_equal(ours["class_name"], theirs["class_name"])


def test_keypoints_are_what_supervision_makes_of_results(pose_weights: Path, image: Path) -> None:
    with ModelZoo.discover().predictor(str(pose_weights), provider="yolo_nas") as predict:
        (found,), (none,) = predict(str(image)), predict(str(image), conf=1.0)
    for one in (found, none):
        ours, theirs = one.to_supervision_keypoints(), supervision.KeyPoints.from_ultralytics(to_results(one))
        assert len(ours) == len(theirs) == len(one)
    ours, theirs = found.to_supervision_keypoints(), supervision.KeyPoints.from_ultralytics(found.native)
    assert len(ours) > 3
    for name in ("xy", "class_id", "keypoint_confidence"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-6)
        assert getattr(ours, name).dtype == getattr(theirs, name).dtype
    np.testing.assert_array_equal(ours["class_name"], theirs["class_name"])
    assert (found.keypoint_names, found.edges) == (COCO_PERSON.names, COCO_PERSON.edges)
    edges = [(start + 1, end + 1) for start, end in found.edges]
    blank = np.zeros_like(cv2.imread(str(image)))
    assert supervision.EdgeAnnotator(edges=edges).annotate(blank, ours).any()
