"""YOLO-NAS as a Python function of MLflow: ``mlflow.pyfunc.save_model(loader_module="yolonas_plugin.hosts.mlflow")``.

The model's data is a weight file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import signature
from typing import Any, Final

import numpy as np

from model_zoo_api.zoo import ModelZoo
from yolonas_plugin.errors import SourceError
from yolonas_plugin.hosts import require, unusable
from yolonas_plugin.images import decode_image

try:
    import mlflow.pyfunc

    # one that doesn't know it would load a model without its settings, and say nothing
    require("model_config" in signature(mlflow.pyfunc.load_model).parameters, "model_config in pyfunc.load_model")
    import pandas
except ImportError as error:
    raise unusable("mlflow", "mlflow", error) from error

COLUMNS: Final = ("image", "path", "x1", "y1", "x2", "y2", "score", "label", "name")
"""Of the answer; a model for poses adds :data:`KEYPOINTS`."""

KEYPOINTS: Final = "keypoints"
"""Column with the keypoints of each object: a list of x, y in pixels of the image, and score from 0 to 1."""


class Detector:
    """What MLflow calls. Make one with :func:`_load_pyfunc`."""

    def __init__(self, path: str, settings: Mapping[str, Any]) -> None:
        self._predict = ModelZoo.discover().predictor(path, provider="yolo_nas", **settings)
        self._columns = [*COLUMNS, KEYPOINTS] if self._predict.model.skeleton else list(COLUMNS)

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> pandas.DataFrame:
        """Detect objects.

        Args:
            data: Images: a DataFrame with one column, or one called ``image``; a list, an array or a Series. Each is a
                path or whatever else ``NAS.predict`` takes as text, or the bytes of an image file.
            params: Settings of ``NAS.predict`` for this call, such as ``conf``.

        Returns:
            A row for each object, with :data:`COLUMNS`: the image's place in ``data`` from 0, its path (of bytes
            ``image0.jpg``), the box in pixels of the image, the score from 0 to 1, the class's index and name; and with
            :data:`KEYPOINTS` of a model for poses.

        Raises:
            SourceError: An image can't be read, or ``data`` doesn't say which column has the images.
        """
        rows: list[tuple[Any, ...]] = []
        for number, image in enumerate(_images(data)):
            for found in self._predict(_opened(image, number), **(params or {})):
                if found.error:
                    raise SourceError(f"image {number}: {found.path}: {found.error}")
                path = found.path or f"image{found.index}.jpg"
                rows += [
                    (number, path, *one["box"], one["score"], one["label"], one["name"], one.get("keypoints"))
                    for one in found.to_dict()["objects"]
                ]
        return pandas.DataFrame([row[: len(self._columns)] for row in rows], columns=self._columns)


def _load_pyfunc(data_path: str, model_config: Mapping[str, Any] | None = None) -> Detector:
    """Load a model for MLflow, which calls this by its name.

    Args:
        data_path: The weight file inside MLflow's model.
        model_config: Options of ``NAS`` (``processing``, ``names``, ``runtime``) and settings of its ``predict``
            (``conf``, ``imgsz``, ``device``).
    """
    return Detector(data_path, model_config or {})


def _images(data: Any) -> Iterable[Any]:
    if isinstance(data, pandas.DataFrame):
        if len(data.columns) != 1 and "image" not in data:
            raise SourceError(f"which column has the images? Call it 'image'; there are {', '.join(map(str, data))}")
        data = data["image"] if "image" in data else data.iloc[:, 0]
    if isinstance(data, (str, bytes)):
        return [data]
    return data.ravel().tolist() if hasattr(data, "ravel") else data


def _opened(image: Any, number: int) -> Any:
    if not isinstance(image, (str, bytes)):
        raise SourceError(f"image {number} is a {type(image).__name__}; expected a path, or the bytes of an image file")
    if isinstance(image, str):
        return image
    try:
        return decode_image(np.frombuffer(image, np.uint8))
    except SourceError as error:
        raise SourceError(f"image {number}: {error}") from None
