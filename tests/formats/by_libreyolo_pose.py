"""LibreYOLO's files of YOLO-NAS-POSE, which it computes and trains with another epsilon: they are refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libreyolo
from libreyolo.models.yolonas.model import LibreYOLONAS

from tests.formats.by_libreyolo import open_file
from tests.formats.pictures import INPUT, write_pose_data_set
from tests.formats.source import Project, Written, weights

REASON = "another epsilon of BatchNorm"


def network(size: str) -> LibreYOLONAS:
    model = LibreYOLONAS(None, size=size, task="pose", device="cpu")
    model.model.load_state_dict(weights(model.model.state_dict(), 640))
    return model


def write(size: str, folder: Path) -> Iterator[Written]:
    path = folder / f"LibreYOLONAS{size}-pose.pt"
    network(size).save(str(path))
    yield Written("`save()`", path, open_file, refused=REASON)

    data = write_pose_data_set(folder / "data")
    settings: dict[str, Any] = {"epochs": 1, "batch": 2, "imgsz": INPUT, "lr0": 1e-5, "workers": 0, "amp": False}
    network(size).train(str(data), device="cpu", project="runs", name="run", **settings)
    (best,) = (folder / "runs" / "run").rglob("best.pt")
    yield Written("training, `best.pt`", best, open_file, refused=REASON)


PROJECT = Project(f"LibreYOLO {libreyolo.__version__}, poses", write)
