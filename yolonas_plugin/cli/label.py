"""``label``: detect objects and write them as a data set, to be corrected by hand."""

from __future__ import annotations

import argparse
import logging
from typing import IO, Any

from model_zoo_api.texts import printable
from yolonas_plugin.cli.arguments import (
    add_classes,
    add_model_command,
    add_runtime,
    add_selection,
    given,
    load_on_runtime,
)
from yolonas_plugin.cli.output import INCOMPLETE, print_json, report_unreadable, tally
from yolonas_plugin.cli.progress import follow


def register(commands: Any) -> None:
    """Add ``label``."""
    command = add_model_command(commands, "label", _label, "detect objects; write them as a data set, to be corrected")
    command.add_argument("--source", required=True, nargs="+", help="images, folders or globs")
    command.add_argument("--format", required=True, choices=("yolo", "coco", "voc"), help="coco keeps the scores")
    command.add_argument("--output", required=True, help="new folder for images and labels")
    add_selection(command)
    add_classes(command)
    add_runtime(command)


def _label(args: argparse.Namespace, out: IO[str]) -> int:
    from yolonas_plugin.data import write_labels
    from yolonas_plugin.engine import quiet

    with quiet(logging.ERROR):
        model, _ = load_on_runtime(args)
        settings = given(args, "conf", "iou", "imgsz", "max_det", "classes", "device", "batch")
        source = args.source[0] if len(args.source) == 1 else args.source
        results = model.predict(source, stream=True, verbose=False, **settings)
        written = write_labels(follow(results, "label"), args.output, args.format)
    skipped = model.predictor.skipped
    if args.json:
        answer = {"folder": str(written.folder), "images": written.images, "boxes": dict(written.boxes)}
        print_json({**answer, "skipped": skipped}, out)
    else:
        boxes = f"{written.boxes.total()} boxes ({tally(written.boxes)})"
        print(f"{written.images} images, {boxes} in {printable(str(written.folder))}", file=out)
    report_unreadable(skipped)
    return INCOMPLETE if skipped else 0
