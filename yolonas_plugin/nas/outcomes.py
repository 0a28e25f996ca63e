"""What ``NAS`` finds in images, as the contract has it: one outcome for each, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_zoo_api import Detections
from model_zoo_api.detections import failed
from yolonas_plugin.boxes.image_boxes import as_arrays, as_detections
from yolonas_plugin.errors import SourceError
from yolonas_plugin.images import Opened, open_images
from yolonas_plugin.nas.sources import is_video, load_image
from yolonas_plugin.prefetch import detect_ahead
from yolonas_plugin.processing import Image
from yolonas_plugin.runtimes.base import images_at_a_time

if TYPE_CHECKING:
    from ultralytics.engine.results import Results

    from yolonas_plugin.nas.model import NAS


_VIDEO: Final = "a video"
"""Why it isn't opened as an image."""


def outcomes(model: NAS, source: Any, settings: Mapping[str, Any]) -> Iterator[Detections]:
    """Yield one outcome for each image, or each frame of a video.

    Args:
        model: It predicts.
        source: See :mod:`model_zoo_api.sources`.
        settings: Of :meth:`NAS.predict <yolonas_plugin.nas.NAS.predict>`.

    Raises:
        SourceError: The source names no image.
    """
    settings = {"verbose": False, **settings}
    opened = open_images(source, model.model.in_channels, _load)
    together = images_at_a_time(int(settings.get("batch") or 0), bool(settings.get("rect")), 0)
    return detect_ahead(opened, together, lambda group: partial(_detect, model, group, settings))


def _detect(model: NAS, group: list[Opened], settings: Mapping[str, Any]) -> Iterator[Detections]:
    images = [one.image for one in group if one.image is not None]
    results = iter(model.predict(images, **settings) if images else ())
    for one in group:
        if one.image is None:
            yield from _frames(model, one, settings)
        else:
            yield _found(next(results), one.path)


def _frames(model: NAS, one: Opened, settings: Mapping[str, Any]) -> Iterator[Detections]:
    """Yield what is in each frame of a video, or why it can't be read."""
    if one.path is None or one.error != _VIDEO:
        yield failed(one.path, one.error)
        return
    try:
        for result in model.predict(one.path, stream=True, **settings):
            yield _found(result, one.path)
    except SourceError as error:
        yield failed(one.path, error)


def _found(result: Results, path: str | None) -> Detections:
    if path is not None:
        result.path = path  # the engine saw an array
    ids = None if result.boxes is None or result.boxes.id is None else result.boxes.id.cpu().numpy().astype(np.intp)
    known = {"path": path, "image": result.orig_img, "skeleton": getattr(result, "skeleton", None)}
    return as_detections(as_arrays(result), result.names, **known, track_ids=ids, native=result)


def _load(path: str, channels: int) -> Image:
    if is_video(path):
        raise SourceError(_VIDEO)
    return load_image(path, channels)
