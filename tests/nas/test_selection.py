"""How boxes are selected is the checkpoint's to say, suppression across classes too; the caller's wins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.pictures import assert_same_boxes, picture
from yolonas_plugin import NAS, ModelZoo
from yolonas_plugin.lean import LeanPredictor
from yolonas_plugin.nas import NASPredictor

LOW = {"conf": 0.1, "iou": 0.2}


@pytest.fixture
def across(nano: Path) -> NAS:
    """A model whose boxes suppress each other whatever their classes."""
    return NAS(nano, processing=replace(NAS(nano).processing, **LOW, class_agnostic=True))


def rows(model: NAS, **settings: object) -> np.ndarray:
    (result,) = model.predict(picture(), verbose=False, **settings)
    return result.boxes.data.numpy()


def test_suppression_across_classes_is_the_checkpoints_to_say_and_the_callers_to_undo(model: NAS, across: NAS) -> None:
    expected = rows(model, **LOW, agnostic_nms=True)
    apart = rows(model, **LOW)
    assert len(expected) < len(apart)
    for settings in ({}, {"agnostic_nms": None}, {"agnostic_nms": True}):
        np.testing.assert_array_equal(rows(across, **settings), expected)
    np.testing.assert_array_equal(rows(across, agnostic_nms=False), apart)
    np.testing.assert_array_equal(rows(across), expected)  # a call's own setting isn't the next one's
    for overrides, boxes in (({}, expected), ({"agnostic_nms": False}, apart)):
        predictor = NASPredictor(overrides={"verbose": False, "device": "cpu", "save": False, **overrides})
        (result,) = predictor(picture(), model=across.model)
        np.testing.assert_array_equal(result.boxes.data.numpy(), boxes)


def test_every_way_to_a_file_keeps_it(across: NAS, tmp_path: Path) -> None:
    saved = across.save(tmp_path / "saved.safetensors")
    exported = across.export(output=tmp_path, takes="pixels", gives="pair", dynamic=True, simplify=False)
    expected, apart = rows(across), rows(across, agnostic_nms=False)
    zoo = ModelZoo.discover()
    for predict in (zoo.predictor(saved, provider="yolo_nas"), LeanPredictor(exported)):
        for settings, boxes in (({}, expected), ({"agnostic_nms": False}, apart)):
            (found,) = predict(picture(), **settings)
            assert_same_boxes(np.column_stack((found.boxes, found.scores, found.labels)), boxes, atol=0.05)
