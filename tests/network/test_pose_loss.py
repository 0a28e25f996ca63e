"""What training relies on in the loss of poses, and that its figures are super-gradients'."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from tests import golden
from tests.support import losses, pose_losses
from yolonas_plugin.nn import YoloNASPoseLoss, yolo_nas_pose_n
from yolonas_plugin.nn.iou import complete_iou
from yolonas_plugin.nn.pose_head import decode_keypoints
from yolonas_plugin.nn.pose_loss import keypoint_similarity

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = pytest.mark.parametrize("name", pose_losses.SETTINGS)


@SETTINGS
@pytest.mark.parametrize("predictions", losses.PREDICTIONS)
@pytest.mark.parametrize("kind", [*pose_losses.KINDS, *pose_losses.UNLABELLED])
def test_the_loss_and_its_gradients_equal_super_gradients(kind: str, predictions: str, name: str) -> None:
    case = pose_losses.case(kind, predictions)
    settings = pose_losses.SETTINGS[name]
    if kind in pose_losses.UNLABELLED:
        settings = replace(settings, count_unlabelled=False)
    found, _ = pose_losses.compute(case, lambda raw: loss_of(case, settings)(raw, *case.ours))
    np.testing.assert_allclose(found, golden.load_arrays("pose_loss")[f"{kind}, {predictions}, {name}"], rtol=1e-5)


@SETTINGS
def test_persons_without_keypoints_do_not_silence_the_loss(name: str) -> None:
    """Of them nothing is known but the box: the network learns to find them, and nothing of their keypoints."""
    case = pose_losses.case("no keypoint labelled", "trained")
    numbers, gradients = pose_losses.compute(case, lambda raw: loss_of(case, name)(raw, *case.ours))
    parts = dict(zip(pose_losses.PARTS, numbers, strict=False))
    assert min(parts["box_loss"], parts["cls_loss"], parts["dfl_loss"]) > 0
    assert (parts["pose_loss"], parts["kobj_loss"]) == (0, 0)
    assert gradients[1].norm() > 0  # of the boxes
    assert not gradients[2].any()
    assert not gradients[3].any()


@SETTINGS
def test_without_persons_among_them_that_have_no_keypoints_the_choice_changes_nothing(name: str) -> None:
    case = pose_losses.case("crowd", "trained")
    settings = pose_losses.SETTINGS[name]
    ours, theirs = (
        loss_of(case, replace(settings, count_unlabelled=counts))(case.raw, *case.ours) for counts in (True, False)
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


@SETTINGS
def test_where_keypoints_without_label_lie_does_not_matter(name: str) -> None:
    case = pose_losses.case("a few boxes", "trained")
    moved = case.keypoints.clone()
    moved[..., :2][moved[..., 2] == 0] = -1234.5
    criterion = loss_of(case, name)
    expected = criterion(case.raw, *case.ours)
    torch.testing.assert_close(criterion(case.raw, case.boxes, moved, case.images), expected, rtol=0, atol=0)


@SETTINGS
def test_the_order_of_persons_and_of_images_changes_nothing(name: str) -> None:
    case = pose_losses.case("some images without boxes", "trained")
    criterion = loss_of(case, name)
    expected = criterion(case.raw, *case.ours)
    order = torch.randperm(len(case.boxes), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(criterion(case.raw, *(tensor[order] for tensor in case.ours)), expected)
    fixed = {"points": case.raw.points, "strides": case.raw.strides}
    turned = type(case.raw)(*(tensor.flip(0) for tensor in case.raw))._replace(**fixed)
    last = len(case.raw.logits) - 1
    torch.testing.assert_close(criterion(turned, case.boxes, case.keypoints, last - case.images), expected)


def test_following_the_gradient_finds_persons_and_keypoints() -> None:
    """With wide sigmas: far from a keypoint its similarity has next to no gradient."""
    case = pose_losses.case("one box", "new")
    box = torch.tensor([[20.0, 20, 120, 140]])
    places = box[:, None, :2] + torch.linspace(5, 95, 17)[None, :, None]
    case = case._replace(boxes=box, keypoints=torch.cat((places, case.keypoints[..., 2:]), dim=2))
    criterion, raw = YoloNASPoseLoss((0.3,) * 17), pose_losses.leaves(case.raw)
    optimizer = torch.optim.Adam(pose_losses.predicted(raw), lr=0.2)
    for _ in range(150):
        optimizer.zero_grad()
        total, _ = criterion(raw, *case.ours)
        total.backward()
        optimizer.step()
    best = raw.logits[case.images[0], :, 0].argmax()
    keypoints = decode_keypoints(raw.points, raw.keypoint_offsets, raw.strides)[case.images[0], best]
    assert keypoint_similarity(keypoints, case.keypoints[0], case.boxes[0], criterion.sigmas) > 0.95
    assert raw.logits[case.images[0], best, 0].sigmoid() > 0.7
    labelled = case.keypoints[0, :, 2] > 0
    assert torch.equal(raw.keypoint_logits[case.images[0], best] > 0, labelled)


def test_some_steps_lower_the_loss_of_a_network() -> None:
    """Not by score: of the recipes' loss a network's share grows with its scores, so that it rises at first."""
    torch.manual_seed(0)
    network = yolo_nas_pose_n(num_keypoints=3).train()
    images = torch.rand(2, 3, 64, 64)
    boxes = torch.tensor([[8.0, 8, 40, 56], [20, 4, 60, 60]])
    keypoints = torch.tensor([[[12.0, 12, 2], [30, 30, 1], [0, 0, 0]], [[40, 10, 2], [50, 50, 2], [25, 30, 2]]])
    criterion = YoloNASPoseLoss((0.1, 0.1, 0.1), pose_losses.SETTINGS["library"])
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    course = []
    for _ in range(12):
        optimizer.zero_grad()
        _, parts = criterion(network(images), boxes, keypoints, torch.tensor([0, 1]))
        sum(parts.values()).backward()
        optimizer.step()
        course.append(sum(float(parts[name].detach()) for name in ("cls_loss", "box_loss", "pose_loss")))
    without = {name for name, parameter in network.named_parameters() if parameter.grad is None}
    assert without == {name for name, _ in network.named_parameters() if ".rbr_reparam." in name}
    assert np.mean(course[-3:]) < np.mean(course[:3])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_predictions_are_compared_in_float32(dtype: torch.dtype) -> None:
    case = pose_losses.case("a few boxes", "trained")
    fixed = {"points": case.raw.points, "strides": case.raw.strides}
    half = type(case.raw)(*(tensor.to(dtype) for tensor in case.raw))._replace(**fixed)
    full = type(case.raw)(*(tensor.float() for tensor in half))
    criterion = loss_of(case, "recipe of n and s")
    torch.testing.assert_close(criterion(half, *case.ours), criterion(full, *case.ours), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoints": torch.zeros(3, 17, 3)}, "keypoints have the shape"),
        ({"keypoints": torch.zeros(2, 4, 3)}, "keypoints have the shape"),
        ({"keypoints": torch.zeros(2, 17, 2)}, "keypoints have the shape"),
        ({"images": torch.tensor([0, 9])}, "images of the boxes go from 0 to 9"),
        ({"boxes": torch.zeros(2, 5)}, "have the shapes"),
    ],
    ids=str,
)
def test_what_does_not_fit_together_is_refused(change: dict[str, Tensor], message: str) -> None:
    case = pose_losses.case("a few boxes", "new")
    given = {"boxes": torch.ones(2, 4), "keypoints": torch.zeros(2, 17, 3), "images": torch.zeros(2, dtype=torch.long)}
    with pytest.raises(ValueError, match=message):
        loss_of(case, "library")(case.raw, **{**given, **change})


def test_complete_iou_of_boxes_whose_figures_are_known() -> None:
    """Equal; beside each other: 0 - 10^2 / (10^2 + 20^2); of no area: no division by zero."""
    first = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [5, 5, 5, 5]], requires_grad=True)
    second = torch.tensor([[0.0, 0, 10, 10], [10, 0, 20, 10], [0, 0, 10, 10]])
    found = complete_iou(first, second)
    torch.testing.assert_close(found[:2], torch.tensor([1.0, -0.2]))
    assert found.isfinite().all()


def loss_of(case: pose_losses.Case, settings: object) -> YoloNASPoseLoss:
    chosen = pose_losses.SETTINGS[settings] if isinstance(settings, str) else settings
    return YoloNASPoseLoss(pose_losses.sigmas(case.keypoints.shape[1]), chosen)
