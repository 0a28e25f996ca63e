"""supervision's own reader of the engine's results, and ours of lean detections, agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import supervision

from yolonas_plugin import NAS
from yolonas_plugin.lean import LeanPredictor, open_lean
from yolonas_plugin.results import to_results

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
