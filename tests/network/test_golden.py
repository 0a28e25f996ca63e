"""The network computes what super-gradients computed from the same weights; ``tests/reference`` asks it anew."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from exhaustive import first
from tests import golden
from tests.support import losses, synthetic
from yolonas_plugin.nn import RawPredictions, YoloNAS, YoloNASLoss

pytestmark = pytest.mark.usefixtures("one_thread")

SIZES = sorted({size for size, _ in golden.NETWORK_CASES}, reverse=True)


@pytest.mark.parametrize("size", first(SIZES))
def test_boxes_and_scores_equal_super_gradients(size: str) -> None:
    """Processors and versions of torch convolve in different orders, which here moves a box by up to 0.0014 pixels."""
    network = synthetic.network(size)
    assert_near_golden(network, size, pixels=0.01, score=5e-5)
    assert_near_golden(network.fuse(), size, pixels=0.05, score=1e-4)


@pytest.mark.parametrize("assigner", losses.ASSIGNERS)
@pytest.mark.parametrize("predictions", losses.PREDICTIONS)
@pytest.mark.parametrize("kind", losses.KINDS)
def test_the_loss_and_its_gradients_equal_super_gradients(kind: str, predictions: str, assigner: str) -> None:
    case = losses.case(kind, predictions)
    criterion = YoloNASLoss(static_assigner=assigner == "by place")
    found = losses.compute(case, lambda *tensors: criterion(RawPredictions(*tensors, *case.raw[2:]), *case.ours))
    expected = golden.load_arrays("loss")[f"{kind}, {predictions}, {assigner}"]
    np.testing.assert_allclose(found[:5], expected[:5], rtol=1e-4)  # the parts, the lengths of the gradients
    np.testing.assert_allclose(found[5:], expected[5:], rtol=1e-4, atol=1e-4 * expected[3:5].max())


def assert_near_golden(network: YoloNAS, size: str, pixels: float, score: float) -> None:
    expected = golden.load_arrays("network")
    for shape in (shape for case_size, shape in golden.NETWORK_CASES if case_size == size):
        with torch.no_grad():
            boxes, scores = network(synthetic.batch(*shape))
        kept = golden.sample(boxes.shape[1])
        case = golden.network_case(size, shape)
        assert np.abs(boxes[0].numpy()[kept] - expected[f"{case} boxes"]).max() <= pixels
        assert np.abs(scores[0].numpy()[kept] - expected[f"{case} scores"]).max() <= score
