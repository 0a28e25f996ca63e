"""``predict``: detect objects; draw and save pictures."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter
from pathlib import Path
from typing import IO, Any, NamedTuple

from yolonas_plugin.cli.arguments import (
    add_model_command,
    add_runtime,
    add_selection,
    given,
    load_on_runtime,
    output_settings,
)
from yolonas_plugin.cli.output import INCOMPLETE, print_json, print_table, tally
from yolonas_plugin.errors import RuntimeChoiceError, SourceError

_SELECTION = ("conf", "iou", "imgsz", "max_det", "classes", "rect")


class _Answer(NamedTuple):
    """What was found: a record for each image, the files that are none, where the pictures are, and how it was done."""

    images: list[dict[str, Any]]
    skipped: list[str]
    folder: str | None
    runtime: str
    seconds: float


def register(commands: Any) -> None:
    """Add ``predict``."""
    command = add_model_command(commands, "predict", _predict, "detect objects; draw and save pictures")
    command.add_argument(
        "--source", required=True, nargs="+", help="images, folders, globs, videos, URLs or a camera's number"
    )
    add_selection(command)
    command.add_argument("--classes", type=int, nargs="+", help="only these class indices")
    command.add_argument("--rect", action="store_true", help="pad images to the next multiples of 32 only: faster")
    add_runtime(command)
    command.add_argument(
        "--lean", action="store_true", help="import neither torch nor the engine; images, folders and globs only"
    )
    command.add_argument("--output", help="folder for the pictures (default: a new one, runs/predict*)")
    command.add_argument("--no-save", dest="save", action="store_false", help="draw no pictures")
    command.add_argument(
        "--ray", metavar="ADDRESS", help="of a Ray cluster, auto or local: work there, and write Parquet to --output"
    )
    command.add_argument("--workers", type=int, help="processes on the cluster (default: a core is left for the rest)")


def _predict(args: argparse.Namespace, out: IO[str]) -> int:
    if args.ray:
        return _on_cluster(args, out)
    answer = _on_lean_path(args) if args.lean else _on_engine(args)
    images, skipped = answer.images, answer.skipped
    if skipped and not images:
        raise SourceError(f"none of the {len(skipped)} files could be read as an image, the first is {skipped[0]}")
    if args.json:
        print_json(
            {
                "images": images,
                "skipped": skipped,
                "saved_to": answer.folder,
                "runtime": answer.runtime,
                "seconds": round(answer.seconds, 3),
            },
            out,
        )
    else:
        found = [Counter(row["name"] for row in image["detections"]) for image in images]
        rows = [
            (Path(image["image"]).name, f"{image['width']}x{image['height']}", str(names.total()), tally(names))
            for image, names in zip(images, found, strict=True)
        ]
        print_table(("image", "size", "objects", "classes"), rows, out)
        names = sum(found, Counter())
        total = f"{len(images)} images, {names.total()} objects ({tally(names)})"
        print(f"{total} in {answer.seconds:.1f} s on {answer.runtime}", file=out)
        if answer.folder:
            print(f"pictures: {answer.folder}", file=out)
    for path in skipped:
        print(f"yolonas-plugin: could not be read as an image: {path}", file=sys.stderr)
    return INCOMPLETE if skipped else 0


def _on_cluster(args: argparse.Namespace, out: IO[str]) -> int:
    from yolonas_plugin.engine import require

    require("ray", "--ray", "ray")
    from yolonas_plugin.hosts.ray import predict

    if args.output is None or len(args.source) > 1:
        raise SourceError("--ray takes one --source, and writes Parquet to the folder or URI that --output names")
    loading = ("processing", "names", "backend", "runtime", "precision", "calibration", "lean", "accept_licence")
    settings = given(args, *_SELECTION, "device")
    place = {"weights": args.weights, "address": args.ray, "workers": args.workers}
    found = predict(args.source[0], args.output, **place, load=given(args, *loading), **settings)
    if args.json:
        errors = [{"path": path, "error": error} for path, error in found.errors]
        print_json({**found._asdict(), "errors": errors, "saved_to": args.output}, out)
    else:
        print(f"{found.images} images, {found.detections} objects in {found.seconds:.1f} s", file=out)
        print(f"Parquet: {args.output}", file=out)
    for path, error in found.errors:
        print(f"yolonas-plugin: could not be read as an image: {path}: {error}", file=sys.stderr)
    return INCOMPLETE if found.errors else 0


def _on_engine(args: argparse.Namespace) -> _Answer:
    from yolonas_plugin.engine import quiet

    with quiet(logging.ERROR):
        model, runtime = load_on_runtime(args)
        settings = given(args, *_SELECTION, "device", "batch")
        if args.save:
            settings |= {**output_settings(args.output, "predict"), "exist_ok": args.output is not None}
        source = args.source[0] if len(args.source) == 1 else args.source
        start = time.perf_counter()
        results = model.predict(source, stream=True, verbose=False, save=args.save, **settings)
        images = [_record(result) for result in results]
        seconds = time.perf_counter() - start
    folder = str(model.predictor.save_dir) if args.save else None
    return _Answer(images, model.predictor.skipped, folder, runtime, seconds)


def _on_lean_path(args: argparse.Namespace) -> _Answer:
    if refused := [f"--{name}" for name in given(args, "backend", "device", "batch")]:
        raise RuntimeChoiceError(
            f"--lean runs on OpenVINO or ONNX Runtime, on the CPU, and has no {' and no '.join(refused)}"
        )
    predictor, runtime = load_on_runtime(args, lean=True)
    from yolonas_plugin.cli.drawing import new_folder, save_picture

    folder: Path | None = None
    images: list[dict[str, Any]] = []
    skipped: list[str] = []
    start = time.perf_counter()
    for found in predictor.stream(args.source, skipped=skipped, **given(args, *_SELECTION)):
        images.append(_record(found))
        if args.save:
            folder = folder or new_folder(args.output, "predict")
            save_picture(found, folder)
    seconds = time.perf_counter() - start
    return _Answer(images, skipped, str(folder) if folder else None, runtime, seconds)


def _record(result: Any) -> dict[str, Any]:
    from yolonas_plugin.results import as_arrays

    found = as_arrays(result)
    rows = zip(found.boxes.tolist(), found.scores.tolist(), found.labels.tolist(), strict=True)
    return {
        "image": result.path,
        "height": found.height,
        "width": found.width,
        "detections": [
            {
                "class": label,
                "name": result.names[label],
                "confidence": round(score, 5),
                "box": [round(side, 2) for side in box],
            }
            for box, score, label in rows
        ],
    }
