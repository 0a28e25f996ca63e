"""`python -m page_layout.train PAGES OUTPUT`: the detector of page layout, from random weights.

Small pages first, on which a network learns fastest what a page is, then pages of the size that it is used with. A
stage that was stopped goes on after its last epoch; one that is done isn't repeated.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch

from yolonas_plugin import NAS

FILE: Final = "yolo_nas_n_layout.safetensors"
LICENCE: Final = "Apache-2.0"
DATA: Final = "pages that layout/ of yolonas-plugin made"
SELECTION: Final[dict[str, Any]] = {"conf": 0.45, "iou": 0.6, "class_agnostic": True}
"""How boxes are selected unless the user says otherwise: what pages want that people labelled, see `real`."""

WARMUP: Final = 100  # steps


class Stage(NamedTuple):
    """A part of the training: side of the input in pixels, images in a step, highest learning rate, epochs."""

    imgsz: int
    batch: int
    lr0: float
    epochs: int

    @property
    def cost(self) -> int:
        """How long it takes, in pixels for each page."""
        return self.epochs * self.imgsz**2


ON_CPU: Final = (Stage(384, 4, 1e-3, 1), Stage(320, 4, 1e-3, 2), Stage(416, 4, 6e-4, 1))
"""Many small steps teach more than few large ones, for as long as there is little time."""

ON_GPU: Final = (Stage(384, 128, 2e-3, 40), Stage(640, 64, 1.5e-3, 40))


class Decay:
    """The learning rate of each step: up during the warm-up, then down along half a cosine to a fiftieth.

    The engine changes it from epoch to epoch only, and there may be few. It has to be low at the end: BatchNorm's
    averages are those of the last few dozen steps, and wrong for weights that still move.
    """

    def __init__(self, highest: float) -> None:
        self.highest = highest
        self.step = 0

    def on_train_epoch_start(self, trainer: Any) -> None:
        self.step = trainer.epoch * len(trainer.train_loader)

    def on_train_batch_start(self, trainer: Any) -> None:
        part = self.part(trainer)
        self.step += 1
        rate = self.highest * min(1.0, self.step / WARMUP) * (0.02 + 0.98 * (1 + math.cos(math.pi * part)) / 2)
        for group in trainer.optimizer.param_groups:
            group["lr"] = rate

    def part(self, trainer: Any) -> float:
        """How much of the training is over: of its time, where that is limited, else of its steps."""
        if trainer.args.time:
            return min(1.0, (time.time() - trainer.train_time_start) / (trainer.args.time * 3600))
        return self.step / (trainer.epochs * len(trainer.train_loader))


def train(pages: Path, output: Path, stages: tuple[Stage, ...] = ON_CPU, minutes: float | None = None) -> Path:
    """Train on the pages of `generate`; writes the best weights of the last stage, in half precision.

    The stages share `minutes`, as many epochs as fit; None for the epochs that they say.
    """
    best = Path("yolo_nas_n")
    whole = sum(stage.cost for stage in stages)
    for number, stage in enumerate(stages, start=1):
        folder = output / f"stage{number}" / "weights"
        if not (folder / "best.safetensors").exists():  # written when a stage is done
            begin(stage, best, pages, output, f"stage{number}", minutes and minutes * stage.cost / whole)
        best = folder / "best.pt"
    return finish(best, output / FILE)


def finish(weights: Path | str, file: Path) -> Path:
    """Write trained weights as they are embedded: in half precision, with :data:`SELECTION`."""
    processing = replace(NAS(weights).processing, **SELECTION)
    return Path(NAS(weights, processing=processing).save(file, half=True, training_data=DATA))


def begin(stage: Stage, weights: Path, pages: Path, output: Path, name: str, minutes: float | None) -> None:
    """Train a stage, from where it was stopped if it was."""
    last = output / name / "weights" / "last.pt"
    model = NAS(last) if last.exists() else NAS(weights, pretrained=weights.suffix == ".pt")
    decay = Decay(stage.lr0)
    long = stage.epochs > 10
    model.add_callback("on_train_epoch_start", decay.on_train_epoch_start)
    model.add_callback("on_train_batch_start", decay.on_train_batch_start)
    if last.exists():
        model.train(resume=True, data=str(pages / "data.yaml"))
        return
    model.train(
        data=str(pages / "data.yaml"),
        project=str(output),
        name=name,
        exist_ok=True,
        licence=LICENCE,
        imgsz=stage.imgsz,
        epochs=stage.epochs,
        time=minutes and minutes / 60,
        batch=stage.batch,
        nbs=stage.batch,
        workers=os.cpu_count(),
        cache=long,  # in memory
        deterministic=not long,  # faster on a GPU
        val=not long,  # of many epochs only the last one is of interest
        plots=not long,
        optimizer="AdamW",
        lr0=stage.lr0,
        momentum=0.9,
        warmup_epochs=0,
        mosaic=0.0,  # where something stands says what it is
        fliplr=0.0,  # letters have a direction
        scale=0.2,
        translate=0.05,
        hsv_h=0.02,
        hsv_s=0.5,
        hsv_v=0.3,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m page_layout.train", description=__doc__.partition("\n")[0])
    parser.add_argument("pages", type=Path, help="what page_layout.generate wrote")
    parser.add_argument("output", type=Path, help="folder for what the stages write")
    parser.add_argument("--minutes", type=float, help="end after so many, whatever the number of epochs")
    options = parser.parse_args()
    stages = ON_GPU if torch.cuda.is_available() else ON_CPU
    print(train(options.pages.absolute(), options.output.absolute(), stages, options.minutes))


if __name__ == "__main__":
    main()
