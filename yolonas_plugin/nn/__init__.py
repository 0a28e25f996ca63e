"""YOLO-NAS on torch alone: the network, its sizes, fusing, and the training loss."""

from yolonas_plugin.nn.config import CONFIGS, Size, StageConfig, YoloNASConfig
from yolonas_plugin.nn.head import RawPredictions
from yolonas_plugin.nn.loss import YoloNASLoss
from yolonas_plugin.nn.model import YoloNAS, yolo_nas_l, yolo_nas_m, yolo_nas_n, yolo_nas_s
from yolonas_plugin.nn.skeleton import Skeleton, copy_modules

__all__ = [
    "CONFIGS",
    "RawPredictions",
    "Size",
    "Skeleton",
    "StageConfig",
    "YoloNAS",
    "YoloNASConfig",
    "YoloNASLoss",
    "copy_modules",
    "yolo_nas_l",
    "yolo_nas_m",
    "yolo_nas_n",
    "yolo_nas_s",
]
