"""YOLO-NAS as an auto-annotation function of CVAT.

CVAT's command line calls :func:`create` with what is given by ``-p``::

    cvat-cli task auto-annotate 137 --function-module yolonas_plugin.hosts.cvat -p model=str:best.pth
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from model_zoo_api.predictor import Predictor
from model_zoo_api.zoo import ModelZoo
from yolonas_plugin.boxes.image_boxes import as_arrays
from yolonas_plugin.hosts import require, unusable

try:
    import cvat_sdk.auto_annotation as cvat
    from cvat_sdk.models import LabeledShapeRequest

    require(hasattr(cvat.DetectionFunctionContext, "conf_threshold"), "DetectionFunctionContext.conf_threshold")
    # a shape takes any keyword, and would go to the server with what that doesn't know
    require("score" in LabeledShapeRequest.attribute_map, "LabeledShapeRequest.score")
except ImportError as error:
    raise unusable("cvat_sdk", "cvat", error) from error


class Detector:
    """A detection function. Make one with :func:`create`.

    Attributes:
        spec: The labels, with the names of the model's classes: rectangles, or skeletons of the names of its keypoints.
    """

    def __init__(self, predict: Predictor) -> None:
        self._predict = predict
        points = [] if predict.model.skeleton is None else predict.model.skeleton.names
        kind: dict[str, Any] = {"type": "rectangle"}
        if points:
            kind = {"type": "skeleton", "sublabels": [cvat.keypoint_spec(name, i) for i, name in enumerate(points)]}
        self.spec = cvat.DetectionFunctionSpec(
            labels=[cvat.label_spec(name, index, **kind) for index, name in predict.model.names.items()]
        )

    def detect(self, context: cvat.DetectionFunctionContext, image: Image.Image) -> list[LabeledShapeRequest]:
        """Return a rectangle inside the image for each detection, or a skeleton, with its score.

        Keypoints that score less than 0.25 (``SHOWN``), or lie out of the image, are marked as outside, at its edge.
        """
        limit = {} if context.conf_threshold is None else {"conf": context.conf_threshold}
        (found,) = self._predict(np.asarray(image.convert("RGB"))[..., ::-1], **limit)
        within = as_arrays(found).within_image()
        objects = list(zip(within.labels.tolist(), within.scores.tolist(), strict=True))
        if within.keypoints is None:
            rows = zip(objects, within.boxes.tolist(), strict=True)
            return [cvat.rectangle(label, box, score=score) for (label, score), box in rows]
        size = np.array((within.width, within.height))
        places, outside = within.keypoints[..., :2], ~within.shown_keypoints()
        shapes = zip(objects, places.clip(0, size).tolist(), within.keypoints[..., 2].tolist(), outside, strict=True)
        return [
            cvat.skeleton(
                label,
                [
                    cvat.keypoint(number, place, outside=bool(out), score=certain)
                    for number, (place, certain, out) in enumerate(zip(points, scores, outs, strict=True))
                ],
                score=score,
            )
            for (label, score), points, scores, outs in shapes
        ]


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
