"""Weights of networks for poses: told by content, with processing and skeleton, and never taken for a detector's."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from exhaustive import first
from tests.support import synthetic
from tests.support.checkpoints import PARAMS as DETECTION_PARAMS
from tests.support.checkpoints import libreyolo, prefixed, refused, training_checkpoint
from yolonas_plugin.errors import CheckpointError, ProcessingError
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.nn import POSE_CONFIGS, YoloNAS
from yolonas_plugin.nn.blocks import QARepVGGBlock
from yolonas_plugin.processing import COCO, POSE, ProcessingSpec
from yolonas_plugin.skeleton import COCO_PERSON, Skeleton
from yolonas_plugin.weights import Checkpoint, read_checkpoint
from yolonas_plugin.weights.defaults import info_of
from yolonas_plugin.weights.header import VERSION_KEY, to_header
from yolonas_plugin.weights.write import write_safetensors

pytestmark = pytest.mark.usefixtures("one_thread")

StateDict = dict[str, Tensor]
HAND = Skeleton(
    names=("wrist", "thumb", "left_finger", "right_finger"),
    edges=((0, 1), (0, 2), (0, 3)),
    edge_colors=((1, 2, 3), (4, 5, 6), (7, 8, 9)),
    keypoint_colors=((0, 0, 0), (1, 1, 1), (2, 2, 2), (3, 3, 3)),
    flip_index=(0, 1, 3, 2),
    sigmas=(0.05, 0.1, 0.1, 0.1),
)
STEPS = [
    "ReverseImageChannels",
    {"KeypointsLongestMaxSizeRescale": {"output_shape": (320, 320)}},
    {"KeypointsBottomRightPadding": {"output_shape": (320, 320), "pad_value": 127}},
    {"StandardizeImage": {"max_value": 255.0}},
    {"ImagePermute": {"permutation": (2, 0, 1)}},
]
PARAMS: dict[str, Any] = {
    "image_processor": {"ComposeProcessing": {"processings": STEPS}},
    "conf": 0.05,
    "edge_links": [list(edge) for edge in COCO_PERSON.edges],
    "edge_colors": [list(colour) for colour in COCO_PERSON.edge_colors],
    "keypoint_colors": [[index, 0, 0] for index in range(17)],
}
"""As super-gradients' Trainer writes them, but for the colours."""

PROCESSING = ProcessingSpec(
    size=(320, 320),
    resize=(320, 320),
    padding="bottom_right",
    pad_value=127,
    channels="BGR",
    conf=0.05,
    iou=0.7,
    top_k=300,
    max_detections=100,
    multi_label=False,
)


@pytest.fixture(scope="module")
def weights() -> StateDict:
    return dict(synthetic.pose_network("n").state_dict())


@pytest.fixture(scope="module")
def hands() -> StateDict:
    return dict(synthetic.pose_network("n", num_keypoints=4).state_dict())


@pytest.fixture(scope="module")
def detector() -> StateDict:
    return dict(synthetic.network("n", num_classes=3).state_dict())


def saved(content: Any, path: Path) -> Path:
    torch.save(content, path)
    return path


def same(found: StateDict, weights: StateDict) -> bool:
    return found.keys() == weights.keys() and all(torch.equal(found[name], weights[name]) for name in weights)


@pytest.mark.parametrize("size", ["n", "s", "m", "l"])
@pytest.mark.parametrize(("num_keypoints", "in_channels"), [(17, 3), (1, 1), (133, 4)])
def test_task_size_and_keypoints_are_told_by_the_tensors(size: str, num_keypoints: int, in_channels: int) -> None:
    with torch.device("meta"):
        state = YoloNAS(POSE_CONFIGS[size], 1, in_channels, num_keypoints=num_keypoints).state_dict()
    found = Checkpoint.from_state_dict(state, Path("weights.pt"))
    assert (found.task, found.size, found.num_classes) == ("pose", size, 1)
    assert (found.num_keypoints, found.in_channels) == (num_keypoints, in_channels)


def test_a_training_checkpoint(weights: StateDict, tmp_path: Path) -> None:
    path = saved(training_checkpoint(weights, processing_params=PARAMS), tmp_path / "ckpt_best.pth")
    found = read_checkpoint(path)
    assert same(dict(found.state_dict), weights)  # the averaged ones
    assert found.processing == PROCESSING
    assert found.skeleton.names == COCO_PERSON.names
    assert found.skeleton.flip_index == COCO_PERSON.flip_index
    assert found.skeleton.keypoint_colors[5] == (5, 0, 0)
    info = info_of(found)
    assert (info.task, info.names, info.skeleton) == ("pose", ("person",), found.skeleton)


def test_a_published_file_says_nothing_and_is_prepared_as_they_were(weights: StateDict, tmp_path: Path) -> None:
    info = info_of(read_checkpoint(saved({"net": weights}, tmp_path / "yolo_nas_pose_n_coco_pose.pth")))
    assert (info.processing, info.skeleton, info.names) == (POSE, COCO_PERSON, ("person",))


def test_keypoints_that_were_not_published_need_their_processing_said(hands: StateDict, tmp_path: Path) -> None:
    found = read_checkpoint(saved({"net": hands}, tmp_path / "hands.pth"))
    with pytest.raises(ProcessingError, match="Say it: processing='pose'"):
        info_of(found)
    info = info_of(found, processing="pose")
    assert (info.processing, info.skeleton, info.names) == (POSE, Skeleton.unnamed(4), ("person",))


def test_the_network_that_is_built_computes_the_same(weights: StateDict, tmp_path: Path) -> None:
    network = read_checkpoint(saved({"net": weights}, tmp_path / "a.pth")).build()
    images = synthetic.batch(64, 64)
    with torch.no_grad():
        for found, expected in zip(network(images), synthetic.pose_network("n")(images), strict=True):
            assert torch.equal(found, expected)
    assert {m.eps for m in network.modules() if isinstance(m, nn.BatchNorm2d)} == {1e-6}


@pytest.mark.parametrize("prefix", first(["net.module.", "module.", "model.", "ema_model."]))
def test_prefixes_are_taken_off(prefix: str, hands: StateDict, tmp_path: Path) -> None:
    save_file(prefixed(hands, prefix), tmp_path / "weights.safetensors")
    found = read_checkpoint(tmp_path / "weights.safetensors")
    assert (found.task, found.num_keypoints) == ("pose", 4)
    assert same(dict(found.state_dict), hands)


def test_other_edges_of_seventeen_keypoints_are_no_person_of_coco(weights: StateDict, tmp_path: Path) -> None:
    """Data sets of animals have seventeen, too."""
    params = PARAMS | {"edge_links": [[0, 16]], "edge_colors": [[9, 9, 9]]}
    found = read_checkpoint(saved({"net": weights, "processing_params": params}, tmp_path / "a.pth"))
    assert (found.skeleton.edges, found.skeleton.names[0]) == (((0, 16),), "keypoint_0")
    assert found.skeleton.flip_index is None


@pytest.mark.parametrize("wrap", first([nn.DataParallel, lambda module: module, lambda module: {"ema": module}]))
def test_a_whole_module_has_its_own_selection_and_not_a_detectors(
    wrap: Callable[[nn.Module], Any], hands: StateDict, super_gradients: Callable[..., Any], tmp_path: Path
) -> None:
    module = synthetic.pose_network("n", num_keypoints=4)
    module._image_processor = super_gradients(
        "ComposeProcessing",
        processings=[
            super_gradients("ReverseImageChannels"),
            super_gradients("KeypointsLongestMaxSizeRescale", output_shape=(320, 320)),
            super_gradients("KeypointsBottomRightPadding", output_shape=(320, 320), pad_value=127),
            super_gradients("StandardizeImage", max_value=255.0),
            super_gradients("ImagePermute", permutation=(2, 0, 1)),
        ],
    )
    module._edge_links, module._edge_colors = [[0, 1], [0, 2]], [[1, 2, 3], [4, 5, 6]]
    module._keypoint_colors = [[0, 0, 0]] * 4
    module._default_nms_conf, module._default_nms_iou = 0.4, 0.6
    module._default_pre_nms_max_predictions, module._default_post_nms_max_predictions = 200, 50
    # what the class that detectors share leaves there
    module._default_nms_top_k, module._default_max_predictions = 1024, 300
    module._default_multi_label_per_box, module._default_class_agnostic_nms = True, False
    module._class_names = None
    found = read_checkpoint(saved(wrap(module), tmp_path / "pose.pth"))
    spec = found.processing
    assert (spec.conf, spec.iou, spec.top_k, spec.max_detections, spec.multi_label) == (0.4, 0.6, 200, 50, False)
    assert found.skeleton.edges == ((0, 1), (0, 2))
    assert len(found.skeleton) == 4
    assert same(dict(found.state_dict), hands)


@pytest.mark.parametrize("fully", [True, False], ids=["fully", "up to the BatchNorm after them"])
def test_a_network_whose_blocks_were_fused_predicts_the_same(fully: bool, tmp_path: Path) -> None:
    """Of small variances, the epsilon of detection would show."""
    network, images = synthetic.pose_network("n"), synthetic.batch(64, 96)
    tensors = dict(network.state_dict())
    for name, block in network.named_modules():
        if isinstance(block, QARepVGGBlock):
            for kind in ("branch_3x3", "branch_1x1", "post_bn") if fully else ("branch_3x3", "branch_1x1"):
                tensors = {key: tensor for key, tensor in tensors.items() if not key.startswith(f"{name}.{kind}.")}
            fused = deepcopy(block)
            if not fully:  # a BatchNorm that does nothing
                fused.post_bn.reset_parameters()
                fused.post_bn.running_var.fill_(1 - network.config.batchnorm_eps)
            fused.fuse()
            tensors |= {f"{name}.rbr_reparam.{kind}": getattr(fused.rbr_reparam, kind) for kind in ("weight", "bias")}
    built = read_checkpoint(saved({"net": tensors}, tmp_path / "fused.pt")).build()
    with torch.no_grad():
        for found, expected, most in zip(built(images), network(images), (0.05, 1e-4) * 2, strict=True):
            assert (found - expected).abs().max() <= most


# --- files of our own ---


def hand_info(**changes: Any) -> ModelInfo:
    spec = POSE.with_size((64, 64))
    return ModelInfo(
        **{"size": "n", "names": ("hand",), "processing": spec, "task": "pose", "skeleton": HAND, **changes}
    )


def test_our_files_carry_task_and_skeleton(hands: StateDict, tmp_path: Path) -> None:
    write_safetensors(tmp_path / "hands.safetensors", hands, hand_info(licence="free"))
    found = read_checkpoint(tmp_path / "hands.safetensors")
    assert (found.task, found.skeleton, found.class_names) == ("pose", HAND, ("hand",))
    assert info_of(found).skeleton == HAND
    assert info_of(found, names=["glove"]).names == ("glove",)
    assert info_of(read_checkpoint(tmp_path / "hands.safetensors", own_names=False)).names == ("person",)


def test_versions_that_know_no_poses_are_told_so() -> None:
    assert to_header(hand_info())[VERSION_KEY] == "2"
    assert to_header(ModelInfo(size="n", names=("a",), processing=COCO)).keys().isdisjoint({"task", "skeleton"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "dance"}, "the task is 'dance'"),
        ({"task": None}, "has no keypoints, but a skeleton was given"),
        ({"skeleton": None}, "needs a skeleton"),
        ({"skeleton": "{"}, "the skeleton is no JSON"),
        ({"skeleton": '{"names": ["a", "a", "b", "c"]}'}, "two keypoints are called 'a'"),
        ({"skeleton": Skeleton(("a", "b")).to_json()}, "a skeleton of 2 keypoints, but its tensors predict 4"),
        ({"class_names": '["a", "b"]'}, "of one class, not of 2"),
    ],
)
def test_a_damaged_header_is_refused(
    changes: dict[str, str | None], message: str, hands: StateDict, tmp_path: Path
) -> None:
    header = {name: text for name, text in (to_header(hand_info()) | changes).items() if text is not None}
    save_file(hands, tmp_path / "x.safetensors", metadata=header)
    refused(tmp_path / "x.safetensors", message)


# --- files that contradict themselves, or are another task's ---


def test_keypoints_that_contradict_the_skeleton(hands: StateDict, tmp_path: Path) -> None:
    path = saved({"net": hands, "processing_params": PARAMS}, tmp_path / "a.pth")
    refused(path, "a skeleton of 17 keypoints, but its tensors predict 4")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"edge_links": [[0, 17]]}, "it must join two of the keypoints 0 to 16"),
        ({"edge_colors": [[0, 0, 0]]}, "edge_colors has 1 colours for 19"),
        ({"edge_links": 5}, "edge_links is 5, not a list"),
        ({"keypoint_colors": [[0, 0, 300]] * 17}, "from 0 to 255"),
    ],
)
def test_a_skeleton_that_is_none(changes: dict[str, Any], message: str, weights: StateDict, tmp_path: Path) -> None:
    path = saved({"net": weights, "processing_params": PARAMS | changes}, tmp_path / "a.pth")
    refused(path, "its skeleton can't be used", message)


def test_what_a_file_says_for_another_task(weights: StateDict, detector: StateDict, tmp_path: Path) -> None:
    pose = saved({"net": weights, "processing_params": DETECTION_PARAMS | {"class_names": None}}, tmp_path / "pose.pth")
    words = ("its tensors are those of a YOLO-NAS-POSE, for pose estimation", "is for detection")
    refused(pose, *words, error=ProcessingError)
    detection = saved({"net": detector, "processing_params": PARAMS}, tmp_path / "detect.pth")
    words = ("its tensors are those of a YOLO-NAS, for detection", "is for pose estimation")
    refused(detection, *words, error=ProcessingError)
    assert read_checkpoint(pose, own_processing=False).task == "pose"


def test_a_file_given_for_another_task_is_named_as_what_it_is(weights: StateDict, tmp_path: Path) -> None:
    found = read_checkpoint(saved({"net": weights}, tmp_path / "yolo_nas_s.pth"))
    with pytest.raises(CheckpointError, match=r"yolo_nas_s\.pth: this is a YOLO-NAS-POSE N.*docling takes a YOLO-NAS"):
        found.require_task("detect", "docling")
    assert found.require_task("pose", "anything") is found


def test_rotated_boxes_are_named(detector: StateDict, tmp_path: Path) -> None:
    rotated = detector | {"heads.head1.rot_pred.weight": torch.zeros(1, 48, 1, 1)}
    refused(saved({"net": rotated}, tmp_path / "r.pth"), "a network for rotated boxes (YOLO-NAS-R)")


def test_an_incomplete_network_is_named_by_its_task(weights: StateDict, tmp_path: Path) -> None:
    less = {name: tensor for name, tensor in weights.items() if "head2.pose_convs.1" not in name}
    refused(saved({"net": less}, tmp_path / "a.pth"), "not a complete YOLO-NAS-POSE N: heads.head2.pose_convs.1")


def test_heads_that_disagree(weights: StateDict, hands: StateDict, tmp_path: Path) -> None:
    mixed = {name: (hands if "head2." in name else weights)[name] for name in weights}
    refused(saved({"net": mixed}, tmp_path / "a.pth"), "disagree about the number of keypoints: [4, 17]")


def test_peers_that_compute_poses_otherwise(weights: StateDict, tmp_path: Path) -> None:
    refused(saved(libreyolo(weights, task="pose"), tmp_path / "a.pt"), "LibreYOLO", "another epsilon of BatchNorm")
