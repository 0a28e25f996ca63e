"""The network computes what super-gradients computed from the same weights; ``tests/reference`` asks it anew."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests import golden, synthetic
from yolonas_plugin.nn import YoloNAS

pytestmark = pytest.mark.usefixtures("one_thread")

SIZES = sorted({size for size, _ in golden.NETWORK_CASES})


@pytest.mark.parametrize("size", SIZES)
def test_boxes_and_scores_equal_super_gradients(size: str) -> None:
    """Processors and versions of torch convolve in different orders, which here moves a box by up to 0.0014 pixels."""
    network = synthetic.network(size)
    assert_near_golden(network, size, pixels=0.01, score=5e-5)
    assert_near_golden(network.fuse(), size, pixels=0.05, score=1e-4)


def assert_near_golden(network: YoloNAS, size: str, pixels: float, score: float) -> None:
    expected = golden.load_arrays("network")
    for shape in (shape for case_size, shape in golden.NETWORK_CASES if case_size == size):
        with torch.no_grad():
            boxes, scores = network(synthetic.batch(*shape))
        kept = golden.sample(boxes.shape[1])
        case = golden.network_case(size, shape)
        assert np.abs(boxes[0].numpy()[kept] - expected[f"{case} boxes"]).max() <= pixels
        assert np.abs(scores[0].numpy()[kept] - expected[f"{case} scores"]).max() <= score
