"""``predict``: detect objects; draw and save pictures."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter
from pathlib import Path
from typing import IO, Any

from yolonas_plugin.cli.arguments import add_model_command, add_selection, given, load_model, output_settings
from yolonas_plugin.cli.output import INCOMPLETE, print_json, print_table, tally
from yolonas_plugin.errors import SourceError


def register(commands: Any) -> None:
    """Add ``predict``."""
    command = add_model_command(commands, "predict", _predict, "detect objects; draw and save pictures")
    command.add_argument(
        "--source", required=True, nargs="+", help="images, folders, globs, videos, URLs or a camera's number"
    )
    add_selection(command)
    command.add_argument("--classes", type=int, nargs="+", help="only these class indices")
    command.add_argument("--output", help="folder for the pictures (default: a new one, runs/predict*)")
    command.add_argument("--no-save", dest="save", action="store_false", help="draw no pictures")


def _predict(args: argparse.Namespace, out: IO[str]) -> int:
    from yolonas_plugin.engine import quiet

    with quiet(logging.ERROR):
        model = load_model(args)
        settings = given(args, "conf", "iou", "imgsz", "max_det", "classes", "device", "batch")
        if args.save:
            settings |= {**output_settings(args.output, "predict"), "exist_ok": args.output is not None}
        source = args.source[0] if len(args.source) == 1 else args.source
        start = time.perf_counter()
        results = model.predict(source, stream=True, verbose=False, save=args.save, **settings)
        images = [_image_record(result) for result in results]
        seconds = time.perf_counter() - start
    skipped = model.predictor.skipped
    if skipped and not images:
        raise SourceError(f"none of the {len(skipped)} files could be read as an image, the first is {skipped[0]}")
    folder = str(model.predictor.save_dir) if args.save else None
    if args.json:
        print_json({"images": images, "skipped": skipped, "saved_to": folder, "seconds": round(seconds, 3)}, out)
    else:
        found = [Counter(row["name"] for row in image["detections"]) for image in images]
        rows = [
            (Path(image["image"]).name, f"{image['width']}x{image['height']}", str(names.total()), tally(names))
            for image, names in zip(images, found, strict=True)
        ]
        print_table(("image", "size", "objects", "classes"), rows, out)
        names = sum(found, Counter())
        print(f"{len(images)} images, {names.total()} objects ({tally(names)}) in {seconds:.1f} s", file=out)
        if folder:
            print(f"pictures: {folder}", file=out)
    for path in skipped:
        print(f"yolonas-plugin: could not be read as an image: {path}", file=sys.stderr)
    return INCOMPLETE if skipped else 0


def _image_record(result: Any) -> dict[str, Any]:
    height, width = result.orig_shape
    rows = zip(result.boxes.xyxy.tolist(), result.boxes.conf.tolist(), result.boxes.cls.tolist(), strict=True)
    return {
        "image": result.path,
        "height": height,
        "width": width,
        "detections": [
            {
                "class": int(label),
                "name": result.names[int(label)],
                "confidence": round(score, 5),
                "box": [round(side, 2) for side in box],
            }
            for box, score, label in rows
        ],
    }
