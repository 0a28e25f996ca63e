"""Our own files: the source is the model that was saved; and stock Ultralytics, where it opens them too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import torch
import ultralytics
from safetensors.torch import save_file
from torch import Tensor
from ultralytics import YOLO

from tests import synthetic
from tests.engine_layout import split_output
from tests.formats.pictures import INPUT, NAMES
from tests.formats.source import Opened, Project, Written, weights
from yolonas_plugin import NAS, __version__
from yolonas_plugin.nn import Size
from yolonas_plugin.processing import ProcessingSpec

PROCESSING = ProcessingSpec(size=(INPUT, INPUT), resize=(INPUT, INPUT), multi_label=False)
"""As near to the engine's own as a checkpoint's can be, so that its predictions can be compared."""


def opened(model: NAS | YOLO) -> Opened:
    def network(images: Tensor) -> tuple[Tensor, Tensor]:
        return split_output(model.model(images))

    def predict(path: Path) -> np.ndarray:
        (result,) = model.predict(str(path), verbose=False)
        return result.boxes.data.numpy()

    return Opened(network, predict, cast(torch.nn.Module, model.model))


def write(size: str, folder: Path) -> Iterator[Written]:
    template = synthetic.network(cast(Size, size), len(NAMES)).state_dict()
    save_file(weights(template, INPUT), folder / "bare.safetensors")
    model = NAS(folder / "bare.safetensors", processing=PROCESSING, names=NAMES)
    for ending in ("safetensors", "pt"):
        path = Path(model.save(folder / f"saved.{ending}", licence="MIT"))
        yield Written(f"`NAS.save`, `.{ending}`", path, lambda _: opened(model), NAMES)
    stock = f"the same `.pt`, in stock ultralytics {ultralytics.__version__}"
    yield Written(stock, folder / "saved.pt", lambda path: opened(YOLO(path)), NAMES)


PROJECT = Project(f"yolonas-plugin {__version__}", write)
