"""YOLO-NAS on the Ultralytics engine: the model, its predictor, its validator and its trainer."""

from yolonas_plugin.system.silence import ultralytics as _ultralytics  # noqa: F401  the first to import the engine

# isort: split
from yolonas_plugin.nas.model import NAS, TASK_MAP
from yolonas_plugin.nas.predict import NASPredictor
from yolonas_plugin.nas.train import NASTrainer
from yolonas_plugin.nas.val import NASValidator

__all__ = ["NAS", "TASK_MAP", "NASPredictor", "NASTrainer", "NASValidator"]
