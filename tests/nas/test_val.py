"""Validation: the data set's way through the engine, and mAP as super-gradients measures it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from ultralytics.utils import LOGGER, checks
from ultralytics.utils.instance import Instances

from exhaustive import first
from tests.support.bccd import write_yolo
from tests.support.engine import threads
from tests.support.pictures import picture
from tests.support.shapes import NAMES
from yolonas_plugin import NAS, engine
from yolonas_plugin.errors import SourceError
from yolonas_plugin.nas import NASValidator
from yolonas_plugin.nas.dataset import _Letterbox

SUPER_GRADIENTS_MAP, SUPER_GRADIENTS_MAP50 = 0.4775, 0.8453
"""super-gradients' DetectionMetrics of the checkpoint on BCCD's test split; see its README and tests/reference."""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LOGGER, "level", LOGGER.level)


def write_yaml(folder: Path, names: tuple[str, ...]) -> Path:
    path = folder / "data.yaml"
    path.write_text(f"path: {folder}\ntrain: images\nval: images\ntest: images\nnames: {list(names)}\n")
    return path


def write_sample(folder: Path, name: str, image: bytes, labels: list[tuple[float, ...]]) -> None:
    """Labels are class, centre x, centre y, width, height, as fractions of the image."""
    for part in ("images", "labels"):
        (folder / part).mkdir(exist_ok=True)
    (folder / "images" / name).write_bytes(image)
    text = "".join(f"{int(label[0])} {' '.join(f'{value:.6f}' for value in label[1:])}\n" for label in labels)
    (folder / "labels" / name).with_suffix(".txt").write_text(text)


@pytest.fixture
def own_predictions(model: NAS, tmp_path: Path) -> Path:
    """A data set whose truth is what the model predicts with a score over 0.7, so that mAP should be near 1."""
    for seed, (height, width) in enumerate([(120, 150), (150, 120), (90, 200), (160, 160)]):
        image = picture(seed, height, width)
        (result,) = model.predict(image, verbose=False)
        boxes = torch.cat((result.boxes.cls[:, None], result.boxes.xywhn), dim=1)
        inside = (result.boxes.xyxy.min(dim=1).values >= 0) & (result.boxes.xyxyn.max(dim=1).values <= 1)
        write_sample(tmp_path, f"{seed}.png", cv2.imencode(".png", image)[1].tobytes(), boxes[inside].tolist())
    return write_yaml(tmp_path, NAMES)


def test_what_a_checkpoint_says_of_selecting_boxes_changes_no_figure(model: NAS, own_predictions: Path) -> None:
    other = NAS(model.ckpt_path, processing=replace(model.processing, conf=0.99, iou=0.01, class_agnostic=True))
    given = {"conf": 0.01, "iou": 0.7, "agnostic_nms": False}
    figures = [
        one.val(data=str(own_predictions), verbose=False, **settings).results_dict
        for one, settings in ((model, {}), (other, {}), (model, given))
    ]
    assert figures[0] == figures[1] == figures[2]
    assert figures[0]["metrics/mAP50-95(B)"] > 0.5
    across = other.val(data=str(own_predictions), verbose=False, iou=0.2, agnostic_nms=True).results_dict
    assert across["metrics/mAP50-95(B)"] < figures[0]["metrics/mAP50-95(B)"]


def test_a_model_agrees_with_itself(model: NAS, own_predictions: Path) -> None:
    metrics = model.val(data=str(own_predictions), iou=0.6, verbose=False)
    assert metrics.box.mr > 0.99  # the labels' boxes are all found, whatever the shape of the image
    assert metrics.box.map50 > 0.5
    assert metrics.box.map == pytest.approx(metrics.box.map50, abs=0.02)  # and lie where they should
    assert not model.model.is_fused()


def test_the_defaults_are_those_of_super_gradients_evaluation(nano: Path) -> None:
    assert NASValidator(args={"model": str(nano)}).args.conf == 0.01
    assert NASValidator(args={"model": str(nano), "conf": 0.2}).args.conf == 0.2
    assert (NASValidator(args={}).args.iou, NASValidator(args={}).args.max_det) == (0.7, 300)


def test_the_validator_class_works_by_itself(nano: Path, own_predictions: Path) -> None:
    validator = NASValidator(args={"model": str(nano), "data": str(own_predictions), "plots": False})
    stats = validator()
    assert stats["metrics/recall(B)"] > 0.9


@pytest.mark.parametrize("runtime", first(["openvino", "onnxruntime"]))
def test_other_runtimes_measure_the_same(
    runtime: str, model: NAS, nano: Path, own_predictions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path / "cache"))
    expected = model.val(data=str(own_predictions), verbose=False).box
    found = NAS(nano, runtime=runtime).val(data=str(own_predictions), verbose=False).box
    assert found.map == pytest.approx(expected.map, abs=0.002)


def test_nothing_is_left_behind_and_the_engine_is_kept_quiet(
    model: NAS, own_predictions: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(checks, "AUTOINSTALL", True)
    monkeypatch.setattr(engine.events, "enabled", True)
    seen = []
    model.add_callback(
        "on_val_start",
        lambda validator: seen.append((checks.AUTOINSTALL, engine.events.enabled, torch.get_num_threads())),
    )
    with threads(3):
        model.val(data=str(own_predictions), verbose=False)
    assert seen == [(False, False, 3)]
    assert checks.AUTOINSTALL
    assert not (tmp_path / "runs").exists()


def test_scaled_sides_are_truncated_as_in_super_gradients_evaluation(model: NAS) -> None:
    letterbox = _Letterbox(model.processing)
    boxes, no_segments = np.array([[0.0, 0.0, 1.0, 1.0]]), np.zeros((0, 1000, 2), np.float32)
    instances = Instances(boxes, no_segments, bbox_format="xyxy", normalized=True)
    labels = letterbox({"img": picture(0, 107, 150), "instances": instances})
    content = (labels["img"] != 114).any(axis=(1, 2)).nonzero()[0]
    assert content.max() + 1 == int(107 * 160 / 150)  # 114.13; predict rounds
    scale = 160 / 150
    np.testing.assert_allclose(labels["instances"].bboxes, [[0, 0, 150 * scale, 107 * scale]])


def test_plots_and_texts_are_written_in_pixels_of_the_image(model: NAS, own_predictions: Path, tmp_path: Path) -> None:
    model.val(
        data=str(own_predictions), plots=True, save_txt=True, conf=0.7, iou=0.6, project=str(tmp_path), name="out"
    )
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"val_batch0_labels.jpg", "val_batch0_pred.jpg"} <= written
    for name in ("0", "2"):
        truth = (tmp_path / "labels" / f"{name}.txt").read_text().split("\n")[0].split()
        found = [line.split() for line in (tmp_path / "out" / "labels" / f"{name}.txt").read_text().splitlines()]
        assert any(
            row[0] == truth[0]
            and all(abs(float(a) - float(b)) < 0.01 for a, b in zip(row[1:5], truth[1:5], strict=True))
            for row in found
        )


def test_data_with_more_classes_than_the_model_is_an_error(model: NAS, own_predictions: Path, tmp_path: Path) -> None:
    data = write_yaml(tmp_path, (*NAMES, "square"))
    with pytest.raises(SourceError, match="the data has 4 classes, the model predicts 3"):
        model.val(data=str(data))


def test_missing_data_is_an_error(model: NAS) -> None:
    with pytest.raises(FileNotFoundError):
        model.val(data="nowhere.yaml")


def test_the_classes_of_the_data_may_stand_in_another_order(model: NAS, own_predictions: Path, tmp_path: Path) -> None:
    expected = model.val(data=str(own_predictions), verbose=False)
    write_yaml(tmp_path, ("cross", "disc", "ring"))
    for path in (tmp_path / "labels").glob("*.txt"):
        rows = [line.split() for line in path.read_text().splitlines()]
        path.write_text("".join(f"{(int(label) + 1) % 3} {' '.join(box)}\n" for label, *box in rows))
    found = model.val(data=str(own_predictions), verbose=False)
    assert found.box.map == expected.box.map
    assert [found.names[int(i)] for i in found.ap_class_index] == [expected.names[int(i)] for i in found.ap_class_index]
    np.testing.assert_array_equal(found.box.maps, expected.box.maps)


def test_a_class_that_the_model_does_not_know_is_an_error(model: NAS, own_predictions: Path, tmp_path: Path) -> None:
    data = write_yaml(tmp_path, ("disc", "ring", "square"))
    with pytest.raises(SourceError, match=r"no class, or more than one, named 'square'; it predicts 'disc', 'ring'"):
        model.val(data=str(data))


def test_faults_in_the_data_are_said_before_and_the_rest_is_used(
    model: NAS, own_predictions: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = model.val(data=str(own_predictions), verbose=False)
    with (tmp_path / "labels" / "0.txt").open("a") as labels:
        labels.write("0 0.5 0.5 0 0.1\n7 0.5 0.5 0.1 0.1\n")

    def ours() -> list[str]:
        return [record.getMessage() for record in caplog.records if record.name == "yolonas_plugin"]

    said: list[str] = []
    model.add_callback("on_val_start", lambda validator: said.extend(ours()))
    found = model.val(data=str(own_predictions), verbose=False)
    (message,) = said
    assert ours() == said
    assert "1 x label outside the classes in val, label left out: labels/0.txt:" in message
    assert "1 x box of no area in val, label left out: labels/0.txt:" in message
    assert found.box.map == expected.box.map


def test_data_that_is_not_named_is_an_error(model: NAS) -> None:
    for call in (model.val, lambda: model.val(data=None), NASValidator(args={"model": model.ckpt_path})):
        with pytest.raises(SourceError, match="name it with data="):
            call()


@pytest.mark.parametrize("layout", first(["Pascal VOC", "YOLO"]))
def test_map_on_bccd_is_super_gradients(layout: str, shared_data: Path, bccd_checkpoint: Path, tmp_path: Path) -> None:
    data = shared_data / "bccd" if layout == "Pascal VOC" else write_yolo(tmp_path, shared_data / "bccd", "test")
    split = {"split": "test"} if layout == "Pascal VOC" else {}
    metrics = NAS(bccd_checkpoint).val(data=str(data), verbose=False, **split)
    assert metrics.box.map == pytest.approx(SUPER_GRADIENTS_MAP, abs=0.002)
    assert metrics.box.map50 == pytest.approx(SUPER_GRADIENTS_MAP50, abs=0.002)
    if layout == "YOLO":
        other = NAS(bccd_checkpoint).val(data=str(shared_data / "bccd"), split="test", verbose=False)
        assert (other.box.map, other.box.map50) == (metrics.box.map, metrics.box.map50)
