"""The network computes what super-gradients' computes, from the same weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from tests.reference import oracle
from tests.support import synthetic
from tests.support.outputs import FUSED, UNFUSED, assert_near, forward
from yolonas_plugin.nn import YoloNAS
from yolonas_plugin.weights import read_checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPES = [(640, 640), (320, 320), (416, 608)]


@pytest.fixture(scope="module", params=["s", "m", "l"])
def pair(request: pytest.FixtureRequest) -> tuple[YoloNAS, nn.Module]:
    return synthetic.network(request.param), oracle.network(request.param)


def test_each_loads_the_other_s_state_dict(pair: tuple[YoloNAS, nn.Module]) -> None:
    ours, theirs = (
        [(name, tensor.shape, tensor.dtype) for name, tensor in model.state_dict().items()] for model in pair
    )
    assert ours == theirs
    pair[0].load_state_dict(pair[1].state_dict(), strict=True)
    pair[1].load_state_dict(pair[0].state_dict(), strict=True)


def test_the_same_boxes_and_scores(pair: tuple[YoloNAS, nn.Module]) -> None:
    expected = {shape: oracle.forward(pair[1], synthetic.batch(*shape)) for shape in SHAPES}
    for shape in SHAPES:
        assert_near(forward(pair[0], synthetic.batch(*shape)), expected[shape], UNFUSED)
    fused = pair[0].fuse()
    for shape in SHAPES:
        assert_near(forward(fused, synthetic.batch(*shape)), expected[shape], FUSED)


@pytest.mark.parametrize(("num_classes", "in_channels"), [(3, 3), (80, 1), (80, 4), (1, 3)])
def test_the_same_for_other_classes_and_channels(num_classes: int, in_channels: int) -> None:
    ours, theirs = (make("s", num_classes, in_channels) for make in (synthetic.network, oracle.network))
    images = synthetic.batch(256, 320, images=2, channels=in_channels)
    expected = oracle.forward(theirs, images)
    assert_near(forward(ours, images), expected, UNFUSED)
    assert_near(forward(ours.fuse(), images), expected, FUSED)


def test_the_same_for_a_trained_checkpoint(bccd_checkpoint: Path) -> None:
    ours, theirs = read_checkpoint(bccd_checkpoint).build(), oracle.load(bccd_checkpoint)
    images = synthetic.batch(320, 320, images=2) * 255
    expected = oracle.forward(theirs, images)
    assert_near(forward(ours, images), expected, UNFUSED)
    assert_near(forward(ours.fuse(), images), expected, FUSED)
