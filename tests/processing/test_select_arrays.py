"""Selection on arrays gives what selection on tensors gives."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.support import processing_cases as cases
from tests.support.crowd import crowd
from yolonas_plugin.boxes import arrays, tensors


@pytest.mark.parametrize("name", cases.SELECTIONS)
def test_the_same_detections(name: str) -> None:
    boxes, scores, settings = cases.selection(name)
    expected = tensors.select_boxes(boxes, scores, **settings).numpy()
    found = arrays.select_boxes(boxes.numpy(), scores.numpy(), **settings)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[:, 4], expected[:, 4])
    key = np.lexsort(found.T), np.lexsort(expected.T)  # equal scores may come in another order
    np.testing.assert_array_equal(found[key[0]], expected[key[1]])


@pytest.mark.parametrize("classes", [[], [3], [3, 17]])
def test_the_same_wanted_classes(classes: list[int]) -> None:
    boxes, scores, settings = cases.selection("more candidates than top-k")
    expected = tensors.select_boxes(boxes, scores, **settings, classes=classes).numpy()
    found = arrays.select_boxes(boxes.numpy(), scores.numpy(), **settings, classes=classes)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("count", [0, 1, 2, 50, 1000])
@pytest.mark.parametrize("iou", [0.0, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("agnostic", [False, True])
def test_the_same_suppression(count: int, iou: float, agnostic: bool) -> None:
    boxes, scores, labels = crowd(count)
    order = scores.argsort(descending=True, stable=True)
    boxes, scores, labels = boxes[order], scores[order], labels[order]
    apart = boxes + (0 if agnostic else labels[:, None] * 4096.0)
    expected = tensors.nms(apart.double(), torch.arange(count, 0, -1).double(), iou)
    found = arrays.nms(boxes.numpy(), iou, None if agnostic else labels.numpy())
    assert found.tolist() == expected.tolist()


def test_boxes_of_no_area_suppress_nothing() -> None:
    boxes = np.zeros((3, 4), np.float32)
    assert arrays.nms(boxes, 0.5).tolist() == [0, 1, 2]
    assert tensors.nms(torch.zeros(3, 4), torch.ones(3), 0.5).tolist() == [0, 1, 2]


def test_neither_arrays_nor_processing_import_torch() -> None:
    program = "import sys, yolonas_plugin.boxes.arrays, yolonas_plugin.processing; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
