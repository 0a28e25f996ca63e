"""Keypoints go with their boxes: through selection, back to the image, and into the contract's record."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.support import processing_cases as cases
from yolonas_plugin.boxes import arrays, tensors
from yolonas_plugin.boxes.image_boxes import ImageBoxes, as_arrays, as_detections
from yolonas_plugin.processing import POSE, Placement


def _outputs(name: str, count: int = 5) -> tuple[torch.Tensor, ...]:
    """Return boxes, scores, keypoints that tell which box they belong to, and their scores."""
    boxes, scores, settings = cases.selection(name)
    generator = torch.Generator().manual_seed(3)
    keypoints = boxes[:, None, :2] + torch.arange(count)[:, None] * 100.0
    return boxes, scores, keypoints, torch.rand(len(boxes), count, generator=generator), settings


@pytest.mark.parametrize("name", cases.SELECTIONS)
def test_each_box_keeps_its_own_keypoints(name: str) -> None:
    boxes, scores, keypoints, keypoint_scores, settings = _outputs(name)
    rows = tensors.select_boxes(boxes, scores, keypoints, keypoint_scores, **settings)
    assert torch.equal(rows[:, :6], tensors.select_boxes(boxes, scores, **settings))
    found = rows[:, 6:].reshape(len(rows), 5, 3)
    assert torch.equal(found[..., :2], rows[:, None, :2] + torch.arange(5)[:, None] * 100.0)
    known = {tuple(row.tolist()) for row in keypoint_scores}
    assert {tuple(row.tolist()) for row in found[..., 2]} <= known


@pytest.mark.parametrize("name", cases.SELECTIONS)
def test_the_same_on_arrays(name: str) -> None:
    *outputs, settings = _outputs(name)
    expected = tensors.select_boxes(*outputs, **settings).numpy()
    found = arrays.select_boxes(*(output.numpy() for output in outputs), **settings)
    assert found.dtype == np.float32
    key = np.lexsort(found.T), np.lexsort(expected.T)  # equal scores may come in another order
    np.testing.assert_array_equal(found[key[0]], expected[key[1]])


@pytest.mark.parametrize("select", [tensors.select_boxes, arrays.select_boxes])
def test_no_box_has_no_keypoints_but_their_columns(select: Any) -> None:
    *outputs, settings = _outputs("three classes")
    given = outputs if select is tensors.select_boxes else [output.numpy() for output in outputs]
    rows = select(*given, **{**settings, "conf": 1.0})
    assert rows.shape == (0, 6 + 3 * 5)
    moved = Placement(2.0, 2.0, 3, 4).rows_to_image(rows)
    assert moved.shape == rows.shape
    assert ImageBoxes.of_rows(np.asarray(moved), 10, 10).keypoints.shape == (0, 5, 3)


@pytest.mark.parametrize("shape", [(480, 640), (640, 480), (50, 31)])
def test_keypoints_come_back_wherever_they_lie(shape: tuple[int, int]) -> None:
    _, place = POSE.letterbox(np.zeros((*shape, 3), np.uint8))
    points = np.random.default_rng(0).uniform(-700, 1400, (6, 17, 3))
    there = place.points_to_input(points)
    np.testing.assert_array_equal(there[..., 2], points[..., 2])
    np.testing.assert_allclose(place.points_to_image(torch.from_numpy(there)).numpy(), points, atol=1e-9)
    corners = place.to_input(np.column_stack((points[:, 0, :2], points[:, 1, :2])))
    np.testing.assert_array_equal(corners.reshape(-1, 2, 2), there[:, :2, :2])


def test_rows_without_keypoints_are_mapped_as_boxes_are() -> None:
    rows = torch.rand(7, 6) * 100
    place = Placement(0.5, 0.25, 8, 16)
    moved = place.rows_to_image(rows)
    assert torch.equal(moved[:, :4], place.to_image(rows[:, :4]))
    assert torch.equal(moved[:, 4:], rows[:, 4:])
    assert ImageBoxes.of_rows(moved.numpy(), 10, 10).keypoints is None


def test_those_within_the_image_keep_their_keypoints_uncut() -> None:
    rows = np.array([[-5, -5, 4, 4, 0.9, 0, -3, -2, 0.8], [20, 20, 30, 30, 0.8, 0, 25, 25, 0.7]], np.float32)
    inside = ImageBoxes.of_rows(rows, 10, 10).within_image()
    assert inside.boxes.tolist() == [[0, 0, 4, 4]]
    assert inside.keypoints is not None
    np.testing.assert_allclose(inside.keypoints, [[[-3, -2, 0.8]]])


def test_the_contracts_record_has_them_and_gives_them_back() -> None:
    rows = np.array([[1, 2, 4, 4, 0.9, 0, 3, 2, 0.8]], np.float32)
    found = as_detections(
        ImageBoxes.of_rows(rows, 10, 10), {0: "person"}, path=None, image=np.zeros((10, 10, 3), np.uint8)
    )
    np.testing.assert_allclose(found.keypoints, [[[3, 2, 0.8]]])
    keypoints = as_arrays(found).keypoints
    assert keypoints is not None
    np.testing.assert_array_equal(keypoints, found.keypoints)
