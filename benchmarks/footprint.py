"""What YOLO-NAS-S costs besides time for an image: starting, importing, memory, and whether memory grows.

    python -m benchmarks.footprint [--rounds 10] [--predictions 5000] [--json FILE] [--plot FILE]

**Start and memory.** A fresh process until it has the boxes of its first image, at 640x640, and the most memory that it
had: ``NAS(path).predict(image)`` on torch, the same by the command line, and the lean path on OpenVINO, whose model is
in the cache. They are interleaved with interpreters that only start, import the package, or list its models.

**Peaks.** The most memory that a process had over its first images at 640x640, on torch, on OpenVINO with and without
the engine, and as ``ultralytics.NAS`` in the environment of ``make reference``, where that is there; beside them a
process that imports torch and does nothing else.

**Growth.** The memory of a process that goes on predicting, on each runtime, after each fiftieth of ``--predictions``.
The input is 320x320, so that they take minutes: what leaks hangs on the number of images, not on their size. Growth is
from the first tenth, when all caches are full, to the end.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contestants import OWN
from benchmarks.measuring import ROOT, environment, noise, parser, run, run_timed, save, spread, verdict
from benchmarks.workers import Worker, interpreters, prepare, start

GOAL_START = 0.33
GOAL_MEMORY = 0.4
GOAL_COMMAND_LINE = 1.1
GOALS_OVER_BARE_MS = {"import": 60.0, "list": 100.0}
GOAL_OF_ULTRALYTICS = 0.75
PEAKS = ("torch", "openvino", "lean openvino", "ultralytics.NAS")
PEAK_IMAGES = 5
GOAL_GROWTH = 0.02
"""Part of the memory that may come and go."""

GROWING = ("torch", "onnxruntime", "openvino", "lean openvino")
GROWTH_SIDE = 320
STEPS = 50

FIRST_BOXES = {
    "torch": """
import sys
from yolonas_plugin import NAS
(result,) = NAS(sys.argv[1]).predict(sys.argv[2], verbose=False)
assert len(result.boxes), "no boxes"
""",
    "command line": """
import sys
from yolonas_plugin.cli import main
assert not main(["predict", "--weights", sys.argv[1], "--source", sys.argv[2], "--no-save"])
""",
    "lean openvino": """
import sys
from model_zoo_api import ModelZoo
predict = ModelZoo.discover().predictor(sys.argv[1], provider="yolo_nas", runtime="openvino", lean=True)
(found,) = predict(sys.argv[2])
assert len(found), "no boxes"
""",
}
THEN_SAY = """
print(flush=True)
from benchmarks.contestants import memory
print(memory()["peak"])
"""
STARTS = {
    "bare": "pass",
    "import": "import yolonas_plugin",
    "list": "from yolonas_plugin.cli import main; main(['list'])",
}


def main() -> None:
    command = parser(__doc__, rounds=10)
    command.add_argument(
        "--predictions", type=int, default=5000, help="on each runtime, 0 for none (default %(default)s)"
    )
    command.add_argument(
        "--reference", type=Path, default=ROOT / ".venv-reference/bin/python", help="interpreter of ultralytics.NAS"
    )
    command.add_argument("--plot", type=Path, metavar="FILE", help="draw the growth here")
    args = command.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, images = prepare(folder, 20)
        os.environ["YOLONAS_WEIGHTS"] = str(folder / "cache")
        rounds = [one_round(folder / OWN, images[0]) for _ in range(args.rounds + 1)][1:]  # the first warms the disk's
        peaks = measure_peaks(folder, images, args.reference)
        growth = measure_growth(folder, images, args.predictions) if args.predictions else {}
    figures = summarise(rounds, peaks, growth) | {"rounds": args.rounds, "predictions": args.predictions}
    report(figures)
    save(figures, args.json)
    if args.plot:
        plot(figures, args.plot)


def one_round(weights: Path, image: Path) -> dict[str, tuple[float, float]]:
    """Return milliseconds and, where it matters, peak bytes of each process."""
    measured = {}
    for name, code in FIRST_BOXES.items():
        printed, seconds = run_timed(code + THEN_SAY, weights, image, path=[ROOT])
        measured[name] = seconds * 1000, float(printed.split()[-1])
    for name, code in STARTS.items():
        begin = time.perf_counter()
        run(code, path=[ROOT])
        measured[name] = (time.perf_counter() - begin) * 1000, 0.0
    return measured


def measure_peaks(folder: Path, images: list[Path], reference: Path) -> dict[str, int]:
    """Return the bytes that each contestant had at most, and under ``import torch`` those of a process that does that.

    A contestant that can't be run is left out.
    """
    found = {"import torch": int(run("import torch" + THEN_SAY, path=[ROOT]))}
    for name in PEAKS:
        workers, not_run = start([name], interpreters(reference, Path()), folder, images[0])
        if not_run:
            print(f"{name}: not run: {not_run[name]}", file=sys.stderr)
            continue
        try:
            found[name] = [workers[name].ask(image) for image in images[:PEAK_IMAGES]][-1]["peak"]
        finally:
            workers[name].close()
    return found


def measure_growth(folder: Path, images: list[Path], predictions: int) -> dict[str, list[int]]:
    """Return the bytes of memory of each contestant after each fiftieth of its predictions."""
    pythons = interpreters(Path(), Path())
    return {name: _grow(name, pythons, folder, images, predictions) for name in GROWING}


def _grow(name: str, pythons: dict[str, Path], folder: Path, images: list[Path], predictions: int) -> list[int]:
    workers, not_run = start([name], pythons, folder, images[0], imgsz=GROWTH_SIDE)
    if not_run:
        raise SystemExit(f"{name}: {not_run[name]}")
    worker: Worker = workers[name]
    each = max(1, predictions // STEPS)
    try:
        asked = (worker.ask(images[i % len(images)], imgsz=GROWTH_SIDE) for i in range(each * STEPS))
        return [answer["memory"] for answer in asked][each - 1 :: each]
    finally:
        worker.close()


def summarise(
    rounds: list[dict[str, tuple[float, float]]], most: Mapping[str, int], growth: Mapping[str, list[int]]
) -> dict[str, Any]:
    times = {name: [measured[name][0] for measured in rounds] for name in rounds[0]}
    peaks = {name: [measured[name][1] for measured in rounds] for name in FIRST_BOXES}

    def ratio(values: Mapping[str, list[float]], name: str = "lean openvino") -> float:
        return median(a / b for a, b in zip(values[name], values["torch"], strict=True))

    over_bare = {
        name: [value - bare for value, bare in zip(times[name], times["bare"], strict=True)]
        for name in GOALS_OVER_BARE_MS
    }
    return {
        **environment(),
        "milliseconds": {
            name: {**spread(values, 1), "noise": round(noise(values), 3)} for name, values in times.items()
        },
        "peak_mb": {name: round(median(values) / 1e6) for name, values in peaks.items()},
        "start": {"ratio": round(ratio(times), 3), "goal": GOAL_START},
        "memory": {"ratio": round(ratio(peaks), 3), "goal": GOAL_MEMORY},
        "command line": {"ratio": round(ratio(times, "command line"), 3), "goal": GOAL_COMMAND_LINE},
        "most_mb": {name: round(value / 1e6) for name, value in most.items()},
        "most": _most(most),
        "over_bare_ms": {
            name: {**spread(values, 1), "goal": GOALS_OVER_BARE_MS[name]} for name, values in over_bare.items()
        },
        "growth": {name: _growth(values) for name, values in growth.items()},
    }


def _most(most: Mapping[str, int]) -> dict[str, dict[str, float]]:
    """Return the ratios of peaks and their goals, as far as the contestants could be run."""
    goals = {
        "openvino, of lean and torch's import": ("openvino", ("lean openvino", "import torch"), 1.0),
        "torch, of ultralytics.NAS": ("torch", ("ultralytics.NAS",), GOAL_OF_ULTRALYTICS),
    }
    return {
        what: {"ratio": round(most[name] / sum(most[other] for other in others), 3), "goal": goal}
        for what, (name, others, goal) in goals.items()
        if {name, *others} <= most.keys()
    }


def _growth(values: list[int]) -> dict[str, Any]:
    early = values[len(values) // 10]
    return {
        "early_mb": round(early / 1e6, 1),
        "late_mb": round(values[-1] / 1e6, 1),
        "grown": round(values[-1] / early - 1, 4),
        "mb": [round(value / 1e6, 1) for value in values],
    }


def report(figures: dict[str, Any]) -> None:
    print(f"Python {figures['python']}, {figures['machine']}, {figures['rounds']} rounds\n")
    print(f"{'fresh process':<18}{'median ms':>11}{'min ms':>9}{'noise':>8}{'peak MB':>9}")
    for name, row in figures["milliseconds"].items():
        peak = figures["peak_mb"].get(name, "")
        print(f"{name:<18}{row['median']:>11.1f}{row['min']:>9.1f}{row['noise']:>8.1%}{peak:>9}")
    print()
    for what, key in (("start to first boxes", "start"), ("peak memory", "memory")):
        row = figures[key]
        print(f"lean vs torch, {what}: {row['ratio']}, goal {row['goal']}: {verdict(row['ratio'], row['goal'])}")
    row = figures["command line"]
    print(f"command line vs torch: {row['ratio']}, goal {row['goal']}: {verdict(row['ratio'], row['goal'])}")
    print("peaks in MB:", ", ".join(f"{name} {value}" for name, value in figures["most_mb"].items()))
    for what, row in figures["most"].items():
        print(f"peak memory of {what}: {row['ratio']}, goal {row['goal']}: {verdict(row['ratio'], row['goal'])}")
    for name, row in figures["over_bare_ms"].items():
        print(
            f"{name} over a bare interpreter: {row['median']:.1f} ms, goal {row['goal']:.0f} ms: "
            f"{verdict(row['median'], row['goal'])}"
        )
    for name, row in figures["growth"].items():
        print(
            f"memory over {figures['predictions']} predictions, {name}: {row['early_mb']:.1f} MB after a tenth, "
            f"{row['late_mb']:.1f} MB at the end, {row['grown']:+.1%}: {verdict(row['grown'], GOAL_GROWTH)}"
        )


def plot(figures: dict[str, Any], file: Path) -> None:
    """Draw memory by prediction."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4))
    for name, row in figures["growth"].items():
        done = [figures["predictions"] * (step + 1) / len(row["mb"]) for step in range(len(row["mb"]))]
        axes.plot(done, row["mb"], label=name)
    axes.set(xlabel="predictions", ylabel="memory of the process, MB", ylim=(0, None))
    axes.legend()
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(file, dpi=120)


if __name__ == "__main__":
    main()
