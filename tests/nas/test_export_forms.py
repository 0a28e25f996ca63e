"""The forms of an ONNX export: each gives the detections of ``predict``, best first, in its own layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from exhaustive import first
from tests.support.pictures import assert_same_boxes, picture
from tests.support.shapes import NAMES
from yolonas_plugin import NAS
from yolonas_plugin.boxes.arrays import select_boxes
from yolonas_plugin.errors import ExportError
from yolonas_plugin.export.description import Description
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.weights import read_checkpoint

PICTURES = [picture(seed, height=100 + 20 * seed) for seed in range(3)]


def run(path: str, images: list[np.ndarray]) -> tuple[dict[str, np.ndarray], Description]:
    """Run an export on letterboxed images, prepared as its own metadata says."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = Description.from_metadata(session.get_modelmeta().custom_metadata_map, path)
    spec = found.processing
    canvases = np.stack([spec.letterbox(image)[0] for image in images])
    if found.takes == "prepared":
        assert (spec.channels, spec.divisor, spec.mean, spec.std) == ("BGR", 1, None, None)
        canvases = canvases.transpose(0, 3, 1, 2).astype(np.float32)
    (source,) = session.get_inputs()
    outputs = session.run(None, {source.name: canvases})
    return dict(zip([output.name for output in session.get_outputs()], outputs, strict=True)), found


def on_the_input(model: NAS, images: list[np.ndarray], **settings: Any) -> list[np.ndarray]:
    """What ``predict`` finds, in pixels of the network's input."""
    expected = []
    for image, result in zip(images, model.predict(images, verbose=False, **settings), strict=True):
        rows = result.boxes.data.numpy().copy()
        rows[:, :4] = model.processing.letterbox(image)[1].to_input(rows[:, :4])
        expected.append(rows)
    return expected


@pytest.mark.parametrize("takes", ["prepared", "pixels"])
def test_pair(takes: str, model: NAS, tmp_path: Path) -> None:
    outputs, found = run(model.export(output=tmp_path, takes=takes, gives="pair", batch=3), PICTURES)
    assert (found.takes, found.gives, found.names) == (takes, "pair", NAMES)
    assert outputs["boxes"].shape == (3, 525, 4)
    assert outputs["scores"].shape == (3, 525, 3)
    spec = found.processing
    for boxes, scores, expected in zip(*outputs.values(), on_the_input(model, PICTURES), strict=True):
        assert_same_boxes(select_boxes(boxes, scores, conf=spec.conf, iou=spec.iou), expected, atol=0.05)


@pytest.mark.parametrize("dynamic", first([True, False]))
def test_flat(dynamic: bool, model: NAS, tmp_path: Path) -> None:
    path = model.export(output=tmp_path, takes="pixels", nms=True, conf=0.5, max_det=40, dynamic=dynamic, batch=3)
    outputs, found = run(path, PICTURES)
    assert (found.gives, found.processing.conf, found.processing.max_detections) == ("flat", 0.5, 40)
    rows = outputs["detections"]
    assert rows[:, 0].tolist() == sorted(rows[:, 0])
    for index, expected in enumerate(on_the_input(model, PICTURES, conf=0.5, max_det=40)):
        mine = rows[rows[:, 0] == index, 1:]
        assert len(mine) == 40
        assert (np.diff(mine[:, 4]) <= 0).all()
        assert_same_boxes(mine, expected, atol=0.05)


def test_batch_marks_what_is_not_there(model: NAS, tmp_path: Path) -> None:
    outputs, _ = run(model.export(output=tmp_path, takes="pixels", gives="batch", conf=0.9, batch=3), PICTURES)
    assert list(outputs) == ["num_detections", "boxes", "scores", "classes"]
    for index, expected in enumerate(on_the_input(model, PICTURES, conf=0.9)):
        count = int(outputs["num_detections"][index, 0])
        assert 0 < count < 300
        boxes, scores, classes = (outputs[name][index] for name in ("boxes", "scores", "classes"))
        assert_same_boxes(np.column_stack((boxes, scores, classes))[:count], expected, atol=0.05)
        assert (classes[count:] == -1).all()
        assert not boxes[count:].any()
        assert not scores[count:].any()


@pytest.mark.parametrize("conf", [0.3, 0.96])
def test_frigate_reads_twenty_rows(conf: float, model: NAS, tmp_path: Path) -> None:
    outputs, _ = run(model.export(output=tmp_path, takes="pixels", gives="frigate", conf=conf), PICTURES[:1])
    (expected,) = on_the_input(model, PICTURES[:1], conf=conf, max_det=20)
    rows = outputs["detections"]
    assert rows.shape == (20, 7)
    assert (rows[len(expected) :, 6] == -1).all()
    assert_same_boxes(rows[: len(expected), 1:], expected, atol=0.05)
    assert (len(expected) == 20) == (conf == 0.3)


def test_nothing_found(model: NAS, tmp_path: Path) -> None:
    flat, _ = run(model.export(output=tmp_path, takes="pixels", gives="flat", conf=1.0, simplify=False), PICTURES[:1])
    assert flat["detections"].shape == (0, 7)
    batch, _ = run(model.export(output=tmp_path, takes="pixels", gives="batch", conf=1.0, simplify=False), PICTURES[:1])
    assert batch["num_detections"].tolist() == [[0]]


@pytest.mark.parametrize("changes", first([{"multi_label": False}, {"class_agnostic": True}, {"top_k": 30}]))
def test_the_checkpoints_own_box_selection(changes: dict[str, Any], nano: Path, tmp_path: Path) -> None:
    spec = read_checkpoint(nano).processing
    fields = {name: getattr(spec, name) for name in ProcessingSpec.__dataclass_fields__} | {"conf": 0.3} | changes
    model = NAS(nano, processing=ProcessingSpec(**fields))
    outputs, _ = run(model.export(output=tmp_path, takes="pixels", gives="flat"), PICTURES[:1])
    (expected,) = on_the_input(model, PICTURES[:1])
    assert_same_boxes(outputs["detections"][:, 1:], expected, atol=0.05)


def test_unknown_forms_are_refused(model: NAS, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="gives='boxes' is unknown; it is one of engine, pair, flat"):
        model.export(output=tmp_path, gives="boxes")
    with pytest.raises(ExportError, match="takes='rgb' is unknown; it is one of prepared, pixels"):
        model.export(output=tmp_path, takes="rgb")


def test_frigate_is_for_one_image(model: NAS, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="'frigate' is for one image at a time, not batch=2"):
        model.export(output=tmp_path, gives="frigate", batch=2)
