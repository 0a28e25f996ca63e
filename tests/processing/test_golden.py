"""Images reach the network, and boxes are selected, as super-gradients did it; ``tests/reference`` asks it anew."""

from __future__ import annotations

import hashlib

import pytest
import torch

from tests import golden
from tests.support import processing_cases as cases
from yolonas_plugin.boxes.tensors import select_boxes


@pytest.mark.parametrize("shape", cases.SHAPES, ids=cases.name)
@pytest.mark.parametrize("kind", cases.SPECS)
def test_the_network_s_input_equals_super_gradients_to_the_bit(kind: str, shape: tuple[int, int]) -> None:
    pixels, _ = cases.SPECS[kind].letterbox(cases.image(shape))
    digest = hashlib.sha256(cases.network_input(cases.SPECS[kind], pixels).tobytes()).hexdigest()
    assert digest == golden.load_json("letterbox")[f"{kind} {cases.name(shape)}"]


@pytest.mark.parametrize("name", cases.SELECTIONS)
def test_selected_boxes_equal_super_gradients(name: str) -> None:
    boxes, scores, settings = cases.selection(name)
    expected = torch.from_numpy(golden.load_arrays("selection")[name])
    assert torch.equal(select_boxes(boxes, scores, **settings), expected)
