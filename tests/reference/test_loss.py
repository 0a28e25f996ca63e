"""The loss and its gradients are super-gradients', on the same predictions and boxes."""

from __future__ import annotations

import pytest
import torch

from tests.reference import oracle
from tests.support import losses, synthetic
from yolonas_plugin.nn import RawPredictions, YoloNASLoss

pytestmark = pytest.mark.usefixtures("one_thread")

NEAR = 1e-4
"""Relative difference that the loss, its parts and its gradients may have."""


@pytest.mark.parametrize("static", [False, True], ids=["by alignment", "by place"])
@pytest.mark.parametrize("predictions", losses.PREDICTIONS)
@pytest.mark.parametrize("kind", losses.KINDS)
def test_the_same_loss(kind: str, predictions: str, static: bool) -> None:
    assert_same(losses.case(kind, predictions), losses.KINDS[kind][1], static)


@pytest.mark.parametrize("static", [False, True], ids=["by alignment", "by place"])
@pytest.mark.parametrize("num_classes", [1, 3, 80])
@pytest.mark.parametrize("shape", [(96, 96), (96, 640), (640, 640)])
@pytest.mark.parametrize("kind", ["a few boxes", "crowd", "wholly outside"])
def test_the_same_loss_at_other_sizes(kind: str, shape: tuple[int, int], num_classes: int, static: bool) -> None:
    assert_same(losses.make(kind, "trained", 2, shape, num_classes), shape, static)


def test_the_same_loss_of_the_smallest_image() -> None:
    """By alignment only: super-gradients' static assigner fails where a stride has fewer than nine cells."""
    assert_same(losses.make("a few boxes", "trained", 3, (32, 32), 3), (32, 32), static=False)


@pytest.mark.parametrize("static", [False, True], ids=["by alignment", "by place"])
@pytest.mark.parametrize("num_classes", [1, 3, 80])
def test_the_same_gradients_of_a_network_s_weights(num_classes: int, static: bool) -> None:
    shape, images = (256, 320), 3
    network = synthetic.network("s", num_classes).train()
    raw = network(synthetic.batch(*shape, images=images))
    case = losses.make("a few boxes", "new", images, shape, num_classes)
    weights = [p for name, p in network.named_parameters() if p.dim() == 4 and ".rbr_reparam." not in name]
    ours, _ = YoloNASLoss(static)(raw, *case.ours)
    theirs, _ = oracle.loss(raw.logits, raw.distances, shape, case.targets, static)
    for found, expected in zip(
        torch.autograd.grad(ours, weights, retain_graph=True), torch.autograd.grad(theirs, weights), strict=True
    ):
        assert (found - expected).norm() <= NEAR * expected.norm()


def assert_same(case: losses.Case, shape: tuple[int, int], static: bool) -> None:
    predictions = [tensor.clone().requires_grad_() for tensor in case.raw[:2]]
    total, parts = YoloNASLoss(static)(RawPredictions(*predictions, case.raw.points, case.raw.strides), *case.ours)
    expected_total, expected_parts = oracle.loss(*predictions, shape, case.targets, static)
    torch.testing.assert_close(total, expected_total, rtol=NEAR, atol=0)
    for name, expected in expected_parts.items():
        torch.testing.assert_close(parts[name], expected, rtol=NEAR, atol=0)
    for found, expected in zip(
        torch.autograd.grad(total, predictions), torch.autograd.grad(expected_total, predictions), strict=True
    ):
        difference = found - expected
        assert difference.abs().max() <= NEAR * expected.abs().max()
        assert difference.norm() <= NEAR * expected.norm()
