"""YOLO-NAS on torch alone: the network, its sizes, fusing, and the training loss."""

from yolonas_plugin.nn.config import CONFIGS, POSE_CONFIGS, TASK_CONFIGS, Size, StageConfig, YoloNASConfig
from yolonas_plugin.nn.head import RawPredictions
from yolonas_plugin.nn.loss import YoloNASLoss
from yolonas_plugin.nn.model import (
    Parts,
    YoloNAS,
    yolo_nas_l,
    yolo_nas_m,
    yolo_nas_n,
    yolo_nas_pose_l,
    yolo_nas_pose_m,
    yolo_nas_pose_n,
    yolo_nas_pose_s,
    yolo_nas_s,
)
from yolonas_plugin.nn.pose_head import RawPosePredictions
from yolonas_plugin.nn.pose_loss import POSE_RECIPES, PoseLossSettings, YoloNASPoseLoss

__all__ = [
    "CONFIGS",
    "POSE_CONFIGS",
    "POSE_RECIPES",
    "TASK_CONFIGS",
    "Parts",
    "PoseLossSettings",
    "RawPosePredictions",
    "RawPredictions",
    "Size",
    "StageConfig",
    "YoloNAS",
    "YoloNASConfig",
    "YoloNASLoss",
    "YoloNASPoseLoss",
    "yolo_nas_l",
    "yolo_nas_m",
    "yolo_nas_n",
    "yolo_nas_pose_l",
    "yolo_nas_pose_m",
    "yolo_nas_pose_n",
    "yolo_nas_pose_s",
    "yolo_nas_s",
]
