"""The loss of poses and its gradients are super-gradients', on the same predictions and persons."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.reference import oracle
from tests.support import losses, pose_losses
from yolonas_plugin.nn import YoloNASPoseLoss
from yolonas_plugin.nn.pose_loss import PoseLossSettings

pytestmark = pytest.mark.usefixtures("one_thread")

NEAR = 1e-5
"""Relative difference that the parts of the loss and its gradients may have."""


@pytest.mark.parametrize("settings", pose_losses.SETTINGS.values(), ids=pose_losses.SETTINGS)
@pytest.mark.parametrize("predictions", losses.PREDICTIONS)
@pytest.mark.parametrize("kind", pose_losses.KINDS)
def test_the_same_loss(kind: str, predictions: str, settings: PoseLossSettings) -> None:
    assert_same(pose_losses.case(kind, predictions), settings)


@pytest.mark.parametrize("settings", pose_losses.SETTINGS.values(), ids=pose_losses.SETTINGS)
@pytest.mark.parametrize("predictions", losses.PREDICTIONS)
@pytest.mark.parametrize("kind", pose_losses.UNLABELLED)
def test_the_same_loss_of_persons_without_keypoints_where_that_is_asked_for(
    kind: str, predictions: str, settings: PoseLossSettings
) -> None:
    assert_same(pose_losses.case(kind, predictions), replace(settings, count_unlabelled=False))


def assert_same(case: pose_losses.Case, settings: PoseLossSettings) -> None:
    criterion = YoloNASPoseLoss(pose_losses.sigmas(case.keypoints.shape[1]), settings)
    found, gradients = pose_losses.compute(case, lambda raw: criterion(raw, *case.ours))
    expected, expected_gradients = pose_losses.compute(case, lambda raw: oracle.pose_loss(raw, case, settings))
    torch.testing.assert_close(torch.from_numpy(found), torch.from_numpy(expected), rtol=NEAR, atol=0)
    for ours, theirs in zip(gradients, expected_gradients, strict=True):
        assert (ours - theirs).norm() <= NEAR * theirs.norm()
        assert (ours - theirs).abs().max() <= NEAR * theirs.abs().max()
