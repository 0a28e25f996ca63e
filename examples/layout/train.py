"""`python -m examples.layout.train PAGES OUTPUT`: the detector of page layout, from random weights.

Small pages first, on which a network learns fastest what a page is, then pages of the size that it is used with. A
stage that was stopped goes on after its last epoch; one that is done isn't repeated.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final, NamedTuple

from yolonas_plugin import NAS

FILE: Final = "yolo_nas_n_layout.safetensors"
LICENCE: Final = "Apache-2.0"
DATA: Final = "pages that examples/layout made"
BATCH: Final = 8


class Stage(NamedTuple):
    """A part of the training: side of the input in pixels, epochs, learning rate at its start."""

    imgsz: int
    epochs: int
    lr0: float


STAGES: Final = (Stage(384, 6, 1e-3), Stage(640, 3, 5e-4))


def train(pages: Path, output: Path, stages: tuple[Stage, ...] = STAGES) -> Path:
    """Train on the pages of `generate`; writes the best weights of the last stage, in half precision."""
    best = Path("yolo_nas_n")
    for number, stage in enumerate(stages, start=1):
        folder = output / f"stage{number}" / "weights"
        if not (folder / "best.safetensors").exists():  # written when a stage is done
            begin(stage, best, pages, output, f"stage{number}")
        best = folder / "best.pt"
    return Path(NAS(best).save(output / FILE, half=True, training_data=DATA))


def begin(stage: Stage, weights: Path, pages: Path, output: Path, name: str) -> None:
    """Train a stage, from where it was stopped if it was."""
    last = output / name / "weights" / "last.pt"
    if last.exists():
        NAS(last).train(resume=True)
        return
    NAS(weights, pretrained=weights.suffix == ".pt").train(
        data=str(pages / "data.yaml"),
        project=str(output),
        name=name,
        exist_ok=True,
        licence=LICENCE,
        imgsz=stage.imgsz,
        epochs=stage.epochs,
        batch=BATCH,
        nbs=BATCH,
        optimizer="AdamW",
        lr0=stage.lr0,
        lrf=0.02,
        cos_lr=True,
        momentum=0.9,
        warmup_epochs=0.5,
        warmup_bias_lr=0.0,
        mosaic=0.0,  # where something stands says what it is
        fliplr=0.0,  # letters have a direction
        scale=0.2,
        translate=0.05,
        hsv_h=0.02,
        hsv_s=0.5,
        hsv_v=0.3,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.layout.train", description=__doc__.partition("\n")[0])
    parser.add_argument("pages", type=Path, help="what examples.layout.generate wrote")
    parser.add_argument("output", type=Path, help="folder for what the stages write")
    options = parser.parse_args()
    print(train(options.pages.absolute(), options.output.absolute()))


if __name__ == "__main__":
    main()
