"""Our own files: the source is the model that was saved or trained; and stock Ultralytics, where it opens them too."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import ultralytics
from safetensors.torch import save_file
from torch import Tensor
from ultralytics import YOLO

from tests.formats.pictures import INPUT, NAMES, write_data_set
from tests.formats.source import Opened, Project, Written, weights
from tests.support import synthetic
from tests.support.engine import split_output
from yolonas_plugin import NAS, __version__
from yolonas_plugin.nn import Size
from yolonas_plugin.processing import ProcessingSpec

PROCESSING = ProcessingSpec(size=(INPUT, INPUT), resize=(INPUT, INPUT), multi_label=False)
"""As near to the engine's own as a checkpoint's can be, so that its predictions can be compared."""


def opened(model: NAS | YOLO) -> Opened:
    def network(images: Tensor) -> tuple[Tensor, ...]:
        output = model.model(images)
        if isinstance(output, tuple):  # the trainer's has them apart
            return output
        classes = len(model.names)
        boxes, scores = split_output(output[:, : 4 + classes])
        points = output[:, 4 + classes :].transpose(1, 2).unflatten(-1, (-1, 3))  # none of a detector
        return boxes, scores, *((points[..., :2], points[..., 2]) if points.shape[2] else ())

    def predict(path: Path) -> np.ndarray:
        (result,) = model.predict(str(path), verbose=False)
        rows = result.boxes.data
        return np.hstack((rows, *([] if result.keypoints is None else [result.keypoints.data.flatten(1)])))

    return Opened(network, predict, cast(torch.nn.Module, model.model))


def write(size: str, folder: Path) -> Iterator[Written]:
    template = synthetic.network(cast(Size, size), len(NAMES)).state_dict()
    save_file(weights(template, INPUT), folder / "bare.safetensors")
    model = NAS(folder / "bare.safetensors", processing=PROCESSING, names=NAMES)
    yield from saved_and_trained(model, folder, write_data_set)


def saved_and_trained(model: NAS, folder: Path, write_data: Callable[[Path], Path]) -> Iterator[Written]:
    names, skeleton = list(model.names.values()), model.skeleton
    edges = None if skeleton is None else skeleton.edges

    def written(kind: str, path: Path, stock: bool = False) -> Written:
        kind += f", in stock ultralytics {ultralytics.__version__}" * stock
        return Written(kind, path, lambda path: opened(YOLO(path) if stock else model), names, edges=edges)

    for ending in ("safetensors", "pt"):
        path = Path(model.save(folder / f"saved.{ending}", licence="MIT"))
        yield written(f"`NAS.save`, `.{ending}`", path)
    yield written("`NAS.save`, `.pt`", path, stock=True)

    run = train(model, folder, write_data)
    model.model = model.trainer.ema.ema  # ``train`` leaves what it read from best.pt
    for name in ("best.pt", "best.safetensors", "last.pt"):
        yield written(f"training, `{name}`", run / name)
    yield written("training that was stopped, `last.pt`", run / "stopped.pt")
    yield written("training, `best.pt`", run / "best.pt", stock=True)
    yield written("training that was stopped, `last.pt`", run / "stopped.pt", stock=True)


def train(model: NAS, folder: Path, write_data: Callable[[Path], Path]) -> Path:
    """Train for an epoch of one batch; return the folder of the files.

    ``stopped.pt`` among them is ``last.pt`` as the epoch left it: what there is after a training that is killed then.
    """
    settings: dict[str, Any] = {"epochs": 1, "batch": 2, "imgsz": INPUT, "optimizer": "AdamW", "lr0": 1e-5}
    settings |= {"nbs": 2, "warmup_epochs": 0, "workers": 0, "plots": False, "device": "cpu"}  # so that it is one step
    model.add_callback("on_model_save", lambda trainer: shutil.copy(trainer.last, trainer.wdir / "stopped.pt"))
    model.train(data=str(write_data(folder / "data")), project=str(folder / "runs"), name="run", **settings)
    return folder / "runs" / "run" / "weights"


PROJECT = Project(f"yolonas-plugin {__version__}", write)
