"""Prediction with a model of another plugin, through the zoo."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yolonas_plugin.errors import YoloNASPluginError
from yolonas_plugin.images import read_image
from yolonas_plugin.lean import Detections
from yolonas_plugin.processing import Image


def detect(
    predict: Callable[[list[str]], Sequence[Any]], paths: Sequence[str], skipped: list[str]
) -> Iterator[Detections]:
    """Yield what another plugin's predictor finds in each file, in the form of lean prediction.

    Args:
        predict: The predictor.
        paths: The files.
        skipped: Gets those that are no image.

    Raises:
        YoloNASPluginError: An answer isn't one result with boxes.
    """
    for path in paths:
        image = read_image(path)
        if image is None:
            skipped.append(path)
            continue
        results = list(predict([path]))
        if len(results) != 1:
            raise YoloNASPluginError(f"{path}: the plugin gave {len(results)} results for one image")
        yield _as_detections(results[0], path, image)


def _as_detections(result: Any, path: str, image: Image) -> Detections:
    try:
        boxes, names = result.boxes, dict(result.names)
        corners = _array(boxes.xyxy).astype(np.float32).reshape(-1, 4)
        scores, labels = _array(boxes.conf).astype(np.float32), _array(boxes.cls).astype(np.intp)
        if not len(corners) == len(scores) == len(labels) or {*labels.tolist()} - {*names}:
            raise ValueError("their numbers differ, or a class has no name")
    except (AttributeError, TypeError, ValueError) as error:
        raise YoloNASPluginError(
            f"{path}: the plugin's result should have names, and boxes with xyxy, conf and cls: {error}"
        ) from error
    return Detections(path, image, corners, scores, labels, names)


def _array(values: Any) -> NDArray[Any]:
    return np.asarray(values.cpu() if hasattr(values, "cpu") else values)
