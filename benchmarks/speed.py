"""How fast YOLO-NAS-S is in every way to run it, from an image's file to its boxes, on this machine's CPU.

    python -m benchmarks.speed [--rounds 20] [--json FILE] [--plot FILE] [--only NAME ...]

The ways (``benchmarks/contestants.py``): this package on each runtime; ``ultralytics.NAS`` on super-gradients and
super-gradients' own ``predict``, in the environment of ``make reference``; modern-yolonas and LibreYOLO as their
READMEs run them, in that of ``make formats``; the bare network on OpenVINO, with our file and our hints, from pixels in
memory to its raw output. One whose environment isn't there is listed as not run, with the reason. All have the same
weights, synthetic ones that find about a hundred things, and see the same images, one at a time, at 640x640, with their
own defaults.

Each has a process that stays, and only one works at a time; they take turns, so that a busy machine disturbs all alike.
In its turn each predicts an image twice, and the second time counts. A ratio is the median of the rounds' ratios. Noise
is how much of the median the middle half of the times spans: differences below it mean nothing.

**The limit** of a precision: the best rate of any work, of any library at hand (``benchmarks/limit.py``), is what the
machine can do; at that rate the operations of the fused network take the time that is listed. ``of limit`` is a median
over the limit of the same precision. Nothing can be faster than a limit; the run says so loudly where something was,
because a kind of work is missing then, or the machine was busy whenever the limit was measured.

**Folders.** Images per second of a folder in one call, against the same images one by one.

**Memory** is the most that the process ever had, from its start.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import limit
from benchmarks.contestants import CONTESTANTS, LIMIT, SIDE
from benchmarks.goals import FASTEST_FOLDER, FOLDER, GOALS
from benchmarks.measuring import environment, noise, parser, save, spread, verdict
from benchmarks.workers import Worker, interpreters, prepare, start
from yolonas_plugin.nn import YoloNAS

FOLDER_CONTESTANTS = ("openvino", "openvino bf16", "openvino int8", "lean openvino")
COLOURS = {"fp32": "tab:blue", "bf16": "tab:orange", "int8": "tab:green"}


def main() -> None:
    command = parser(__doc__, rounds=20)
    command.add_argument("--plot", type=Path, metavar="FILE", help="draw the times here")
    command.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS), help="(default: all)")
    command.add_argument("--images", type=int, default=100, help="in the folder (default %(default)s)")
    command.add_argument("--folder-rounds", type=int, default=3, help="of the folder, 0 for none (default %(default)s)")
    for name in ("reference", "peers"):
        path = Path(f".venv-{name}/bin/python")
        command.add_argument(f"--{name}", type=Path, default=path, help="its interpreter (default %(default)s)")
    args = command.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        network, images = prepare(folder, args.images)
        workers, not_run = start([*args.only, LIMIT], interpreters(args.reference, args.peers), folder, images[0])
        machine = workers.pop(LIMIT, None)
        rounds: list[dict[str, dict[str, Any]]] = []
        rates: list[dict[str, float]] = []
        try:
            for number in range(args.rounds):
                rounds.append(one_round(workers, images[number % len(images)]))
                if machine:
                    rates.append(limit.measure(machine, images[0]))
            folders = measure_folders(workers, images, args.folder_rounds)
        finally:
            for worker in [*workers.values(), *filter(None, [machine])]:
                worker.close()
    answers = {name: [answers[name] for answers in rounds] for name in workers}
    figures = summarise(answers, rates, folders, operations(network)) | {"rounds": args.rounds, "not_run": not_run}
    report(figures)
    save(figures, args.json)
    if args.plot:
        plot(figures, args.plot)


def operations(network: YoloNAS) -> int:
    """Return the floating-point operations of the fused network for one image."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network.fuse()(torch.zeros(1, 3, SIDE, SIDE))
    return int(counter.get_total_flops())


def one_round(workers: Mapping[str, Worker], image: Path) -> dict[str, dict[str, Any]]:
    """Return each contestant's answer, the second time that it is asked: others filled the caches before."""
    answers = {}
    for name, worker in workers.items():
        worker.ask(image)
        answers[name] = worker.ask(image)
    return answers


def measure_folders(
    workers: Mapping[str, Worker], images: list[Path], rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Return the images per second of a folder in one call, and of the same images one by one, in each round.

    A folder comes once before that, since a runtime may have to compile the network for its batches.
    """
    rates: dict[str, dict[str, list[float]]] = {}
    for number in range(rounds):
        for name in FOLDER_CONTESTANTS:
            if name in workers:
                worker, found = workers[name], rates.setdefault(name, {"folder": [], "one by one": []})
                if not number:
                    worker.ask(images[0].parent)
                found["folder"].append(len(images) / worker.ask(images[0].parent)["seconds"])
                found["one by one"].append(len(images) / sum(worker.ask(image)["seconds"] for image in images))
    return rates


def summarise(
    answers: Mapping[str, list[dict[str, Any]]],
    rates: list[dict[str, float]],
    folders: Mapping[str, dict[str, list[float]]],
    flops: int,
) -> dict[str, Any]:
    """Return all figures of a run.

    Args:
        answers: Of each contestant in each round.
        rates: GFLOP per second of each work in each round.
        folders: What :func:`measure_folders` returned.
        flops: Of the network, for one image.
    """
    times = {name: [answer["seconds"] * 1000 for answer in found] for name, found in answers.items()}
    peaks = {name: [answer["peak"] for answer in found] for name, found in answers.items() if "peak" in found[0]}
    limits = limit.limits(rates, flops)
    rows = {
        name: {
            **spread(values),
            "noise": round(noise(values), 3),
            "precision": CONTESTANTS[name].precision,
            "boxes": round(median(answer["boxes"] for answer in answers[name])),
            **({"peak_mb": round(peaks[name][-1] / 1e6)} if name in peaks else {}),
        }
        for name, values in sorted(times.items(), key=lambda item: median(item[1]))
    }
    for row in rows.values():
        if row["precision"] in limits:
            row["of_limit"] = round(row["median"] / limits[row["precision"]]["milliseconds"], 2)
    return {
        **environment(),
        "torch": torch.__version__,
        "gflop": round(flops / 1e9, 2),
        "limits": limits,
        "beyond_limit": [
            name
            for name, row in rows.items()
            if row["min"] < limits.get(row["precision"], {"milliseconds": 0})["milliseconds"]
        ],
        "milliseconds": rows,
        "noise": round(median(row["noise"] for row in rows.values()), 3),
        "goals": [goal.judge({"time": times, "peak memory": peaks}) for goal in GOALS],
        "folders": {name: _folder(CONTESTANTS[name].precision, found) for name, found in folders.items()},
    }


def _folder(precision: str, found: Mapping[str, list[float]]) -> dict[str, Any]:
    ratio = median(a / b for a, b in zip(found["folder"], found["one by one"], strict=True))
    return {
        **{f"{how}_images_per_s": round(median(values), 2) for how, values in found.items()},
        "ratio": round(ratio, 3),
        "goal": FOLDER[precision],
        "verdict": verdict(FOLDER[precision], ratio),
    }


def report(figures: dict[str, Any]) -> None:
    print(f"Python {figures['python']}, torch {figures['torch']}, {figures['machine']}, {figures['rounds']} rounds")
    print(f"{figures['cpu']}\n\n{figures['gflop']} GFLOP for an image")
    for precision, row in figures["limits"].items():
        rate = f"{row['milliseconds']:.1f} ms, {row['gflop_per_s']:.0f} GFLOP/s"
        print(f"limit of {precision}: {rate}, the rate of: {row['work']}")
    if "MAX_CPU_ISA" in figures["cpu"]:
        print("that holds down what goes through oneDNN; other products of matrices and ONNX Runtime use the whole CPU")
    for precision in limit.PRECISIONS:
        if precision not in figures["limits"]:
            print(f"limit of {precision}: none, no library here computes in it on this CPU")
    print(f"\n{'':<18}{'median ms':>11}{'min ms':>9}{'noise':>8}{'of limit':>10}{'boxes':>7}{'peak MB':>9}")
    for name, row in figures["milliseconds"].items():
        print(
            f"{name:<18}{row['median']:>11.1f}{row['min']:>9.1f}{row['noise']:>8.1%}{row.get('of_limit', ''):>10}"
            f"{row['boxes'] or '':>7}{row.get('peak_mb', ''):>9}"
        )
    for name, reason in figures["not_run"].items():
        print(f"{name:<18}not run: {reason}")
    print(f"\nnoise of this run: {figures['noise']:.1%}, the middle half of the times over their median")
    if figures["beyond_limit"]:
        print(f"\n!!! BEYOND THE LIMIT: {', '.join(figures['beyond_limit'])}. THE LIMIT OF THIS RUN IS NONE !!!")
    elif figures["limits"]:
        print("no contestant is beyond the limit of its precision, not even at its fastest")
    report_goals(figures)


def report_goals(figures: dict[str, Any]) -> None:
    print(f"\n{'':<52}{'ratio':>8}{'goal':>8}")
    for row in figures["goals"]:
        print(f"{row['what']:<52}{row.get('ratio', ''):>8}{row['goal']:>8}  {row.get('verdict', 'not run')}")
    for name, row in figures["folders"].items():
        print(
            f"{f'a folder, times the rate one by one: {name}':<52}{row['ratio']:>8}{row['goal']:>8}  {row['verdict']}"
        )
    for name, row in figures["folders"].items():
        folder, single = row["folder_images_per_s"], row["one by one_images_per_s"]
        print(f"folder, {name}: {folder:.2f} images/s, one by one {single:.2f}")
    if figures["folders"]:
        best, row = max(figures["folders"].items(), key=lambda item: item[1]["folder_images_per_s"])
        print(f"the fastest, {best}: goal at least {FASTEST_FOLDER}: {verdict(FASTEST_FOLDER, row['ratio'])}")


def plot(figures: dict[str, Any], file: Path) -> None:
    """Draw medians as bars, minima as ticks, and the limit of each precision as a line in the colour of its bars."""
    import matplotlib.pyplot as plt

    rows = dict(reversed(figures["milliseconds"].items()))
    figure, axes = plt.subplots(figsize=(8, 0.45 * len(rows) + 2))
    others = {name for name, found in CONTESTANTS.items() if found.environment != "main"}
    colours = ["tab:gray" if name in others else COLOURS[row["precision"]] for name, row in rows.items()]
    bars = axes.barh(list(rows), [row["median"] for row in rows.values()], color=colours)
    axes.bar_label(bars, fmt="%.0f", padding=3)
    axes.margins(x=0.1)
    axes.plot([row["min"] for row in rows.values()], range(len(rows)), "k|", markersize=12, label="minimum")
    for precision, row in figures["limits"].items():
        label = f"limit of {precision}, {row['milliseconds']:.0f} ms"
        axes.axvline(row["milliseconds"], color=COLOURS[precision], linestyle="--", label=label)
    title = f"YOLO-NAS-S, 640x640, one image, {figures['machine']}\n{figures['cpu']}"
    axes.set_title(title, fontsize="medium")
    axes.set(xlabel="milliseconds from file to boxes, median")
    axes.legend()
    figure.tight_layout()
    figure.savefig(file, dpi=120)


if __name__ == "__main__":
    main()
