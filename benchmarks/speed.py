"""How fast YOLO-NAS-S is in every way to run it, from an image's file to its boxes, on this machine's CPU.

    python -m benchmarks.speed [--rounds 30] [--json FILE] [--plot FILE] [--only NAME ...]

The ways (``benchmarks/contestants.py``): this package on each runtime; ``ultralytics.NAS`` on super-gradients and
super-gradients' own ``predict``, in the environment of ``make reference``; modern-yolonas and LibreYOLO as their
READMEs run them, in that of ``make formats``; the bare network on OpenVINO, with our file and our hints, from pixels in
memory to its raw output. One whose environment isn't there is listed as not run, with the reason. All have the same
weights, synthetic ones that find about a hundred things, and see the same images, one at a time, at 640x640, with their
own defaults.

Each has a process that stays, and only one works at a time; they take turns, so that a busy machine disturbs all alike.
In its turn each predicts an image twice, and the second time counts. A ratio is the median of the rounds' ratios. Noise
is how much of the median the middle half of the times spans: differences below it mean nothing.

**The limit.** The rate of a product of two large matrices in torch, fp32, is what the machine can do; at that rate the
floating-point operations of the fused network take the time that is listed as ``fp32 limit``.

**Folders.** Images per second of a folder in one call, against the same images one by one.

**Memory** is the most that the process ever had, from its start.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.contestants import CONTESTANTS, MATRIX, SIDE
from benchmarks.measuring import environment, noise, parser, save, spread, verdict
from benchmarks.workers import Worker, interpreters, prepare, start
from yolonas_plugin.nn import YoloNAS

FOLDER_CONTESTANTS = ("openvino", "openvino bf16", "openvino int8", "lean openvino")
GOAL_FOLDER = 1.15
GOAL_MEMORY = 0.8
LIMIT = "fp32 limit"


class Goal(NamedTuple):
    """One contestant takes at most ``ratio`` of the other's time."""

    name: str
    other: str
    ratio: float


GOALS = (
    Goal("torch", "ultralytics.NAS", 0.52),
    Goal("torch", "modern-yolonas", 0.57),
    Goal("torch", "LibreYOLO", 0.57),
    Goal("openvino", "raw openvino", 1.06),
    Goal("openvino bf16", "ultralytics.NAS", 0.26),
    Goal("openvino int8", "ultralytics.NAS", 0.18),
)


def main() -> None:
    command = parser(__doc__, rounds=30)
    command.add_argument("--plot", type=Path, metavar="FILE", help="draw the times here")
    command.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS), help="(default: all)")
    command.add_argument("--images", type=int, default=200, help="in the folder (default %(default)s)")
    command.add_argument("--folder-rounds", type=int, default=3, help="of the folder, 0 for none (default %(default)s)")
    for name in ("reference", "peers"):
        path = Path(f".venv-{name}/bin/python")
        command.add_argument(f"--{name}", type=Path, default=path, help="its interpreter (default %(default)s)")
    args = command.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        network, images = prepare(folder, args.images)
        workers, not_run = start(args.only, interpreters(args.reference, args.peers), folder, images[0])
        try:
            answers = take_turns(workers, images, args.rounds)
            folders = measure_folders(workers, images, args.folder_rounds)
        finally:
            for worker in workers.values():
                worker.close()
    figures = summarise(answers, folders, operations(network)) | {"rounds": args.rounds, "not_run": not_run}
    report(figures)
    save(figures, args.json)
    if args.plot:
        plot(figures, args.plot)


def operations(network: YoloNAS) -> int:
    """Return the floating-point operations of the fused network for one image."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network.fuse()(torch.zeros(1, 3, SIDE, SIDE))
    return int(counter.get_total_flops())


def take_turns(workers: Mapping[str, Worker], images: list[Path], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Return each contestant's answer in each round."""
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
    for number in range(rounds):
        image = images[number % len(images)]
        for name, worker in workers.items():
            worker.ask(image)
            answers[name].append(worker.ask(image))
    return answers


def measure_folders(
    workers: Mapping[str, Worker], images: list[Path], rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Return the images per second of a folder in one call, and of the same images one by one, in each round."""
    rates: dict[str, dict[str, list[float]]] = {}
    for _ in range(rounds):
        for name in FOLDER_CONTESTANTS:
            if name in workers:
                worker, found = workers[name], rates.setdefault(name, {"folder": [], "one by one": []})
                found["folder"].append(len(images) / worker.ask(images[0].parent)["seconds"])
                found["one by one"].append(len(images) / sum(worker.ask(image)["seconds"] for image in images))
    return rates


def summarise(
    answers: Mapping[str, list[dict[str, Any]]], folders: Mapping[str, dict[str, list[float]]], flops: int
) -> dict[str, Any]:
    times = {name: [answer["seconds"] * 1000 for answer in found] for name, found in answers.items()}
    product = 2 * MATRIX**3
    products = times.pop("matrix product", [])
    if products:
        times[LIMIT] = [milliseconds * flops / product for milliseconds in products]
    rows = {
        name: {**spread(values), "noise": round(noise(values), 3), **_found(answers.get(name, ()))}
        for name, values in sorted(times.items(), key=lambda item: median(item[1]))
    }
    return {
        **environment(),
        "torch": torch.__version__,
        "gflop": round(flops / 1e9, 2),
        **({"gflop_per_s": round(product / 1e6 / median(products), 1)} if products else {}),
        "milliseconds": rows,
        "noise": round(median(row["noise"] for row in rows.values()), 3),
        "goals": [_judge(times, goal) for goal in GOALS],
        "memory": _memory(rows),
        "folders": {
            name: {
                **{f"{how}_images_per_s": round(median(values), 2) for how, values in found.items()},
                "ratio": round(median(a / b for a, b in zip(*found.values(), strict=True)), 3),
            }
            for name, found in folders.items()
        },
    }


def _found(answers: Any) -> dict[str, float]:
    """Return boxes for an image, and megabytes at most."""
    if not answers:
        return {}
    peak = {"peak_mb": round(answers[-1]["peak"] / 1e6)} if "peak" in answers[-1] else {}
    return {"boxes": round(median(answer["boxes"] for answer in answers)), **peak}


def _judge(times: Mapping[str, list[float]], goal: Goal) -> dict[str, Any]:
    judged: dict[str, Any] = {"what": f"{goal.name} vs {goal.other}", "goal": goal.ratio}
    if goal.name in times and goal.other in times:
        ratio = median(a / b for a, b in zip(times[goal.name], times[goal.other], strict=True))
        judged |= {"ratio": round(ratio, 3), "verdict": verdict(ratio, goal.ratio)}
    return judged


def _memory(rows: Mapping[str, dict[str, float]]) -> dict[str, Any]:
    peaks = [rows.get(name, {}).get("peak_mb") for name in ("torch", "ultralytics.NAS")]
    judged: dict[str, Any] = {"what": "peak memory of torch vs ultralytics.NAS", "goal": GOAL_MEMORY}
    if peaks[0] and peaks[1]:
        ratio = peaks[0] / peaks[1]
        judged |= {"ratio": round(ratio, 3), "verdict": verdict(ratio, GOAL_MEMORY)}
    return judged


def report(figures: dict[str, Any]) -> None:
    print(f"Python {figures['python']}, torch {figures['torch']}, {figures['machine']}, {figures['rounds']} rounds")
    if "gflop_per_s" in figures:
        print(f"{figures['gflop']} GFLOP for an image; a large matrix product runs at {figures['gflop_per_s']} GFLOP/s")
    limit = figures["milliseconds"].get(LIMIT, {}).get("median")
    print(f"\n{'':<18}{'median ms':>11}{'min ms':>9}{'noise':>8}{'of limit':>10}{'boxes':>7}{'peak MB':>9}")
    for name, row in figures["milliseconds"].items():
        of_limit = f"{row['median'] / limit:.2f}" if limit else ""
        print(
            f"{name:<18}{row['median']:>11.1f}{row['min']:>9.1f}{row['noise']:>8.1%}{of_limit:>10}"
            f"{row.get('boxes') or '':>7}{row.get('peak_mb', ''):>9}"
        )
    for name, reason in figures["not_run"].items():
        print(f"{name:<18}not run: {reason}")
    print(f"\nnoise of this run: {figures['noise']:.1%}, the middle half of the times over their median\n")
    print(f"{'':<42}{'ratio':>8}{'goal':>8}")
    for row in [*figures["goals"], figures["memory"]]:
        print(f"{row['what']:<42}{row.get('ratio', ''):>8}{row['goal']:>8}  {row.get('verdict', 'not run')}")
    best = max(figures["folders"].items(), key=lambda item: item[1]["folder_images_per_s"], default=(None, {}))
    for name, row in figures["folders"].items():
        met = f"  {'met' if row['ratio'] >= GOAL_FOLDER else 'MISSED'}" if name == best[0] else ""
        print(
            f"folder, {name}: {row['folder_images_per_s']:.2f} images/s, one by one "
            f"{row['one by one_images_per_s']:.2f}: {row['ratio']:.2f} times{met}"
        )
    if figures["folders"]:
        print(f"goal for the fastest: at least {GOAL_FOLDER} times")


def plot(figures: dict[str, Any], file: Path) -> None:
    """Draw medians as bars and minima as ticks, with the limit as a line."""
    import matplotlib.pyplot as plt

    rows = {name: row for name, row in reversed(figures["milliseconds"].items()) if name != LIMIT}
    figure, axes = plt.subplots(figsize=(8, 0.45 * len(rows) + 1.5))
    peers = ("ultralytics.NAS", "super-gradients", "modern-yolonas", "LibreYOLO")
    colours = ["tab:gray" if name in peers else "tab:blue" for name in rows]
    bars = axes.barh(list(rows), [row["median"] for row in rows.values()], color=colours)
    axes.bar_label(bars, fmt="%.0f", padding=3)
    axes.margins(x=0.1)
    axes.plot([row["min"] for row in rows.values()], range(len(rows)), "k|", markersize=12, label="minimum")
    if LIMIT in figures["milliseconds"]:
        axes.axvline(figures["milliseconds"][LIMIT]["median"], color="tab:red", label=LIMIT)
    title = f"YOLO-NAS-S, 640x640, one image, {figures['machine']}"
    axes.set(xlabel="milliseconds from file to boxes, median", title=title)
    axes.legend()
    figure.tight_layout()
    figure.savefig(file, dpi=120)


if __name__ == "__main__":
    main()
