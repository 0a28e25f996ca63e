"""The module in a file for stock Ultralytics puts images where the checkpoint wants them, whatever the engine did."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from ultralytics import YOLO
from ultralytics.data.augment import LetterBox

from tests.support.engine import needs_engine_s_onnx
from tests.support.nano import SIZE
from tests.support.pictures import picture
from yolonas_plugin import NAS
from yolonas_plugin.nas.letterbox import letterboxed
from yolonas_plugin.processing import ProcessingSpec

pytestmark = pytest.mark.usefixtures("one_thread")

CENTRE = ProcessingSpec(size=(SIZE, SIZE), resize=(SIZE, SIZE))
CORNER = dataclasses.replace(CENTRE, padding="bottom_right")
MARGIN = dataclasses.replace(CENTRE, resize=(SIZE - 4, SIZE - 4))
WIDE = ProcessingSpec(size=(96, SIZE), resize=(96, SIZE), padding="bottom_right")

SHAPES = [(120, 150), (150, 120), (SIZE, SIZE), (37, 400), (301, 20)]


def by_engine(image: np.ndarray, spec: ProcessingSpec, rect: bool) -> Tensor:
    """The engine's input [1, 3, H, W], RGB from 0 to 1."""
    canvas = LetterBox(spec.size, auto=rect, stride=32)(image=image)
    return torch.from_numpy(canvas[..., ::-1].copy()).permute(2, 0, 1)[None] / 255


def by_us(image: np.ndarray, spec: ProcessingSpec) -> Tensor:
    canvas, _ = spec.letterbox(np.ascontiguousarray(image[..., ::-1]))
    return torch.from_numpy(canvas).permute(2, 0, 1)[None] / 255


@pytest.mark.parametrize("rect", [True, False], ids=["rectangle", "whole input"])
@pytest.mark.parametrize("spec", [CENTRE, CORNER, WIDE], ids=["centre", "corner", "wide input"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_canvas_is_the_checkpoint_s_to_the_bit(shape: tuple[int, int], spec: ProcessingSpec, rect: bool) -> None:
    image = picture(height=shape[0], width=shape[1])
    found, _ = letterboxed(by_engine(image, spec, rect), spec)
    assert found.equal(by_us(image, spec))


def test_a_margin_is_made_by_scaling_again() -> None:
    image = cv2.GaussianBlur(picture(height=2 * SIZE, width=2 * SIZE), (0, 0), 3)
    found, _ = letterboxed(by_engine(image, MARGIN, rect=True), MARGIN)
    difference = (found - by_us(image, MARGIN)).abs() * 255
    assert difference.mean() < 1
    assert difference.max() < 5


@pytest.mark.parametrize("spec", [CENTRE, CORNER, MARGIN], ids=["centre", "corner", "margin"])
def test_boxes_go_back_to_where_things_are_on_the_engine_s_canvas(spec: ProcessingSpec) -> None:
    images = torch.full((2, 3, 128, SIZE), 114 / 255)
    images[0, :, 10:110], images[1, :, :, 30:130] = 0, 0
    places = torch.tensor([[40.0, 20, 80, 50], [60, 70, 90, 100]])
    for image, (x1, y1, x2, y2) in zip(images, places.int(), strict=True):
        image[:, y1:y2, x1:x2] = 1
    canvas, move = letterboxed(images, spec)
    assert canvas.shape[2:] == (SIZE, SIZE)
    found = []
    for bright in canvas.amin(1) > 0.8:
        rows, columns = (bright.any(dim).nonzero() for dim in (1, 0))
        found.append(torch.cat((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)))
    torch.testing.assert_close(move.back(torch.stack(found)[:, None].float())[:, 0], places, atol=1, rtol=0)


@pytest.mark.parametrize("grey", [114, 0], ids=["the padding's", "black"])
def test_an_image_of_one_colour_stays_where_it_is(grey: int) -> None:
    images = torch.full((1, 3, SIZE, SIZE), grey / 255)
    found, move = letterboxed(images, CORNER)
    assert found.equal(images)
    assert (move.row, move.column, move.top, move.left) == (0, 0, 0, 0)


def test_a_larger_canvas_keeps_the_proportions_of_the_input() -> None:
    assert letterboxed(torch.zeros(1, 3, 256, 320), CORNER)[0].shape[2:] == (320, 320)
    assert letterboxed(torch.zeros(1, 3, 160, 320), WIDE)[0].shape[2:] == (192, 320)


@pytest.mark.parametrize("margin", [0, 2], ids=["own processing", "margin of the published weights"])
def test_stock_predict_finds_what_nas_finds(
    margin: int, bccd_checkpoint: Path, bccd_test_images: list[Path], tmp_path: Path
) -> None:
    """With one class for a box and boxes inside the image, as the engine has them."""
    spec = dataclasses.replace(NAS(bccd_checkpoint).processing, multi_label=False)
    if margin:  # as 636 in 640, where these weights were trained on 320
        spec = dataclasses.replace(spec, padding="center", resize=(320 - margin, 320 - margin))
    model = NAS(bccd_checkpoint, processing=spec)
    model.save(tmp_path / "x.pt")
    images = [cv2.imread(str(path)) for path in bccd_test_images[:6]]
    images[0], images[1] = images[0].transpose(1, 0, 2).copy(), images[1][:200]
    settings = {"conf": 0.25, "iou": spec.iou, "verbose": False}
    ours, theirs = model.predict(images, **settings), YOLO(tmp_path / "x.pt").predict(images, **settings)
    for rows, found in zip(ours, theirs, strict=True):
        height, width = rows.orig_shape
        limit = torch.tensor([width, height, width, height])
        expected = torch.cat((rows.boxes.xyxy.clamp(min=0).minimum(limit), rows.boxes.data[:, 4:]), 1)
        assert len(expected) > 5
        if margin:
            distances = (found.boxes.xyxy[:, None] - expected[:, :4]).abs().amax(2).amin(0)
            assert distances.median() < 1.5
        else:
            torch.testing.assert_close(found.boxes.data, expected, atol=0.05, rtol=0)


@pytest.mark.parametrize(
    "form", ["torchscript", pytest.param("onnx", marks=[needs_engine_s_onnx, pytest.mark.exhaustive])]
)
@pytest.mark.parametrize("spec", [CORNER, MARGIN], ids=["corner", "margin"])
def test_exports_by_the_engine_place_images_too(
    spec: ProcessingSpec, form: str, nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = NAS(nano, processing=dataclasses.replace(spec, channels="BGR", divisor=1.0))
    model.save("x.pt")
    image = picture(height=120, width=SIZE)
    settings = {"conf": 0.5, "imgsz": SIZE, "verbose": False}
    path = YOLO("x.pt").export(format=form, **({"simplify": False} if form == "onnx" else {}))
    assert os.path.exists(path)
    (expected,) = YOLO("x.pt").predict(image, **settings)
    (found,) = YOLO(path, task="detect").predict(image, **settings)
    assert len(expected) > 5
    np.testing.assert_allclose(found.boxes.data, expected.boxes.data, atol=0.05)
