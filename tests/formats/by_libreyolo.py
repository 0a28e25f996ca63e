"""LibreYOLO: what its ``save`` writes, and the best checkpoint of its training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libreyolo
import numpy as np
from libreyolo import LibreYOLO
from libreyolo.models.yolonas.model import LibreYOLONAS

from tests.formats.pictures import INPUT, NAMES, write_data_set
from tests.formats.source import Opened, Project, Written, weights


def network(size: str, num_classes: int) -> LibreYOLONAS:
    model = LibreYOLONAS(None, size=size, nb_classes=num_classes, device="cpu")
    model.model.load_state_dict(weights(model.model.state_dict(), 640 if num_classes == 80 else INPUT))
    return model


def open_file(path: Path, **settings: Any) -> Opened:
    model = LibreYOLO(str(path), device="cpu")

    def predict(path: Path) -> np.ndarray:
        boxes = model.predict(str(path), **settings).boxes
        return np.hstack((boxes.xyxy, np.reshape(boxes.conf, (-1, 1)), np.reshape(boxes.cls, (-1, 1))))

    return Opened(model.model.eval(), predict, model.model)


def write(size: str, folder: Path) -> Iterator[Written]:
    model = network(size, 80)
    path = folder / f"LibreYOLONAS{size}.pt"
    model.save(str(path))
    yield Written("`save()`", path, open_file, model.names.values(), "libreyolo")

    def open_trained(path: Path) -> Opened:
        return open_file(path, imgsz=INPUT)  # else it takes 640, whatever it was trained with

    data = write_data_set(folder / "data")
    settings: dict[str, Any] = {"epochs": 1, "batch": 2, "imgsz": INPUT, "lr0": 1e-5, "workers": 0, "amp": False}
    network(size, len(NAMES)).train(str(data), device="cpu", project="runs", name="run", **settings)
    best = folder / "runs" / "run" / "weights" / "best.pt"
    yield Written("training, `best.pt`", best, open_trained, NAMES, "libreyolo_best")


PROJECT = Project(f"LibreYOLO {libreyolo.__version__}", write)
