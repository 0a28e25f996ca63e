"""``benchmark``: how fast each runtime that is installed is on this machine."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from yolonas_plugin.cli.arguments import add_imgsz, add_model_command, given, load_model, number
from yolonas_plugin.cli.output import print_json, print_table, report_unreadable
from yolonas_plugin.cli.progress import Progress, follow
from yolonas_plugin.errors import MissingExtraError, RuntimeChoiceError
from yolonas_plugin.system.environment import variable
from yolonas_plugin.tasks import TASKS

_VARIANTS: Final = (
    ("torch", "fp32"),
    ("torch", "bf16"),
    ("onnxruntime", "fp32"),
    ("onnxruntime", "int8"),
    ("openvino", "fp32"),
    ("openvino", "bf16"),
    ("openvino", "int8"),
)
"""What is measured, the yardstick first; int8 only where there are images to calibrate it on."""

Run = Callable[[], object]


def register(commands: Any) -> None:
    """Add ``benchmark``."""
    text = "measure how long an image takes, from its file to its boxes, on each runtime that is installed"
    command = add_model_command(commands, "benchmark", _benchmark, text, weights=None)
    command.add_argument(
        "--size",
        choices=("n", "s", "m", "l"),
        help="of the random weights that are measured without --weights; speed hardly depends on them (default: s)",
    )
    command.add_argument(
        "--task",
        choices=sorted(TASKS),
        help="of the random weights, if there are no --weights (default: detect)",
    )
    command.add_argument("--source", help="an image (default: one that is made up)")
    add_imgsz(command)
    command.add_argument(
        "--rounds", type=number("rounds"), default=20, metavar="N", help="times for each runtime (default: %(default)s)"
    )
    command.add_argument("--calibration", help="measure int8 too, calibrated on these images")


def _benchmark(args: argparse.Namespace, out: IO[str]) -> int:
    from statistics import median  # here and below: the other commands shouldn't wait for it

    from yolonas_plugin.engine import quiet
    from yolonas_plugin.files.temporary import TemporaryFolder

    if args.weights is not None and (refused := [f"--{name}" for name in given(args, "size", "task")]):
        raise RuntimeChoiceError(
            f"{' and '.join(refused)} would change nothing: it is of the random weights that run without --weights"
        )
    family = f"{TASKS[args.task or 'detect'].family}_{args.size or 's'}"
    with quiet(logging.ERROR), TemporaryFolder() as name:
        source = args.source or _make_up_image(Path(name))
        weights = f"random weights of {family}" if args.weights is None else args.weights
        with _random_weights(args, family, Path(name)) if args.weights is None else contextlib.nullcontext():
            runs, not_run = _open(args, source)
            with Progress("benchmark", args.rounds * len(runs), "runs") as progress:
                times = _measure(runs, args.rounds, progress)
    rows: list[dict[str, Any]] = [
        {"runtime": key[0], "precision": key[1], **row} for key, row in _figures(times).items()
    ]
    noise = round(median(row["spread"] for row in rows), 3)
    if args.json:
        about = {"weights": weights, "imgsz": given(args, "imgsz").get("imgsz"), "rounds": args.rounds}
        machine = {"python": platform.python_version(), "machine": platform.machine(), "cpus": os.cpu_count()}
        print_json({**about, **machine, "runtimes": rows, "not_run": not_run, "noise": noise}, out)
        return 0
    table = [
        (
            row["runtime"],
            row["precision"],
            f"{row['median_ms']:.1f}",
            f"{row['min_ms']:.1f}",
            f"{row['ratio']:.2f}",
            f"{1000 / row['median_ms']:.1f}",
        )
        for row in rows
    ]
    print_table(("runtime", "precision", "median ms", "minimum ms", f"to {rows[0]['runtime']}", "images/s"), table, out)
    print(
        f"{weights}; an image from its file to its boxes; {args.rounds} rounds in turn; {os.cpu_count()} CPUs", file=out
    )
    print(f"noise: the middle half of the times spans {noise:.1%} of their median", file=out)
    for variant, reason in not_run.items():
        print(f"not run: {variant}: {reason}", file=out)
    return 0


@contextlib.contextmanager
def _random_weights(args: argparse.Namespace, model: str, folder: Path) -> Iterator[None]:
    """Write random weights and name them in ``args``; what runtimes make of them isn't kept."""
    from yolonas_plugin.nas import NAS

    args.weights = NAS(model, pretrained=False).save(folder / "random.safetensors")
    with variable("YOLONAS_WEIGHTS", str(folder / "cache")):
        yield


def _make_up_image(folder: Path) -> str:
    """Write a JPEG of a camera's 640x480, as smooth as a photograph."""
    import cv2
    import numpy as np

    coarse = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    path = folder / "image.jpg"
    path.write_bytes(cv2.imencode(".jpg", cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC))[1].tobytes())
    return str(path)


def _open(args: argparse.Namespace, source: str) -> tuple[dict[tuple[str, str], Run], dict[str, str]]:
    """Return what is measured, each run once, and why the others can't be."""
    runs: dict[tuple[str, str], Run] = {}
    not_run: dict[str, str] = {}
    for runtime, precision in follow(_VARIANTS, "open the runtimes", len(_VARIANTS), "runtimes"):
        if precision == "int8" and not args.calibration:
            continue
        options = {"runtime": runtime, "precision": precision}
        options |= given(args, "calibration") if precision == "int8" else {}
        try:
            model = load_model(args, **options)
            run = _prediction(model, source, given(args, "imgsz"))
            run()
        except (MissingExtraError, RuntimeChoiceError) as error:
            not_run[f"{runtime} {precision}"] = str(error)
        else:
            if model.predictor.skipped and not args.incomplete:
                report_unreadable(model.predictor.skipped)
                args.incomplete = True
            runs[runtime, precision] = run
    return runs, not_run


def _prediction(model: Any, source: str, settings: Mapping[str, Any]) -> Run:
    return lambda: model.predict(source, verbose=False, **settings)


def _measure(
    runs: Mapping[tuple[str, str], Run], rounds: int, progress: Progress
) -> dict[tuple[str, str], list[float]]:
    """Return milliseconds. They take turns, so that a busy machine disturbs all alike.

    The first run of each turn isn't timed: threads of the last one may still spin, and its data fill the caches.
    """
    times: dict[tuple[str, str], list[float]] = {variant: [] for variant in runs}
    for _ in range(rounds):
        for variant, run in runs.items():
            run()
            start = time.perf_counter()
            run()
            times[variant].append((time.perf_counter() - start) * 1000)
            progress.step()
    return times


def _figures(times: Mapping[tuple[str, str], Sequence[float]]) -> dict[tuple[str, str], dict[str, float]]:
    """Summarise milliseconds; a ratio is the median of the rounds' ratios to the first variant."""
    from statistics import median

    yardstick = next(iter(times.values()))
    return {
        variant: {
            "median_ms": round(median(values), 2),
            "min_ms": round(min(values), 2),
            "ratio": round(median(a / b for a, b in zip(values, yardstick, strict=True)), 3),
            "spread": round(_middle_half(values) / median(values), 3),
        }
        for variant, values in times.items()
    }


def _middle_half(values: Sequence[float]) -> float:
    from statistics import quantiles

    if len(values) < 2:
        return 0.0
    low, _, high = quantiles(values, n=4, method="inclusive")
    return high - low
