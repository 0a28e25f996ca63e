"""The network for poses: sizes, shapes, what its keypoints are measured from, BatchNorm's epsilon, fusing, oneDNN."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tests.support import synthetic
from yolonas_plugin.nn import (
    CONFIGS,
    POSE_CONFIGS,
    RawPosePredictions,
    YoloNAS,
    yolo_nas_n,
    yolo_nas_pose_l,
    yolo_nas_pose_m,
    yolo_nas_pose_n,
    yolo_nas_pose_s,
)
from yolonas_plugin.nn.onednn import has_onednn, use_onednn
from yolonas_plugin.nn.pose_head import PoseHeads

pytestmark = pytest.mark.usefixtures("one_thread")

ROUNDING = {"rtol": 1e-4, "atol": 1e-3}


@pytest.fixture
def nano() -> YoloNAS:
    return synthetic.pose_network("n")


def run(network: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    with torch.no_grad():
        return network(images)


def batch_norms(network: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.mark.parametrize(
    ("make", "tensors", "parameters", "norms", "fused"),
    [
        (yolo_nas_pose_n, 956, 9_901_483, 135, 501 - 4 * 65),
        (yolo_nas_pose_s, 987, 22_226_028, 139, 506 - 4 * 65),
        (yolo_nas_pose_m, 1031, 58_208_046, 145, 524 - 4 * 67),
        (yolo_nas_pose_l, 1163, 79_366_452, 163, 578 - 4 * 73),
    ],
)
def test_tensors_and_parameters_of_each_size(
    make: Callable[[], YoloNAS], tensors: int, parameters: int, norms: int, fused: int
) -> None:
    """super-gradients' full fusion leaves a BatchNorm, five tensors, where ours leaves a bias: four fewer for each."""
    with torch.device("meta"):
        network = make()
    assert len(network.state_dict()) == tensors
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert len(batch_norms(network)) == norms
    assert len(network.eval().fuse().state_dict()) == fused


@pytest.mark.parametrize("shape", [(32, 32), (64, 96), (224, 160)])
@pytest.mark.parametrize(("num_keypoints", "in_channels"), [(17, 3), (1, 1), (5, 4), (133, 3)])
def test_shapes_of_all_outputs(num_keypoints: int, in_channels: int, shape: tuple[int, int]) -> None:
    with torch.device("meta"):
        network = yolo_nas_pose_n(num_keypoints, in_channels).eval()
    found = network(torch.empty(2, in_channels, *shape, device="meta"))
    cells = shape[0] * shape[1] * 21 // 1024
    expected = [(2, cells, 4), (2, cells, 1), (2, cells, num_keypoints, 2), (2, cells, num_keypoints)]
    assert [tuple(tensor.shape) for tensor in found] == expected
    assert network.outputs == ("boxes", "scores", "keypoints", "keypoint_scores")
    assert (network.num_classes, network.num_keypoints) == (1, num_keypoints)
    assert (yolo_nas_n().num_keypoints, yolo_nas_n().outputs) == (0, ("boxes", "scores"))


@pytest.mark.parametrize("shape", [(33, 64), (64, 40), (320, 400)])
def test_other_sides_are_refused(nano: YoloNAS, shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"input is {shape[0]}x{shape[1]}; both sides must be multiples of 32"):
        nano(torch.zeros(1, 3, *shape))


@pytest.mark.parametrize(
    ("config", "counts"),
    [
        (POSE_CONFIGS["n"], {"num_classes": 1, "num_keypoints": 0}),
        (POSE_CONFIGS["n"], {"num_classes": 1, "num_keypoints": -1}),
        (POSE_CONFIGS["n"], {"num_classes": 2, "num_keypoints": 17}),
        (CONFIGS["n"], {"num_classes": 2, "num_keypoints": 17}),
    ],
)
def test_keypoints_belong_to_poses_of_one_class(config: object, counts: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"num_keypoints={counts['num_keypoints']}"):
        YoloNAS(config, **counts)


def test_keypoints_are_measured_from_the_top_left_corner_of_their_cell() -> None:
    points, strides = torch.tensor([[0.5, 0.5], [2.5, 1.5]]), torch.tensor([[8.0], [16.0]])
    offsets = torch.tensor([[[[0.0, 0.0], [1.0, -2.0]], [[0.0, 0.0], [0.25, 0.5]]]])  # [1, 2 cells, 2 keypoints, 2]
    raw = RawPosePredictions(
        torch.zeros(1, 2, 1), torch.zeros(1, 2, 68), points, strides, offsets, torch.tensor([[[0.0, 2.0], [-2.0, 0.0]]])
    )
    boxes, scores, keypoints, keypoint_scores = PoseHeads.decode(raw)
    assert keypoints.tolist() == [[[[0, 0], [8, -16]], [[32, 16], [36, 24]]]]
    torch.testing.assert_close(keypoint_scores, raw.keypoint_logits.sigmoid())
    assert scores.tolist() == [[[0.5], [0.5]]]
    torch.testing.assert_close(boxes[0, 0], torch.tensor([-60.0, -60, 68, 68]))  # 8 strides about the centre


def test_the_first_channel_is_the_objects_and_offsets_go_keypoint_by_keypoint(nano: YoloNAS) -> None:
    """Channel 0 of ``cls_pred`` scores the object, the others the keypoints; ``pose_pred`` has x, y of each."""
    images = synthetic.batch(64, 64)
    head = nano.heads.head3
    features: list[Tensor] = []
    head.register_forward_hook(lambda module, given, found: features.extend(found))
    raw = nano.predict_raw(images)
    classes, _, offsets = features
    torch.testing.assert_close(raw.logits[0, -4:, 0], classes[0, 0].flatten())
    torch.testing.assert_close(raw.keypoint_logits[0, -4:, 3], classes[0, 4].flatten())
    torch.testing.assert_close(raw.keypoint_offsets[0, -4:, 3, 1], offsets[0, 7].flatten())


@pytest.mark.parametrize(("size", "momentum"), [("n", 0.03), ("s", 0.1), ("m", 0.1), ("l", 0.03)])
def test_each_task_has_its_own_epsilon_and_momentum(size: str, momentum: float) -> None:
    with torch.device("meta"):
        pose, detection = YoloNAS(POSE_CONFIGS[size], 1, num_keypoints=3), YoloNAS(CONFIGS[size], 3)
    assert {(norm.eps, norm.momentum) for norm in batch_norms(pose)} == {(1e-6, momentum)}
    assert {(norm.eps, norm.momentum) for norm in batch_norms(detection)} == {(1e-3, 0.03)}


def test_fused_equals_unfused(nano: YoloNAS) -> None:
    images = synthetic.batch(160, 224)
    before = run(nano, images)
    after = run(nano.fuse(), images)
    assert nano.is_fused()
    for first, second, most in zip(before, after, (0.05, 1e-4, 0.05, 1e-4), strict=True):
        assert (first - second).abs().max() <= most


@pytest.mark.skipif(not has_onednn(), reason="this machine or torch lacks oneDNN's operators")
def test_onednn_gives_the_same(nano: YoloNAS) -> None:
    images = synthetic.batch(64, 96)
    nano.fuse()
    before = run(nano, images)
    use_onednn(nano)
    for first, second in zip(before, run(nano, images), strict=True):
        torch.testing.assert_close(first, second, **ROUNDING)
    assert nano.heads.head1.pose_pred.packed is not None


def test_gradients_reach_every_parameter_but_the_place_of_the_fused_kernel(nano: YoloNAS) -> None:
    raw = nano.train()(synthetic.batch(64, 96, images=2))
    assert isinstance(raw, RawPosePredictions)
    assert raw.keypoint_offsets.shape == (2, 126, 17, 2)
    sum(tensor.pow(2).sum() for tensor in raw if tensor.requires_grad).backward()
    without = {name for name, parameter in nano.named_parameters() if parameter.grad is None}
    assert without == {name for name, _ in nano.named_parameters() if ".rbr_reparam." in name}


def test_a_new_network_scores_objects_and_keypoints_about_one_percent() -> None:
    torch.manual_seed(0)
    _, scores, _, keypoint_scores = run(yolo_nas_pose_n().eval(), synthetic.batch(64, 64))
    for found in (scores, keypoint_scores):
        assert 0.002 < found.median() < 0.04


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.*torch.jit:FutureWarning")
def test_traced_equals_eager(nano: YoloNAS) -> None:
    nano.fuse()
    images = synthetic.batch(96, 128, images=2)
    traced = torch.jit.trace(nano, images, check_trace=False)
    for first, second in zip(run(nano, images), run(traced, images), strict=True):
        torch.testing.assert_close(first, second, **ROUNDING)


def test_half_precision_decodes_in_single(nano: YoloNAS) -> None:
    images = synthetic.batch(64, 64)
    found = run(nano.to(torch.bfloat16), images.to(torch.bfloat16))
    assert {tensor.dtype for tensor in found} == {torch.float32}
