"""Training speed and memory, ours against super-gradients': the same network, data, size and batch.

    .venv-reference/bin/python -m benchmarks.training [--rounds 3] [--size s] [--json FILE]

Runs in the environment that ``make reference`` makes, which has both. Each run is a new process that trains for two
epochs on BCCD's first training images at 320x320, from random weights, with mosaic, affine and colour augmentation in
both, and no validation; the second epoch is timed. The two take turns, so that a busy machine disturbs both alike.
Memory is the most that the process ever had.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring import ROOT, environment, save, spread, verdict

SIDE = 320
BATCH = 8
IMAGES = 64
GOAL_SPEED = 1.3
GOAL_MEMORY = 0.85


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="runs of each (default %(default)s)")
    parser.add_argument("--size", choices=("s", "m", "l"), default="s", help="of the network (default %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    parser.add_argument("--run", choices=RUNS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        seconds = RUNS[args.run](args.size, args.folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"images_per_second": IMAGES / seconds, "peak_mb": peak}))
        return
    rounds = [{name: one_run(name, args.size) for name in RUNS} for _ in range(args.rounds)]
    figures = summarise(rounds, args.size)
    report(figures, args.rounds)
    save(figures, args.json)


def one_run(name: str, size: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.training", "--run", name, "--size", size, "--folder", folder]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def write_data(folder: Path) -> Path:
    """Write the images and labels that both train on, in the layout of YOLO; return its data.yaml."""
    from tests.support.bccd import write_yolo
    from tests.support.shared import DATA

    data = write_yolo(folder / "data", DATA / "bccd", "train")
    for image in sorted((folder / "data" / "images").iterdir())[IMAGES:]:
        image.unlink()
        (folder / "data" / "labels" / f"{image.stem}.txt").unlink()
    return data


def train_ours(size: str, folder: Path) -> float:
    from yolonas_plugin import NAS

    model = NAS(f"yolo_nas_{size}", pretrained=False)
    times: list[float] = []
    model.add_callback("on_train_epoch_start", lambda trainer: times.append(-time.perf_counter()))
    model.add_callback("on_train_epoch_end", lambda trainer: times.append(times.pop() + time.perf_counter()))
    settings = {"imgsz": SIDE, "batch": BATCH, "nbs": BATCH, "epochs": 2, "workers": 0, "close_mosaic": 0}
    quiet = {"val": False, "plots": False, "verbose": False, "device": "cpu", "project": str(folder), "name": "run"}
    augmentation = {"degrees": 10.0, "translate": 0.1, "shear": 2.0, "mosaic": 1.0, "mixup": 0.0}
    model.train(data=str(write_data(folder)), **settings, **quiet, **augmentation)
    return times[1]


def train_super_gradients(size: str, folder: Path) -> float:
    os.environ.update(CRASH_HANDLER="FALSE", CONSOLE_LOG_LEVEL="ERROR", SUPER_GRADIENTS_LOG_DIR=str(folder / "logs"))
    from super_gradients.training import Trainer, models
    from super_gradients.training.datasets.detection_datasets.yolo_format_detection import (
        YoloDarknetFormatDetectionDataset,
    )
    from super_gradients.training.transforms import transforms
    from super_gradients.training.utils.callbacks import Phase, PhaseCallback
    from super_gradients.training.utils.collate_fn import DetectionCollateFN
    from torch.utils.data import DataLoader

    from tests.support.bccd import CLASSES

    times: list[float] = []

    class Start(PhaseCallback):
        def __call__(self, context: Any) -> None:
            times.append(-time.perf_counter())

    class End(PhaseCallback):
        def __call__(self, context: Any) -> None:
            times.append(times.pop() + time.perf_counter())

    side = (SIDE, SIDE)
    images = YoloDarknetFormatDetectionDataset(
        data_dir=str(write_data(folder).parent),
        images_dir="images",
        labels_dir="labels",
        classes=list(CLASSES),
        input_dim=side,
        cache_annotations=True,
        transforms=[
            transforms.DetectionMosaic(side),
            transforms.DetectionRandomAffine(10.0, 0.1, (0.5, 1.5), 2.0, target_size=side),
            transforms.DetectionHSV(1.0),
            transforms.DetectionHorizontalFlip(0.5),
            transforms.DetectionPaddedRescale(side),
            transforms.DetectionTargetsFormatTransform(input_dim=side, output_format="LABEL_CXCYWH"),
        ],
    )
    loader = DataLoader(images, batch_size=BATCH, shuffle=True, drop_last=True, collate_fn=DetectionCollateFN())
    settings = {
        "max_epochs": 2,
        "run_validation_freq": 10,  # never
        "initial_lr": 1e-3,
        "lr_mode": "CosineLRScheduler",
        "optimizer": "AdamW",
        "ema": True,
        "ema_params": {"decay": 0.9997, "decay_type": "threshold"},
        "loss": "PPYoloELoss",
        "criterion_params": {"use_static_assigner": False, "num_classes": len(CLASSES)},
        "phase_callbacks": [Start(Phase.TRAIN_EPOCH_START), End(Phase.TRAIN_EPOCH_END)],
        "silent_mode": True,
        "save_model": False,
        "average_best_models": False,
        "metric_to_watch": "PPYoloELoss/loss",
    }
    trainer = Trainer("run", ckpt_root_dir=str(folder))
    model = models.get(f"yolo_nas_{size}", num_classes=len(CLASSES))
    trainer.train(model, training_params=settings, train_loader=loader, valid_loader=loader)
    return times[1]


RUNS = {"ours": train_ours, "super-gradients": train_super_gradients}


def summarise(rounds: list[dict[str, dict[str, float]]], size: str) -> dict[str, Any]:
    def ratio(figure: str) -> float:
        return round(median(run["ours"][figure] / run["super-gradients"][figure] for run in rounds), 3)

    figures = {
        name: {figure: spread([run[name][figure] for run in rounds]) for figure in ("images_per_second", "peak_mb")}
        for name in RUNS
    }
    ratios = {"speed": ratio("images_per_second"), "memory": ratio("peak_mb")}
    return {**environment(), "size": size, "side": SIDE, "batch": BATCH, "runs": figures, "ratios": ratios}


def report(figures: dict[str, Any], rounds: int) -> None:
    import torch

    print(f"Python {figures['python']}, torch {torch.__version__}, {figures['machine']}, {rounds} rounds")
    print(f"YOLO-NAS {figures['size'].upper()}, {SIDE}x{SIDE}, batches of {BATCH}, from random weights\n")
    print(f"{'':<18}{'images/s':>10}{'peak MB':>10}")
    for name, row in figures["runs"].items():
        print(f"{name:<18}{row['images_per_second']['median']:>10.2f}{row['peak_mb']['median']:>10.0f}")
    speed, memory = figures["ratios"]["speed"], figures["ratios"]["memory"]
    print(f"\nspeed {speed:.2f}x; goal at least {GOAL_SPEED}: {verdict(GOAL_SPEED, speed)}")
    print(f"memory {memory:.2f}x; goal at most {GOAL_MEMORY}: {verdict(memory, GOAL_MEMORY)}")


if __name__ == "__main__":
    main()
