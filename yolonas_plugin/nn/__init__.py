"""YOLO-NAS on torch alone: the network, its sizes, fusing, and the training loss."""

from yolonas_plugin.nn.config import CONFIGS, Size, StageConfig, YoloNASConfig
from yolonas_plugin.nn.head import RawPredictions
from yolonas_plugin.nn.loss import YoloNASLoss
from yolonas_plugin.nn.model import Parts, YoloNAS, yolo_nas_l, yolo_nas_m, yolo_nas_n, yolo_nas_s

__all__ = [
    "CONFIGS",
    "Parts",
    "RawPredictions",
    "Size",
    "StageConfig",
    "YoloNAS",
    "YoloNASConfig",
    "YoloNASLoss",
    "yolo_nas_l",
    "yolo_nas_m",
    "yolo_nas_n",
    "yolo_nas_s",
]
