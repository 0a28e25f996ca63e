"""``predict``: detect objects; draw and save pictures."""

from __future__ import annotations

import argparse
import logging
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Final

from model_zoo_api import Detections
from model_zoo_api.texts import printable
from model_zoo_api.zoo import ModelZoo
from yolonas_plugin.cli.arguments import (
    add_classes,
    add_model_command,
    add_runtime,
    add_selection,
    given,
    load_on_runtime,
    other_plugin,
    output_settings,
)
from yolonas_plugin.cli.output import (
    INCOMPLETE,
    INTERRUPTED,
    line,
    print_json,
    report_unreadable,
    tally,
    terminal_width,
    warn,
)
from yolonas_plugin.cli.progress import Progress
from yolonas_plugin.errors import RuntimeChoiceError, SourceError
from yolonas_plugin.settings import check_source
from yolonas_plugin.skeleton import Skeleton

_SELECTION: Final = ("conf", "iou", "imgsz", "max_det", "classes", "rect")
_OWN: Final = ("processing", "names", "backend", "runtime", "precision", "calibration", "lean", "rect")
"""Arguments that only YOLO-NAS's own models know."""


@dataclass
class _Answer:
    """The results so far.

    Attributes:
        images: A record for each image.
        skipped: The files that are none.
        folder: Where the pictures are.
        runtime: What ran the network.
        total: Images in all, where that is known.
        skeleton: What the keypoints are; None where there are none.
        interrupted: Whether it ended before all of them.
    """

    images: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    folder: str | None = None
    runtime: str = ""
    total: int | None = None
    skeleton: Skeleton | None = None
    interrupted: bool = False


def register(commands: Any) -> None:
    """Add ``predict``."""
    command = add_model_command(commands, "predict", _predict, "detect objects; draw and save pictures")
    command.add_argument(
        "--source", required=True, nargs="+", help="images, folders, globs, videos, URLs or a camera's number"
    )
    add_selection(command)
    add_classes(command)
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
    check_source(args.source)
    if args.workers is not None and not args.ray:
        raise RuntimeChoiceError("--workers would change nothing: it is of a cluster, which --ray names")
    if args.ray:
        return _on_cluster(args, out)
    other = other_plugin(ModelZoo.discover(), args.weights)
    work = _by_another_plugin if other else _on_lean_path if args.lean else _on_engine
    answer = _Answer()
    start = time.perf_counter()
    with Progress("predict") as progress:
        rows = None if args.json else _Rows(progress, out)
        try:
            for record in work(args, answer):
                answer.images.append(record)
                if rows:
                    rows.print(record)
                progress.step(answer.total)
        except KeyboardInterrupt:
            answer.interrupted = True
    _print_end(answer, time.perf_counter() - start, args.json, out)
    report_unreadable(answer.skipped)
    if answer.interrupted:
        warn(f"interrupted; the {len(answer.images)} images above are done")
        return INTERRUPTED
    return INCOMPLETE if answer.skipped else 0


class _Rows:
    """Prints a row for each image as soon as it is done, under a heading."""

    def __init__(self, progress: Progress, out: IO[str]) -> None:
        self._progress, self._out = progress, out
        self._widths: list[int] = []

    def print(self, record: dict[str, Any]) -> None:
        """Print the detections of an image."""
        if not self._widths:
            name = min(40, terminal_width() * 3 // 10)
            self._widths = [name, 9, 7, terminal_width() - name - 22]
            self._progress.print(line(("image", "size", "objects", "classes"), self._widths), self._out)
        names = Counter(row["name"] for row in record["detections"])
        frame = f" frame {record['frame']}" if "frame" in record else ""
        size = f"{record['width']}x{record['height']}"
        cells = (Path(record["image"]).name + frame, size, str(names.total()), tally(names, self._widths[-1]))
        self._progress.print(line(tuple(map(printable, cells)), self._widths), self._out)


def _print_end(answer: _Answer, seconds: float, as_json: bool, out: IO[str]) -> None:
    images = answer.images
    if answer.skipped and not images and not answer.interrupted:
        first = answer.skipped[0]
        raise SourceError(f"none of the {len(answer.skipped)} files could be read as an image, the first is {first}")
    if as_json:
        about: dict[str, Any] = {"skipped": answer.skipped, "saved_to": answer.folder, "runtime": answer.runtime}
        about |= {"seconds": round(seconds, 3), "interrupted": answer.interrupted}
        if (skeleton := answer.skeleton) is not None:
            about["keypoints"] = {"names": list(skeleton.names), "edges": [list(edge) for edge in skeleton.edges]}
        print_json({"images": images, **about}, out)
        return
    names = Counter(row["name"] for image in images for row in image["detections"])
    total = f"{len(images)} images, {names.total()} objects ({tally(names)})"
    print(f"{total} in {seconds:.1f} s on {answer.runtime}", file=out)
    if answer.folder:
        print(f"pictures: {answer.folder}", file=out)


def _on_cluster(args: argparse.Namespace, out: IO[str]) -> int:
    if refused := [f"--{name}" for name in given(args, "batch")] + ["--no-save"] * (not args.save):
        raise RuntimeChoiceError(
            f"{' and '.join(refused)} would change nothing: --ray draws no pictures, and has batches of its own"
        )
    from yolonas_plugin.extras import require

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
    report_unreadable(f"{path}: {error}" for path, error in found.errors)
    return INCOMPLETE if found.errors else 0


def _on_engine(args: argparse.Namespace, answer: _Answer) -> Iterator[dict[str, Any]]:
    from yolonas_plugin.engine import quiet

    with quiet(logging.ERROR):
        model, answer.runtime = load_on_runtime(args)
        answer.skeleton = model.skeleton
        settings = given(args, *_SELECTION, "device", "batch")
        if args.save:
            settings |= {**output_settings(args.output, "predict"), "exist_ok": args.output is not None}
        source = args.source[0] if len(args.source) == 1 else args.source
        frames: Counter[str] = Counter()
        try:
            for result in model.predict(source, stream=True, verbose=False, save=args.save, **settings):
                answer.total = getattr(model.predictor.dataset, "total", None)  # of a camera nobody knows
                yield {**_record(result), **_frame(result.path, model.predictor.dataset, frames)}
        finally:
            if getattr(model.predictor, "dataset", None) is not None:  # else it failed before it began
                answer.skipped += model.predictor.skipped
                answer.folder = str(model.predictor.save_dir) if args.save else None


def _frame(path: str, dataset: Any, frames: Counter[str]) -> dict[str, Any]:
    """Return which frame of a video or camera a result is of, from 0 on, and when that is in seconds, if known.

    Args:
        path: Of the video.
        dataset: The engine's data set.
        frames: Frames of each video before this one; it is counted.
    """
    from yolonas_plugin.nas.sources import is_video

    if dataset.mode != "stream" and not is_video(path):
        return {}
    number = frames[path]
    frames[path] += 1
    rate = getattr(dataset, "fps", None)
    if dataset.mode == "stream" or not rate:
        return {"frame": number}
    return {"frame": number, "seconds": round(number / rate, 3)}


def _on_lean_path(args: argparse.Namespace, answer: _Answer) -> Iterator[dict[str, Any]]:
    if refused := [f"--{name}" for name in given(args, "backend", "device")]:
        raise RuntimeChoiceError(
            f"--lean runs on OpenVINO or ONNX Runtime, on the CPU, and has no {' and no '.join(refused)}"
        )
    predictor, answer.runtime = load_on_runtime(args, lean=True)
    answer.skeleton = predictor.skeleton
    from yolonas_plugin.images import list_images

    paths = list(list_images(args.source))
    answer.total = len(paths)
    yield from _save(predictor.stream(paths, **given(args, *_SELECTION, "batch")), args, answer)


def _by_another_plugin(args: argparse.Namespace, answer: _Answer) -> Iterator[dict[str, Any]]:
    """Predict with a model of another plugin."""
    if refused := [f"--{name}" for name in given(args, *_OWN)]:
        raise RuntimeChoiceError(f"{args.weights} comes from another plugin, which has no {' and no '.join(refused)}")
    zoo = ModelZoo.discover()
    provider, card = other_plugin(zoo, args.weights) or zoo.find(args.weights)
    answer.runtime = f"the plugin {provider.name!r}"
    settings = given(args, "conf", "iou", "imgsz", "max_det", "classes", "device", "batch")
    from yolonas_plugin.images import list_images

    paths = [str(path) for path in list_images(args.source)]
    answer.total = len(paths)
    with zoo.predictor(card.name, provider=provider.name, **settings) as predict:
        yield from _save(predict.stream(paths), args, answer)


def _save(results: Iterator[Detections], args: argparse.Namespace, answer: _Answer) -> Iterator[dict[str, Any]]:
    """Yield a record of each image that could be read, and draw its picture if that is wanted."""
    from yolonas_plugin.boxes.image_boxes import skeleton_of
    from yolonas_plugin.cli.pictures import new_folder, save_picture
    from yolonas_plugin.images import read_image

    for found in results:
        if found.error:
            answer.skipped.append(str(found.path))
            continue
        if found.image is None:  # of another plugin, which need not keep it
            image = read_image(str(found.path))
            if image is None:
                answer.skipped.append(str(found.path))
                continue
            found = replace(found, image=image, height=image.shape[0], width=image.shape[1])
        answer.skeleton = answer.skeleton or skeleton_of(found)
        if args.save:
            folder = Path(answer.folder) if answer.folder else new_folder(args.output, "predict")
            answer.folder = str(folder)
            save_picture(found, folder, answer.skeleton)
        yield _record(found)


def _record(result: Any) -> dict[str, Any]:
    from yolonas_plugin.boxes.image_boxes import as_arrays

    found = as_arrays(result)
    rows = zip(found.boxes.tolist(), found.scores.tolist(), found.labels.tolist(), strict=True)
    points = [None] * len(found.boxes) if found.keypoints is None else found.keypoints.tolist()
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
                **({} if own is None else {"keypoints": [[round(x, 2), round(y, 2), round(s, 5)] for x, y, s in own]}),
            }
            for (box, score, label), own in zip(rows, points, strict=True)
        ],
    }
