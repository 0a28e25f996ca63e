"""How fast the network of YOLO-NAS-S alone is, on torch beside OpenVINO, and what huge pages give.

    python -m benchmarks.network [--rounds 15] [--json FILE]
    python -m benchmarks.network --profile

An image of 640x640 whose pixels are in memory, to the network's outputs; each way has a process of its own, and they
take turns as in ``benchmarks.speed``. A ratio is the median of the rounds' ratios to OpenVINO in the same precision.
Huge pages are glibc's and torch's settings of a process, in its environment. ``--profile`` shows instead which of
torch's operations take how much of the time.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from benchmarks.contestants import ALL, raw_torch
from benchmarks.measuring import environment, noise, parser, save, spread
from benchmarks.speed import one_round
from benchmarks.workers import NotRunError, Worker, interpreters, prepare

_GLIBC: Final = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
_TORCH: Final = {"THP_MEM_ALLOC_ENABLE": "1"}


class Way(NamedTuple):
    """A contestant, and what is in the environment of its process."""

    contestant: str
    given: Mapping[str, str] = {}


WAYS: Final = {
    "torch": Way("raw torch"),
    "torch, glibc's huge pages": Way("raw torch", _GLIBC),
    "torch, torch's huge pages": Way("raw torch", _TORCH),
    "torch, compile=True": Way("raw torch compiled"),
    "openvino": Way("raw openvino"),
    "torch bf16": Way("raw torch bf16"),
    "torch bf16, glibc's huge pages": Way("raw torch bf16", _GLIBC),
    "openvino bf16": Way("raw openvino bf16"),
}
BESIDE: Final = {"fp32": "openvino", "bf16": "openvino bf16"}


def main() -> None:
    command = parser(__doc__, rounds=15)
    command.add_argument("--profile", action="store_true", help="show the shares of torch's operations")
    args = command.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, images = prepare(folder, 1)
        if args.profile:
            for precision in BESIDE:
                print(f"\n{precision}, part of the time: {shares(folder, precision)}")
            return
        workers, not_run = {}, {}
        for name, way in WAYS.items():
            try:
                workers[name] = started(way, folder, images[0])
            except NotRunError as error:
                not_run[name] = str(error)
        try:
            rounds = [one_round(workers, images[0]) for _ in range(args.rounds)]
        finally:
            for worker in workers.values():
                worker.close()
    times = {name: [answers[name]["seconds"] * 1000 for answers in rounds] for name in workers}
    figures = {**environment(), "rounds": args.rounds, "ways": summarise(times), "not_run": not_run}
    print(f"{figures['cpu']}, {figures['machine']}, {args.rounds} rounds\n")
    print(f"{'':<34}{'median ms':>11}{'min ms':>9}{'noise':>8}{'of openvino':>13}")
    for name, row in figures["ways"].items():
        print(f"{name:<34}{row['median']:>11.1f}{row['min']:>9.1f}{row['noise']:>8.1%}{row.get('ratio', ''):>13}")
    for name, reason in not_run.items():
        print(f"{name:<34}not run: {reason}")
    save(figures, args.json)


def started(way: Way, folder: Path, image: Path) -> Worker:
    """Start a way with a first call, in an environment that has what it is given."""
    before = dict(os.environ)
    os.environ.update(way.given)
    try:
        worker = Worker(way.contestant, interpreters(Path(), Path())["main"], folder)
    finally:
        os.environ.clear()
        os.environ.update(before)
    worker.ask(image)
    return worker


def shares(folder: Path, precision: str) -> dict[str, float]:
    """Return which part of the time each of torch's operations takes, the largest first, down to one percent."""
    from torch.profiler import ProfilerActivity, profile

    predict = raw_torch(folder, precision)
    for _ in range(3):
        predict("")
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(5):
            predict("")
    times: Counter[str] = Counter()
    for event in found.key_averages():
        times["oneDNN's graph" if event.key.startswith("Llga") else event.key] += event.self_cpu_time_total
    whole = sum(times.values())
    return {name: round(time / whole, 3) for name, time in times.most_common() if time > whole / 100}


def summarise(times: Mapping[str, list[float]]) -> dict[str, dict[str, Any]]:
    """Return each way's milliseconds, and its ratio to OpenVINO in its precision where both ran."""
    rows: dict[str, dict[str, Any]] = {}
    for name, values in times.items():
        rows[name] = {**spread(values), "noise": round(noise(values), 3)}
        if beside := times.get(BESIDE[ALL[WAYS[name].contestant].precision]):
            rows[name]["ratio"] = round(median(a / b for a, b in zip(values, beside, strict=True)), 2)
    return rows


if __name__ == "__main__":
    main()
