"""What a letterbox is, apart from super-gradients: no size fails, boxes come back, wrong settings are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.support import processing_cases as cases
from yolonas_plugin.errors import ProcessingError
from yolonas_plugin.processing import COCO, SUPER_GRADIENTS, ProcessingSpec

VANISHING = [(1, 4000), (4000, 1), (3, 4000), (1, 1300)]
"""Shapes of which a side becomes less than a pixel; super-gradients fails on the first three."""


@pytest.mark.parametrize("truncate", [False, True], ids=["rounded", "truncated"])
@pytest.mark.parametrize("shape", VANISHING, ids=cases.name)
@pytest.mark.parametrize("kind", cases.SPECS)
def test_a_side_never_vanishes(kind: str, shape: tuple[int, int], truncate: bool) -> None:
    image = np.full((*shape, 3), 200, dtype=np.uint8)
    spec = cases.SPECS[kind]
    pixels, place = spec.letterbox(image, truncate)
    covered = (pixels != spec.pad_value).all(axis=2)
    expected = [spec.resize[0] if side == max(shape) else max(round(side * place.scale_y), 1) for side in shape]
    if not truncate:
        assert [covered.any(axis=1).sum(), covered.any(axis=0).sum()] == expected
    assert covered.sum() == covered.any(axis=1).sum() * covered.any(axis=0).sum() > 0
    assert (pixels[covered] == 200).all()


@pytest.mark.parametrize("shape", [*cases.SHAPES, *VANISHING], ids=cases.name)
@pytest.mark.parametrize("kind", cases.SPECS)
def test_boxes_come_back(kind: str, shape: tuple[int, int]) -> None:
    _, place = cases.SPECS[kind].letterbox(np.zeros((*shape, 3), dtype=np.uint8))
    boxes = cases.boxes(40, extent=max(shape)).astype(np.float64)
    there_and_back = place.to_image(torch.from_numpy(place.to_input(boxes))).numpy()
    np.testing.assert_allclose(there_and_back, boxes, atol=1e-9 * max(shape))


@pytest.mark.parametrize("kind", cases.SPECS)
def test_a_grey_image_becomes_what_its_colours_would(kind: str) -> None:
    grey = cases.image((123, 457))[:, :, :1]
    pixels, place = cases.SPECS[kind].letterbox(grey)
    colours, same_place = cases.SPECS[kind].letterbox(grey.repeat(3, axis=2))
    np.testing.assert_array_equal(pixels.repeat(3, axis=2), colours)
    assert place == same_place


def test_the_image_is_left_as_it_was() -> None:
    for shape in [(640, 640), (100, 300)]:
        image = cases.image(shape)
        pixels, _ = SUPER_GRADIENTS.letterbox(image)
        pixels[:] = 0
        np.testing.assert_array_equal(image, cases.image(shape))


def test_coco_processing_is_636_centred_in_640_on_grey() -> None:
    pixels, place = COCO.letterbox(np.zeros((480, 640, 3), dtype=np.uint8))
    assert pixels.shape == (640, 640, 3)
    assert (place.scale_y, place.top, place.left) == (636 / 640, 81, 2)
    assert (pixels[:81] == 114).all()
    assert (pixels[81:558, 2:638] == 0).all()
    assert (pixels[558:] == 114).all()
    assert (pixels[:, :2] == 114).all()
    assert (pixels[:, 638:] == 114).all()


def test_another_size_keeps_the_margin() -> None:
    other = COCO.with_size((320, 416))
    assert (other.size, other.resize) == ((320, 416), (316, 412))
    assert replace(other, size=COCO.size, resize=COCO.resize) == COCO


def test_colours_range_and_normalisation() -> None:
    red = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    red[:, 0] = 255
    assert COCO.normalise(red)[0, :, 0, 0].tolist() == [1, 0, 0]
    assert SUPER_GRADIENTS.normalise(red)[0, :, 0, 0].tolist() == [0, 0, 255]
    normalising = replace(SUPER_GRADIENTS, mean=(1.0, 2.0, 3.0), std=(1.0, 2.0, 4.0))
    assert normalising.normalise(red)[0, :, 0, 0].tolist() == [-1, -1, 63]
    assert COCO.normalise(red.half()).dtype == torch.float16


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": (640, 600)}, "multiples of 32"),
        ({"size": (0, 640)}, "multiples of 32"),
        ({"resize": (641, 640)}, "don't fit"),
        ({"resize": (0, 640)}, "don't fit"),
        ({"conf": 1.01}, "between 0 and 1"),
        ({"conf": float("nan")}, "between 0 and 1"),
        ({"iou": -0.1}, "between 0 and 1"),
        ({"divisor": 0.0}, "must be positive"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ProcessingError, match=message):
        ProcessingSpec(**{"size": (640, 640), "resize": (636, 636)} | settings)


@pytest.mark.parametrize("shape", [*cases.SHAPES, *VANISHING], ids=cases.name)
@pytest.mark.parametrize("kind", cases.SPECS)
def test_a_tight_canvas_holds_the_whole_image_and_little_else(kind: str, shape: tuple[int, int]) -> None:
    spec = cases.SPECS[kind]
    image = np.full((*shape, 3), 200, dtype=np.uint8)
    size = spec.tight_size([image])
    assert all(side % 32 == 0 and 0 < side <= whole for side, whole in zip(size, spec.size, strict=True))
    (pixels, place), (full, there) = spec.letterbox(image, size=size), spec.letterbox(image)
    assert pixels.shape[:2] == size
    covered = (pixels == 200).all(axis=2)
    assert covered.sum() == (full == 200).all(axis=2).sum()
    assert size[0] - covered.any(axis=1).sum() < 32
    assert size[1] - covered.any(axis=0).sum() < 32
    assert (place.scale_y, place.scale_x) == (there.scale_y, there.scale_x)


def test_a_tight_canvas_is_for_all_images_of_a_batch() -> None:
    images = [np.zeros((*shape, 3), dtype=np.uint8) for shape in ((100, 640), (640, 300))]
    assert SUPER_GRADIENTS.tight_size(images) == (640, 640)
    assert SUPER_GRADIENTS.tight_size(images[:1]) == (128, 640)
