"""The network for poses computes what super-gradients' computes, from the same weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.reference import pose_oracle
from tests.support import synthetic
from tests.support.outputs import FUSED, assert_near, forward
from yolonas_plugin.nn import POSE_CONFIGS, YoloNAS

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPES = [(640, 640), (320, 320), (416, 608)]
UNFUSED = {"pixels": 1e-3, "score": 5e-6}


@pytest.fixture(scope="module", params=["n", "s", "m", "l"])
def pair(request: pytest.FixtureRequest) -> tuple[YoloNAS, nn.Module]:
    return synthetic.pose_network(request.param), pose_oracle.network(request.param)


def test_each_loads_the_other_s_state_dict(pair: tuple[YoloNAS, nn.Module]) -> None:
    ours, theirs = (
        [(name, tensor.shape, tensor.dtype) for name, tensor in model.state_dict().items()] for model in pair
    )
    assert ours == theirs
    pair[0].load_state_dict(pair[1].state_dict(), strict=True)
    pair[1].load_state_dict(pair[0].state_dict(), strict=True)


def test_every_batch_norm_has_the_same_settings(pair: tuple[YoloNAS, nn.Module]) -> None:
    ours, theirs = (
        {name: (m.eps, m.momentum) for name, m in model.named_modules() if isinstance(m, nn.BatchNorm2d)}
        for model in pair
    )
    assert ours == theirs


def test_the_same_boxes_keypoints_and_scores(pair: tuple[YoloNAS, nn.Module]) -> None:
    expected = {shape: pose_oracle.forward(pair[1], synthetic.batch(*shape)) for shape in SHAPES}
    for shape in SHAPES:
        assert_near(forward(pair[0], synthetic.batch(*shape)), expected[shape], UNFUSED)
    fused = pair[0].fuse()
    for shape in SHAPES:
        assert_near(forward(fused, synthetic.batch(*shape)), expected[shape], FUSED)


@pytest.mark.parametrize(("num_keypoints", "in_channels"), [(1, 3), (5, 1), (133, 4)])
def test_the_same_for_other_keypoints_and_channels(num_keypoints: int, in_channels: int) -> None:
    ours, theirs = (make("n", num_keypoints, in_channels) for make in (synthetic.pose_network, pose_oracle.network))
    images = synthetic.batch(256, 320, images=2, channels=in_channels)
    expected = pose_oracle.forward(theirs, images)
    assert_near(forward(ours, images), expected, UNFUSED)
    assert_near(forward(ours.fuse(), images), expected, FUSED)


@pytest.mark.parametrize("size", POSE_CONFIGS)
def test_the_same_once_super_gradients_fuses_too(size: str) -> None:
    """``predict`` fuses partly: branches into one convolution, with the BatchNorm after them left."""
    ours, theirs = synthetic.pose_network(size), pose_oracle.network(size)
    theirs.prep_model_for_conversion(input_size=(320, 320))
    images = synthetic.batch(320, 320)
    assert_near(forward(ours.fuse(), images), pose_oracle.forward(theirs, images), FUSED)


def test_the_epsilon_shows() -> None:
    """With detection's, the comparisons above would fail."""
    network, images = synthetic.pose_network("n"), synthetic.batch(320, 320)
    expected = forward(network, images)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3
    boxes, _, keypoints, _ = forward(network, images)
    assert torch.minimum((boxes - expected[0]).abs().max(), (keypoints - expected[2]).abs().max()) > 1
