"""What a budget of training buys: the smallest networks, from random weights, on BCCD.

    python -m benchmarks.bccd yolo_nas_n ultralytics libreyolo [--epochs 100] [--imgsz 416] [--output runs/bccd]
    python -m benchmarks.bccd report [--output runs/bccd]

Each trains on BCCD's train split with its library's own recipe, in batches of 8, chooses its best epoch by the val
split, and is measured on the test split by pycocotools. ``ultralytics`` is its nano, ``yolo26n.yaml``; ``libreyolo`` is
its smallest, YOLOX-N, and runs in the environment of ``make formats``. A contestant that has a result isn't run again.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.coco import Rows, mean_average_precision
from tests.support.bccd import CLASSES, write_yolo
from tests.support.shared import DATA
from yolonas_plugin.data import open_data

CONF = 0.005
"""Lowest score that is looked at."""

BATCH = 8
GOALS = {"mAP50": 0.88, "mAP50-95": 0.58}

Predict = Callable[[str], Rows]


class Budget(NamedTuple):
    """What every contestant gets; ``data`` is the data.yaml of BCCD in the layout of YOLO."""

    data: Path
    folder: Path
    epochs: int
    imgsz: int


def yolo_nas_n(budget: Budget) -> Predict:
    from yolonas_plugin import NAS

    model = NAS("yolo_nas_n", pretrained=False)
    model.train(**_engine_settings(budget), nbs=BATCH, cos_lr=True, flipud=0.5, close_mosaic=budget.epochs // 5)
    return lambda path: model.predict(path, conf=CONF, verbose=False)[0].boxes.data.numpy()


def ultralytics(budget: Budget) -> Predict:
    from ultralytics import YOLO

    YOLO("yolo26n.yaml").train(**_engine_settings(budget), pretrained=False)
    model = YOLO(budget.folder / "run" / "weights" / "best.pt")
    return lambda path: model.predict(path, conf=CONF, imgsz=budget.imgsz, verbose=False)[0].boxes.data.numpy()


def _engine_settings(budget: Budget) -> dict[str, Any]:
    where = {"data": str(budget.data), "project": str(budget.folder), "name": "run", "exist_ok": True}
    return {**where, "epochs": budget.epochs, "imgsz": budget.imgsz, "batch": BATCH, "device": "cpu", "cache": "ram"}


def libreyolo(budget: Budget) -> Predict:
    from libreyolo import LibreYOLO
    from libreyolo.models.yolox.model import LibreYOLOX

    settings = {"epochs": budget.epochs, "imgsz": budget.imgsz, "batch": BATCH, "device": "cpu", "workers": 0}
    model = LibreYOLOX(None, size="n", nb_classes=len(CLASSES), device="cpu")
    model.train(
        str(budget.data), pretrained=False, amp=False, project=str(budget.folder), name="run", exist_ok=True, **settings
    )
    best = LibreYOLO(str(budget.folder / "run" / "weights" / "best.pt"), device="cpu")

    def predict(path: str) -> Rows:
        boxes = best.predict(path, conf=CONF, imgsz=budget.imgsz).boxes
        return np.hstack((boxes.xyxy, np.reshape(boxes.conf, (-1, 1)), np.reshape(boxes.cls, (-1, 1))))

    return predict


CONTESTANTS: dict[str, Callable[[Budget], Predict]] = {
    "yolo_nas_n": yolo_nas_n,
    "ultralytics": ultralytics,
    "libreyolo": libreyolo,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="+", choices=[*CONTESTANTS, "report"])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--imgsz", type=int, default=416)
    parser.add_argument("--output", type=Path, default=Path("runs/bccd"), help="folder (default %(default)s)")
    args = parser.parse_args()
    output = args.output.absolute()
    for name in args.what:
        if name == "report":
            report(output)
        elif not (output / name / "result.json").exists():
            result = compete(name, output / name, args.epochs, args.imgsz)
            (output / name / "result.json").write_text(json.dumps(result, indent=2) + "\n")


def compete(name: str, folder: Path, epochs: int, imgsz: int) -> dict[str, Any]:
    """Train and measure a contestant."""
    folder.mkdir(parents=True, exist_ok=True)
    data = prepare(folder / "data")
    start = time.perf_counter()
    predict = CONTESTANTS[name](Budget(data, folder, epochs, imgsz))
    seconds = time.perf_counter() - start
    test = open_data(str(data), ["test"])
    figures = mean_average_precision(test.splits["test"], CLASSES, predict)
    return {"name": name, "epochs": epochs, "imgsz": imgsz, "training_minutes": round(seconds / 60, 1), **figures}


def prepare(folder: Path) -> Path:
    """Write BCCD in the layout of YOLO, unless it is there; return its data.yaml."""
    splits = ("train", "val", "test")
    if not (folder / "data.yaml").exists():
        for split in splits:
            write_yolo(folder / split, DATA / "bccd", split)
        lines = [f"path: {folder}", *(f"{split}: {split}/images" for split in splits), f"names: [{', '.join(CLASSES)}]"]
        (folder / "data.yaml").write_text("\n".join(lines) + "\n")
    return folder / "data.yaml"


def report(output: Path) -> None:
    """Print the results that there are, and draw the curves of those that wrote one."""
    results = [json.loads(path.read_text()) for path in sorted(output.glob("*/result.json"))]
    columns = ("mAP50", "mAP50-95", *CLASSES)
    print(f"{'':<14}{'epochs':>8}{'imgsz':>7}{'minutes':>9}" + "".join(f"{name:>11}" for name in columns))
    for result in results:
        row = f"{result['name']:<14}{result['epochs']:>8}{result['imgsz']:>7}{result['training_minutes']:>9.0f}"
        print(row + "".join(f"{result[name]:>11.3f}" for name in columns))
    print("goals for yolo_nas_n: " + ", ".join(f"{name} at least {goal}" for name, goal in GOALS.items()))
    draw_curves(output)


def draw_curves(output: Path) -> None:
    """Draw mAP50-95 on the val split by epoch, as the engine wrote it, into curves.png."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4))
    for path in sorted(output.glob("*/run/results.csv")):
        with path.open() as file:
            rows = [{name.strip(): value for name, value in row.items()} for row in csv.DictReader(file)]
        for column, style in (("metrics/mAP50(B)", ":"), ("metrics/mAP50-95(B)", "-")):
            label = f"{path.parents[1].name}, {column.removeprefix('metrics/').removesuffix('(B)')}"
            axes.plot([int(row["epoch"]) for row in rows], [float(row[column]) for row in rows], style, label=label)
    axes.set(xlabel="epoch", ylabel="on the val split", title="BCCD from random weights", ylim=(0, 1))
    axes.legend()
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(output / "curves.png", dpi=120)
    print(f"curves: {output / 'curves.png'}")


if __name__ == "__main__":
    main()
