"""The network for poses computes what super-gradients computed; ``tests/reference`` asks it anew."""

from __future__ import annotations

import numpy as np
import pytest

from exhaustive import first
from tests import golden
from tests.support import synthetic
from tests.support.outputs import forward
from yolonas_plugin.nn import YoloNAS

pytestmark = pytest.mark.usefixtures("one_thread")

SIZES = list(dict.fromkeys(size for size, _ in golden.POSE_CASES))


@pytest.mark.parametrize("size", first(SIZES))
def test_boxes_keypoints_and_scores_equal_super_gradients(size: str) -> None:
    network = synthetic.pose_network(size)
    assert_near_golden(network, size, pixels=0.01, score=5e-5)
    assert_near_golden(network.fuse(), size, pixels=0.05, score=1e-4)


def assert_near_golden(network: YoloNAS, size: str, pixels: float, score: float) -> None:
    expected = golden.load_arrays("pose_network")
    for shape in (shape for case_size, shape in golden.POSE_CASES if case_size == size):
        found = forward(network, synthetic.batch(*shape))
        kept = golden.sample(found[0].shape[1])
        case = golden.network_case(size, shape)
        for name, tensor, most in zip(network.outputs, found, (pixels, score) * 2, strict=True):
            assert np.abs(tensor[0].numpy()[kept] - expected[f"{case} {name}"]).max() <= most, name
