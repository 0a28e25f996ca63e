"""YOLO-NAS as an auto-annotation function of CVAT.

CVAT's command line calls :func:`create` with what is given by ``-p``::

    cvat-cli task auto-annotate 137 --function-module yolonas_plugin.hosts.cvat -p model=str:best.pth
"""

from __future__ import annotations

from typing import Any

import cvat_sdk.auto_annotation as cvat
import numpy as np
from cvat_sdk.models import LabeledShapeRequest
from PIL import Image

from model_zoo_api.predictor import Predictor
from model_zoo_api.zoo import ModelZoo
from yolonas_plugin.boxes.image_boxes import as_arrays


class Detector:
    """A detection function. Make one with :func:`create`.

    Attributes:
        spec: The labels, rectangles with the names of the model's classes.
    """

    def __init__(self, predict: Predictor) -> None:
        self._predict = predict
        self.spec = cvat.DetectionFunctionSpec(
            labels=[cvat.label_spec(name, index, type="rectangle") for index, name in predict.model.names.items()]
        )

    def detect(self, context: cvat.DetectionFunctionContext, image: Image.Image) -> list[LabeledShapeRequest]:
        """Return a rectangle inside the image for each detection, with its score."""
        limit = {} if context.conf_threshold is None else {"conf": context.conf_threshold}
        (found,) = self._predict(np.asarray(image.convert("RGB"))[..., ::-1], **limit)
        within = as_arrays(found).within_image()
        rows = zip(within.boxes.tolist(), within.scores.tolist(), within.labels.tolist(), strict=True)
        return [cvat.rectangle(label, box, score=score) for box, score, label in rows]


def create(
    model: str,
    *,
    processing: str | None = None,
    runtime: str | None = None,
    accept_licence: bool = False,
    **settings: Any,
) -> Detector:
    """Return a detection function.

    Args:
        model: Path of a weight file, or a model's name.
        processing: How images are prepared, if the file doesn't say: ``"coco"`` or ``"super-gradients"``.
        runtime: ``"torch"``, ``"openvino"``, ``"onnxruntime"`` or ``"auto"``.
        accept_licence: Accept the licence of published weights, if they are downloaded now.
        **settings: Of ``NAS.predict``: ``conf``, which ``--conf-threshold`` overrides, ``iou``, ``imgsz``, ``device``.

    Raises:
        YoloNASPluginError: As for ``NAS``.
    """
    options = {"processing": processing, "runtime": runtime, "accept_licence": accept_licence}
    return Detector(ModelZoo.discover().predictor(model, provider="yolo_nas", load=options, **settings))
