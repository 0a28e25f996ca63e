"""``val``: measure mAP of boxes, and of keypoints, on a data set."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable
from typing import IO, Any, Final

from yolonas_plugin.cli.arguments import add_model_command, add_runtime, add_selection, given, load_on_runtime
from yolonas_plugin.cli.check_data import DATA_HELP
from yolonas_plugin.cli.output import INCOMPLETE, print_json, print_table
from yolonas_plugin.cli.progress import Progress

_COLUMNS: Final = ("precision", "recall", "mAP50", "mAP50-95")


def register(commands: Any) -> None:
    """Add ``val``."""
    command = add_model_command(commands, "val", _val, "measure mAP of boxes, and of keypoints, on a data set")
    command.add_argument("--data", required=True, help=DATA_HELP)
    command.add_argument("--split", default="val", choices=("train", "val", "test"), help="(default: %(default)s)")
    add_selection(command)
    add_runtime(command)
    command.add_argument("--plots", action="store_true", help="save plots to runs/")


def _val(args: argparse.Namespace, out: IO[str]) -> int:
    from yolonas_plugin.engine import quiet

    with quiet(logging.ERROR):
        settings = given(args, "conf", "iou", "imgsz", "max_det", "device", "batch", "plots")
        model, runtime = load_on_runtime(args)
        reports: list[Any] = []
        model.add_callback("on_val_end", lambda validator: reports.append(validator.data_set.report))
        with Progress("val", unit="batches") as progress:
            model.add_callback("on_val_batch_end", lambda validator: progress.step(len(validator.dataloader)))
            metrics = model.val(data=args.data, split=args.split, verbose=False, **settings)
    names = [metrics.names[int(index)] for index in metrics.ap_class_index]
    per_class = {name: _figures(metrics.class_result(i)) for i, name in enumerate(names)}
    total = _figures(metrics.mean_results())
    code = INCOMPLETE if reports[0].images_lost else 0
    if args.json:
        print_json({"data": args.data, "split": args.split, "runtime": runtime, **total, "classes": per_class}, out)
        return code
    rows = []
    for name, figures in [("all", total), *per_class.items()]:
        rows.append((name, *(f"{figures[column]:.4f}" for column in _COLUMNS)))
        if keypoints := figures.get("keypoints"):
            rows.append((f"{name} (keypoints)", *(f"{keypoints[column]:.4f}" for column in _COLUMNS)))
    print_table(("class", *_COLUMNS), rows, out)
    return code


def _figures(values: Iterable[float]) -> dict[str, Any]:
    """Return the engine's figures by name: those of boxes, and under ``keypoints`` those of keypoints, if there are."""
    numbers = list(map(float, values))
    of_boxes, *more = (
        dict(zip(_COLUMNS, numbers[i : i + len(_COLUMNS)], strict=True)) for i in range(0, len(numbers), len(_COLUMNS))
    )
    return {**of_boxes, **({"keypoints": more[0]} if more else {})}
