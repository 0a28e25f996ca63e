"""Small models for poses, as the engine has them, with weights that find persons everywhere."""

from __future__ import annotations

import copy
import functools
import math

from tests.support import synthetic
from yolonas_plugin import NAS
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.nas.module import NASModule
from yolonas_plugin.processing import POSE
from yolonas_plugin.skeleton import COCO_PERSON, Skeleton

SIZE = 96
"""Of the network's input, in pixels."""

HAND = Skeleton(
    names=("wrist", "thumb", "index", "ring", "little"),
    edges=((0, 1), (0, 2), (0, 3), (0, 4)),
    edge_colors=((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)),
    keypoint_colors=((255, 0, 255),) * 5,
)
"""Keypoints that are no person's."""


def pose_info(skeleton: Skeleton = COCO_PERSON) -> ModelInfo:
    """Return the record of a small model."""
    name = "person" if skeleton is COCO_PERSON else "hand"
    return ModelInfo(names=(name,), processing=POSE.with_size((SIZE, SIZE)), size="n", task="pose", skeleton=skeleton)


def pose_model(skeleton: Skeleton = COCO_PERSON) -> NAS:
    """Return the adapter on a small model."""
    model = NAS("yolo_nas_pose_n", pretrained=False)
    module = copy.deepcopy(_module(skeleton))
    module.args = model.model.args
    model.model = module
    model.overrides["imgsz"] = SIZE
    return model


@functools.cache
def _module(skeleton: Skeleton) -> NASModule:
    network = synthetic.pose_network("n", num_keypoints=len(skeleton))
    for head in (network.heads.head1, network.heads.head2, network.heads.head3):
        head.reg_pred.bias.data.view(4, -1)[:, 1:].sub_(math.log(4))  # boxes of a few strides
    return NASModule(pose_info(skeleton), network.parts).eval()
