"""Keypoint AP of ``val`` is that of COCO's own program, by the same detections; data that can't be measured."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.support.figures import noisy, write_figures
from tests.support.pose import HAND, SIZE, pose_model
from tests.support.shapes import write_shapes
from yolonas_plugin import NAS
from yolonas_plugin.boxes import tensors
from yolonas_plugin.errors import SettingError, SourceError
from yolonas_plugin.nas import NASValidator, inference, val
from yolonas_plugin.processing import POSE
from yolonas_plugin.skeleton import COCO_PERSON, Skeleton

SETTINGS: dict[str, Any] = {"workers": 0, "batch": 4, "verbose": False, "exist_ok": True, "imgsz": SIZE}
CLOSE = 0.002


def by_coco(annotations: Path, predictions: Path, kind: str, sigmas: Any = None) -> np.ndarray:
    """What pycocotools says: AP, AP at 0.5, AP at 0.75."""
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO(str(annotations))
        found = cocoeval.COCOeval(truth, truth.loadRes(str(predictions)), kind)
        if sigmas is not None:
            found.params.kpt_oks_sigmas = np.array(sigmas)
        found.evaluate()
        found.accumulate()
        found.summarize()
    return found.stats[:3]


def measured(metrics: Any) -> np.ndarray:
    ap = metrics.pose.all_ap[0]
    return np.array([metrics.pose.map, ap[0], ap[5]])


class Told:
    """In the network's place: detections that are known, whatever the image, in the order of the images."""

    def __init__(self, data: dict[str, Any], found: dict[int, np.ndarray], count: int) -> None:
        self.count = count
        self.images = sorted(data["images"], key=lambda image: image["file_name"])
        self.found = found
        self.at = 0

    def __call__(self, pixels: Tensor) -> tuple[Tensor, ...]:
        parts = [self._outputs(self.images[self.at + i]) for i in range(len(pixels))]
        self.at += len(pixels)
        padded = [torch.nn.utils.rnn.pad_sequence(list(each), batch_first=True) for each in zip(*parts, strict=True)]
        return tuple(padded)

    def _outputs(self, image: dict[str, Any]) -> tuple[Tensor, ...]:
        spec = POSE.with_size((SIZE, SIZE))
        _, placement = spec.letterbox(np.zeros((image["height"], image["width"], 3), np.uint8), truncate=True)
        rows = self.found[image["id"]]
        boxes = placement.to_input(rows[:, :4])
        points = placement.points_to_input(rows[:, 6:].reshape(-1, self.count, 3))
        return tuple(
            torch.from_numpy(np.ascontiguousarray(part, np.float32))
            for part in (boxes, rows[:, 4:5], points[..., :2], points[..., 2])
        )


def _measure(
    model: NAS, annotations: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, noise: float, count: int
) -> tuple[Any, Path]:
    data = json.loads(annotations.read_text())
    told = Told(data, noisy(data, count, noise), count)
    monkeypatch.setattr(
        val, "inference_module", lambda source, *args, **kwargs: inference.InferenceModule(source, told)
    )
    settings = {**SETTINGS, "project": str(folder), "name": "run", "save_json": True, "iou": 1.0}
    return model.val(data=str(annotations), **settings), folder / "run/predictions.json"


@pytest.mark.parametrize("noise", [0.03, 0.1])
@pytest.mark.parametrize("skeleton", [COCO_PERSON, HAND], ids=["17", "5"])
def test_keypoint_ap_is_cocos(
    skeleton: Skeleton, noise: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With crowds, figures without labelled keypoints, areas of their own and more than twenty detections."""
    annotations = write_figures(tmp_path / "data", skeleton)
    model = pose_model(skeleton)
    model.model.names = {0: "person"}
    metrics, predictions = _measure(model, annotations, tmp_path, monkeypatch, noise, len(skeleton))
    sigmas = None if skeleton is COCO_PERSON else [1 / len(skeleton)] * len(skeleton)
    expected = by_coco(annotations, predictions, "keypoints", sigmas)
    assert 0.02 < expected[0] < 0.98
    np.testing.assert_allclose(measured(metrics), expected, atol=CLOSE)
    assert metrics.results_dict["metrics/mAP50-95(P)"] == pytest.approx(expected[0], abs=CLOSE)


@pytest.mark.parametrize("noise", [0.02, 0.05])
def test_keypoint_ap_of_people_is_cocos(
    shared_data: Path, noise: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotations = shared_data / "pose_minicoco/annotations/person_keypoints_val2017.json"
    metrics, predictions = _measure(pose_model(), annotations, tmp_path, monkeypatch, noise, 17)
    expected = by_coco(annotations, predictions, "keypoints")
    assert 0.02 < expected[0] < 0.98
    np.testing.assert_allclose(measured(metrics), expected, atol=CLOSE)


def test_what_a_network_finds_is_measured_and_written(tmp_path: Path) -> None:
    annotations = write_figures(tmp_path / "data", images=4)
    settings = {**SETTINGS, "project": str(tmp_path), "name": "run", "conf": 0.5}
    model = pose_model()
    metrics = model.val(data=str(annotations), save_json=True, save_txt=True, plots=True, **settings)
    expected = by_coco(annotations, tmp_path / "run/predictions.json", "keypoints")
    np.testing.assert_allclose(measured(metrics), expected, atol=CLOSE)
    written = json.loads((tmp_path / "run/predictions.json").read_text())
    first = [row for row in written if row["image_id"] == 1]
    (result,) = model.predict(tmp_path / "data/images/001.png", verbose=False, conf=0.5)
    assert len(first) > 1
    assert {len(row["keypoints"]) for row in written} == {51}
    near = result.keypoints.data.flatten(1).numpy()
    assert np.abs(np.array([row["keypoints"] for row in first])[:, None] - near).max(axis=2).min(axis=1).max() < 1
    labels = (tmp_path / "run/labels/001.txt").read_text().splitlines()
    assert {len(line.split()) for line in labels} == {5 + 51}
    assert (tmp_path / "run/val_batch0_pred.jpg").exists()
    assert (tmp_path / "run/PosePR_curve.png").exists()


def test_the_table_has_both(tmp_path: Path) -> None:
    validator = NASValidator(args={"task": "pose"}, save_dir=tmp_path)
    assert validator.get_desc().split() == [
        *("Class", "Images", "Instances", "Box(P", "R", "mAP50", "mAP50-95)", "Pose(P", "R", "mAP50", "mAP50-95)")
    ]
    assert len(validator.metrics.keys) == 8
    assert len(NASValidator(save_dir=tmp_path).metrics.keys) == 4


def test_a_validator_measures_whatever_task_its_model_has(tmp_path: Path) -> None:
    annotations = write_figures(tmp_path / "data", images=2)
    validator = NASValidator(args={"data": str(annotations), **SETTINGS}, save_dir=tmp_path)
    assert "metrics/mAP50-95(P)" in validator(model=pose_model().model)
    with pytest.raises(SettingError, match="by a model of task pose"):
        NASValidator(args={"task": "detect", "data": str(annotations)}, save_dir=tmp_path)(model=pose_model().model)


def test_data_with_other_keypoints_or_none_are_refused(tmp_path: Path) -> None:
    annotations = write_figures(tmp_path / "data", HAND, images=2)
    with pytest.raises(SourceError, match="the data have 5 keypoints, the model predicts 17"):
        pose_model().val(data=str(annotations), **SETTINGS)
    with pytest.raises(SourceError, match="keypoints"):
        pose_model().val(data=str(write_shapes(tmp_path)), **SETTINGS)


def test_selection_takes_super_gradients_number_of_candidates() -> None:
    assert val.MEASURED["pose"].candidates == 300
    assert val.MEASURED["detect"].candidates == 1000
    assert tensors.select_boxes is val.select_boxes
