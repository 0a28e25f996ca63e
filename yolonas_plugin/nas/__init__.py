"""YOLO-NAS on the Ultralytics engine: the model, its predictor, its validator and its trainer."""

import torch as _torch  # noqa: F401  before ultralytics, which on import limits a torch that isn't loaded yet to one thread

from yolonas_plugin.nas.model import NAS, TASK_MAP
from yolonas_plugin.nas.predict import NASPredictor
from yolonas_plugin.nas.train import NASTrainer
from yolonas_plugin.nas.val import NASValidator

__all__ = ["NAS", "TASK_MAP", "NASPredictor", "NASTrainer", "NASValidator"]
