"""Files that super-gradients' networks for poses are in, read; and its own network under our engine."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from super_gradients.training.processing.processing import default_yolo_nas_pose_coco_processing_params
from torch import Tensor, nn

from tests.reference import pose_oracle
from tests.support import synthetic
from tests.support.outputs import FUSED, UNFUSED, assert_near, forward
from yolonas_plugin import NAS
from yolonas_plugin.nas.backends import OriginalModule
from yolonas_plugin.nas.module import NASModule
from yolonas_plugin.processing import POSE
from yolonas_plugin.skeleton import COCO_PERSON
from yolonas_plugin.weights import read_checkpoint
from yolonas_plugin.weights.defaults import info_of

pytestmark = pytest.mark.usefixtures("one_thread")

IMAGES = synthetic.batch(256, 320, images=2)


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    """A network with what ``models.get(..., pretrained_weights=...)`` leaves on it."""
    model = pose_oracle.network("n")
    model.set_dataset_processing_params(**default_yolo_nas_pose_coco_processing_params())
    return model


def detected(module: NASModule, images: Tensor) -> tuple[Tensor, ...]:
    with torch.no_grad():
        return module.detect(images)


@pytest.mark.parametrize("fusing", [None, {}, {"full_fusion": True}], ids=["as trained", "partly", "fully"])
def test_a_pickled_network(theirs: nn.Module, fusing: dict[str, Any] | None, tmp_path: Path) -> None:
    expected = pose_oracle.forward(theirs, IMAGES)
    model = deepcopy(theirs)
    if fusing is not None:
        model.prep_model_for_conversion(input_size=(256, 320), **fusing)
    torch.save(model, tmp_path / "pose.pth")
    checkpoint = read_checkpoint(tmp_path / "pose.pth")
    assert checkpoint.skeleton == COCO_PERSON
    assert checkpoint.processing == POSE
    assert_near(forward(checkpoint.build(), IMAGES), expected, UNFUSED if fusing is None else FUSED)


def test_a_training_checkpoint(theirs: nn.Module, tmp_path: Path) -> None:
    params = {
        "image_processor": {
            "ComposeProcessing": {"processings": [{type(step).__name__: vars(step)} for step in _steps(theirs)]}
        },
        "conf": 0.05,
        "edge_links": theirs._edge_links,
        "edge_colors": theirs._edge_colors,
        "keypoint_colors": theirs._keypoint_colors,
    }
    torch.save({"net": theirs.state_dict(), "processing_params": params}, tmp_path / "ckpt_best.pth")
    info = info_of(read_checkpoint(tmp_path / "ckpt_best.pth"))
    assert (info.skeleton, info.processing.conf, info.processing.pad_value) == (COCO_PERSON, 0.05, 127)


def _steps(model: nn.Module) -> list[Any]:
    return model._image_processor.processings


@pytest.mark.parametrize(("size", "num_keypoints"), [("n", 17), ("s", 5)])
def test_its_network_under_our_engine(size: str, num_keypoints: int, tmp_path: Path) -> None:
    path = tmp_path / "pose.pth"
    torch.save({"net": synthetic.pose_network(size, num_keypoints).state_dict()}, path)
    native = NAS(path, processing="pose").model
    original = NAS(path, processing="pose", backend="super-gradients").model
    assert isinstance(original, OriginalModule)
    assert type(original.original).__name__ == f"YoloNASPose_{size.upper()}"
    assert original.kpt_shape == native.kpt_shape == [num_keypoints, 3]
    assert list(original.state_dict()) == list(native.state_dict())
    expected = detected(native, IMAGES)
    assert_near(detected(original, IMAGES), expected, UNFUSED)
    with torch.no_grad():
        assert_near(native.heads.decode(original.predict_raw(IMAGES)), expected, UNFUSED)
    assert_near(detected(original.fuse(), IMAGES), expected, FUSED)
