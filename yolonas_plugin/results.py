"""The contract's detections as the Ultralytics engine's ``Results``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from model_zoo_api import Detections

if TYPE_CHECKING:
    from ultralytics.engine.results import Results


def to_results(found: Detections) -> Results:
    """Return the detections of an image as the engine's ``Results``; imports torch and the engine.

    Raises:
        ValueError: There is no image: it couldn't be read.
    """
    from yolonas_plugin.system.silence import ultralytics  # noqa: F401  the first to import the engine

    # isort: split
    import torch
    from ultralytics.engine.results import Results

    if found.image is None:
        raise ValueError(f"{found.path}: {found.error or 'its pixels are missing'}")
    rows = np.column_stack((found.boxes, found.scores, found.labels)).astype(np.float32)
    path = found.path or f"image{found.index}.jpg"
    points = None if found.keypoints is None else torch.from_numpy(np.asarray(found.keypoints, dtype=np.float32))
    return Results(found.image, path=path, names=dict(found.names), boxes=torch.from_numpy(rows), keypoints=points)
