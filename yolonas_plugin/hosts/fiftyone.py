"""YOLO-NAS as a model of FiftyOne::

    model = load_model("best.pth")
    dataset.apply_model(model, "found")

FiftyOne's model zoo finds it by a manifest, see :mod:`yolonas_plugin.hosts.fiftyone_zoo`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from model_zoo_api.zoo import ModelZoo
from yolonas_plugin.boxes.image_boxes import as_arrays
from yolonas_plugin.hosts import unusable

try:
    from eta.core.config import Config
    from fiftyone import Detection, Detections, Instance, Keypoint, Keypoints, KeypointSkeleton, Label
    from fiftyone.core.models import Model
except ImportError as error:
    raise unusable("fiftyone", "fiftyone", error) from error

LOADING: Final = frozenset({"processing", "names", "runtime", "precision", "calibration", "accept_licence"})
"""Options of ``NAS``; all others are settings of its ``predict``."""


class YoloNASModelConfig(Config):
    """What a model is made with. FiftyOne finds this class by its name.

    Attributes:
        weights: Path of a weight file, or a model's name.
        confidence_thresh: Lowest score of a detection, which FiftyOne may change for a call. None: the file's.
        options: Of ``NAS``, those of :data:`LOADING`.
        settings: Of ``NAS.predict``: ``iou``, ``imgsz``, ``device``, ...
    """

    def __init__(self, d: Mapping[str, Any]) -> None:
        given = dict(d)
        self.weights = self.parse_string(given, "weights")
        self.confidence_thresh = self.parse_number(given, "confidence_thresh", default=None)
        self.options = {name: given[name] for name in LOADING & given.keys()}
        own = LOADING | {"weights", "confidence_thresh"}
        self.settings = {name: value for name, value in given.items() if name not in own}


class YoloNASModel(Model):
    """A model for images. Make one with :func:`load_model`, or by FiftyOne's zoo.

    A detector gives ``Detections``. A model for poses gives a dictionary of ``detections`` and ``keypoints``, of which
    ``apply_model(model, "found")`` makes the fields ``found_detections`` and ``found_keypoints``.
    """

    media_type = "image"
    ragged_batches = False  # images of different sizes may be given together; each gets its own letterbox
    transforms = None  # FiftyOne prepares nothing: images are prepared as the weight file says
    preprocess = False

    def __init__(self, config: YoloNASModelConfig) -> None:
        self.config = config
        self._predict = ModelZoo.discover().predictor(
            config.weights, provider="yolo_nas", load=config.options, **config.settings
        )

    @property
    def skeleton(self) -> KeypointSkeleton | None:
        """The keypoints' names and edges, for ``dataset.skeletons``; None for a detector."""
        own = self._predict.model.skeleton
        return None if own is None else KeypointSkeleton(labels=list(own.names), edges=[list(e) for e in own.edges])

    def predict(self, arg: np.ndarray) -> Detections | dict[str, Label]:
        """Return what is in an image [H, W, 3], RGB, 8 bits: boxes clipped to it, best first."""
        (found,) = self.predict_all([arg])
        return found

    def predict_all(self, args: Iterable[np.ndarray]) -> list[Detections | dict[str, Label]]:
        """Return what is in each image; they are one batch, and their sizes may differ."""
        images = [np.asarray(image)[..., ::-1] for image in args]
        settings = {"batch": len(images)} if "batch" not in self.config.settings else {}
        if self.config.confidence_thresh is not None:
            settings["conf"] = self.config.confidence_thresh
        return [_labels(found) for found in self._predict(images, **settings)]


def load_model(weights: str | Path, *, confidence_thresh: float | None = None, **options: Any) -> YoloNASModel:
    """Return a model for ``apply_model``.

    Args:
        weights: Path of a weight file or of an exported file, or a model's name.
        confidence_thresh: Lowest score of a detection. Default: the file's.
        **options: Of ``NAS``: ``processing``, ``names``, ``runtime``, ``precision``, ``calibration``,
            ``accept_licence``; and settings of its ``predict``: ``iou``, ``imgsz``, ``device``, ...

    Raises:
        YoloNASPluginError: As for ``NAS``.
    """
    return YoloNASModel(
        YoloNASModelConfig({"weights": str(weights), "confidence_thresh": confidence_thresh, **options})
    )


def _labels(result: Any) -> Detections | dict[str, Label]:
    """Return the detections of an image; with keypoints these too, each linked to its box as one instance."""
    found = as_arrays(result).within_image()
    size = np.array((found.width, found.height))
    corners = (found.boxes.reshape(-1, 2, 2) / size).reshape(-1, 4)
    names = [result.names[label] for label in found.labels.tolist()]
    rows = zip(names, corners.tolist(), found.scores.tolist(), strict=True)
    detections = [
        Detection(label=name, bounding_box=[x1, y1, x2 - x1, y2 - y1], confidence=score)
        for name, (x1, y1, x2, y2), score in rows
    ]
    if found.keypoints is None:
        return Detections(detections=detections)
    places, scores = (found.keypoints[..., :2] / size).tolist(), found.keypoints[..., 2].tolist()
    keypoints = []
    for detection, points, confidence in zip(detections, places, scores, strict=True):
        detection.instance = Instance()
        keypoints.append(
            Keypoint(label=detection.label, points=points, confidence=confidence, instance=detection.instance)
        )
    return {"detections": Detections(detections=detections), "keypoints": Keypoints(keypoints=keypoints)}
