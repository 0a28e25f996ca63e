"""Images reach the network, and boxes leave it, as in super-gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from super_gradients.training.transforms.utils import _rescale_and_pad_to_size, _rescale_xyxy_bboxes
from torch import nn

from tests.reference import oracle
from tests.support import processing_cases as cases
from yolonas_plugin.boxes.tensors import select_boxes
from yolonas_plugin.weights.processing_params import parse_processing_params

VANISHING = [(1, 4000), (4000, 1), (3, 4000)]
"""Shapes of which a side rounds to no pixels; super-gradients fails on them."""


@pytest.mark.parametrize("shape", cases.SHAPES, ids=cases.name)
@pytest.mark.parametrize("kind", cases.SPECS)
def test_the_network_s_input_is_the_same_to_the_bit(kind: str, shape: tuple[int, int]) -> None:
    image = cases.image(shape)
    expected, metadata = oracle.PROCESSING[kind].preprocess_image(image)
    pixels, place = cases.SPECS[kind].letterbox(image)
    found = cases.network_input(cases.SPECS[kind], pixels)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected.astype(np.float32))

    boxes = cases.boxes(40)
    np.testing.assert_array_equal(
        place.to_image(torch.from_numpy(boxes)).numpy(), oracle.to_image(oracle.PROCESSING[kind], boxes, metadata)
    )


@pytest.mark.parametrize("shape", VANISHING, ids=cases.name)
@pytest.mark.parametrize("kind", cases.SPECS)
def test_super_gradients_fails_where_a_side_vanishes(kind: str, shape: tuple[int, int]) -> None:
    """Ours keeps one pixel: see ``tests/processing/test_letterbox.py``."""
    with pytest.raises(Exception, match="resize"):
        oracle.PROCESSING[kind].preprocess_image(cases.image(shape))


@pytest.mark.parametrize("shape", cases.SHAPES, ids=cases.name)
def test_evaluation_cuts_fractions_off(shape: tuple[int, int]) -> None:
    """``DetectionPaddedRescale`` truncates the sides that prediction rounds."""
    spec, image = cases.SPECS["super-gradients"], cases.image(shape)
    expected, scale = _rescale_and_pad_to_size(image, (640, 640))
    pixels, place = spec.letterbox(image, truncate=True)
    np.testing.assert_array_equal(pixels.transpose(2, 0, 1).astype(np.float32), expected)
    assert (place.scale_x, place.scale_y, place.top, place.left) == (scale, scale, 0, 0)

    np.testing.assert_array_equal(place.to_input(cases.boxes(40)), _rescale_xyxy_bboxes(cases.boxes(40), scale))


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return oracle.network("s", num_classes=3)


@pytest.mark.parametrize("steps", cases.SUPPORTED_STEPS.values(), ids=cases.SUPPORTED_STEPS)
def test_processing_params_mean_the_same(steps: list[Any], model: nn.Module) -> None:
    params = cases.params(steps)
    processing = oracle.build_processing(model, params)
    names, spec, *_ = parse_processing_params(params, Path("checkpoint.pth"))
    assert names == tuple(params["class_names"])
    assert spec is not None
    for shape in [(123, 457), (480, 640), (700, 301)]:
        image = cases.image(shape)
        expected, metadata = processing.preprocess_image(image)
        pixels, place = spec.letterbox(image)
        # dividing twice, as two steps, rounds twice
        tolerance = 1e-6 if sum("StandardizeImage" in step for step in steps) > 1 else 0
        np.testing.assert_allclose(cases.network_input(spec, pixels), expected.astype(np.float32), rtol=tolerance)
        boxes = cases.boxes(40)
        np.testing.assert_allclose(
            place.to_image(torch.from_numpy(boxes)).numpy(), oracle.to_image(processing, boxes, metadata), rtol=1e-6
        )


def test_thresholds_mean_the_same(model: nn.Module) -> None:
    params = cases.params(cases.SUPPORTED_STEPS["bottom right"]) | {
        "conf": 0.125,
        "iou": 0.6,
        "nms_top_k": 77,
        "max_predictions": 11,
        "multi_label_per_box": False,
        "class_agnostic_nms": True,
    }
    oracle.build_processing(model, params)
    _, spec, *_ = parse_processing_params(params, Path("checkpoint.pth"))
    assert spec is not None
    callback = model._get_pipeline().post_prediction_callback
    assert (spec.conf, spec.iou, spec.top_k, spec.max_detections, spec.multi_label, spec.class_agnostic) == (
        callback.score_threshold,
        callback.nms_threshold,
        callback.nms_top_k,
        callback.max_predictions,
        callback.multi_label_per_box,
        callback.class_agnostic_nms,
    )


@pytest.mark.parametrize("name", cases.SELECTIONS)
def test_the_same_boxes_are_selected(name: str) -> None:
    boxes, scores, settings = cases.selection(name)
    expected = oracle.select(boxes, scores, settings)
    assert torch.equal(select_boxes(boxes, scores, **settings), expected)


@pytest.mark.parametrize("seed", range(40))
def test_the_same_boxes_are_selected_of_random_ones(seed: int) -> None:
    boxes, scores, settings = cases.random_selection(seed)
    expected = oracle.select(boxes, scores, settings)
    assert torch.equal(select_boxes(boxes, scores, **settings), expected)
