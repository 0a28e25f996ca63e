"""SAHI's detection model: YOLO-NAS on whole images, and on slices of large ones.

SAHI has a fixed table of models and looks for no plugins, so it learns of this one when :func:`register` is called::

    from sahi import AutoDetectionModel
    from yolonas_plugin.hosts.sahi import register

    register()
    model = AutoDetectionModel.from_pretrained("yolo_nas", model_path="best.pth", confidence_threshold=0.4)

``python -m yolonas_plugin.hosts.sahi predict --model_type yolo_nas ...`` is SAHI's own command line, after that call.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from yolonas_plugin.boxes.clipping import clip_boxes
from yolonas_plugin.errors import WeightsNotFoundError
from yolonas_plugin.hosts import require_detector, unusable

try:
    from sahi.auto_model import MODEL_TYPE_TO_MODEL_CLASS_NAME
    from sahi.models.ultralytics import UltralyticsDetectionModel
except ImportError as error:
    raise unusable("sahi", "sahi", error) from error

MODEL_TYPE = "yolo_nas"


class YoloNASDetectionModel(UltralyticsDetectionModel):
    """SAHI's wrapper of the engine's models around :class:`~yolonas_plugin.NAS`.

    Takes the arguments of SAHI's ``DetectionModel``. ``model_path`` is whatever ``NAS`` opens: a weight file, an
    exported file, a model's name; or ``model`` is a ``NAS`` with settings of its own. Boxes end where the image or the
    slice ends.
    """

    _original_predictions: list[Any]  # SAHI's

    def load_model(self) -> None:
        """Load ``model_path``.

        Raises:
            YoloNASPluginError: There is none, or ``NAS`` can't open it.
        """
        from yolonas_plugin.nas import NAS

        if self.model_path is None:
            raise WeightsNotFoundError("SAHI's model yolo_nas has no weights; name them with model_path=")
        self.set_model(NAS(self.model_path))

    def set_model(self, model: Any, **kwargs: Any) -> None:
        """Take a ``NAS``.

        Raises:
            TaskError: It is no detector: SAHI merges boxes of slices, and has no place for their keypoints.
        """
        require_detector(getattr(model, "task", "detect"), self.model_path or "model", "SAHI")
        super().set_model(model, **kwargs)

    def perform_batch_inference(self, images: list[np.ndarray]) -> None:
        """Detect objects in images [H, W, 3], RGB, and keep them for SAHI to fetch."""
        super().perform_batch_inference(images)
        # NAS doesn't clip, and SAHI only at the upper left
        found = zip(self._original_predictions, images, strict=True)
        self._original_predictions = [clip_boxes(rows, *image.shape[:2]) for rows, image in found]


def register() -> None:
    """Enter YOLO-NAS as ``"yolo_nas"`` into SAHI's table of models, in this process; again is harmless."""
    MODEL_TYPE_TO_MODEL_CLASS_NAME[MODEL_TYPE] = YoloNASDetectionModel.__name__
    sys.modules[f"sahi.models.{MODEL_TYPE}"] = sys.modules[__name__]  # where SAHI imports the class from


if __name__ == "__main__":
    from sahi.cli import app

    register()
    app()
