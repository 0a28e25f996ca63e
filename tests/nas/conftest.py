"""A small data set to train on, and a training that was stopped; nothing outside the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.shapes import write_shapes
from yolonas_plugin import NAS


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The description of a data set of eight pictures to train on and four to measure with."""
    return write_shapes(tmp_path_factory.mktemp("shapes"))


@pytest.fixture(scope="session")
def unfinished(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``last.pt`` of a training that was stopped after the first of its three epochs; don't write beside it."""
    folder = tmp_path_factory.mktemp("unfinished")
    model = NAS("yolo_nas_n", pretrained=False)

    def stop(trainer: object) -> None:
        raise KeyboardInterrupt

    model.add_callback("on_model_save", stop)
    settings = {"imgsz": 64, "batch": 4, "nbs": 4, "epochs": 3, "workers": 0, "device": "cpu", "optimizer": "SGD"}
    with pytest.raises(KeyboardInterrupt):
        model.train(
            data=str(shapes), project=str(folder), name="a", plots=False, verbose=False, freeze=["backbone"], **settings
        )
    return folder / "a" / "weights" / "last.pt"
