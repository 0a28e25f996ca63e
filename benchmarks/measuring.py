"""What the benchmarks share: fresh interpreters, a watch for time and memory, and how figures are given."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

ROOT = Path(__file__).parents[1]

SET_BY_THE_ENGINE = () if "OMP_NUM_THREADS" in os.environ else ("OMP_NUM_THREADS",)
"""Variables that the engine sets when this process imports it, which others are not to inherit."""


def arguments(description: str, rounds: int) -> argparse.Namespace:
    """Read the command line that every benchmark has."""
    return parser(description, rounds).parse_args()


def parser(description: str, rounds: int) -> argparse.ArgumentParser:
    """Return the parser of that command line, for a benchmark that has more."""
    command = argparse.ArgumentParser(description=description.partition("\n")[0])
    command.add_argument(
        "--rounds", type=int, default=rounds, help="measurements of each variant (default %(default)s)"
    )
    command.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    return command


def run(code: str, *args: str | Path, path: Sequence[Path] = ()) -> str:
    """Run code in a fresh interpreter with these folders first on its path, and return what it prints."""
    return run_timed(code, *args, path=path)[0]


def run_timed(code: str, *args: str | Path, path: Sequence[Path] = ()) -> tuple[str, float]:
    """Do what :func:`run` does, and also return the seconds from the interpreter's start to its first line.

    Modules are compiled once and kept, as they are where pip installed them.
    """
    left_out = {"MODEL_ZOO_PLUGINS", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", *SET_BY_THE_ENGINE}
    inherited = {name: value for name, value in os.environ.items() if name not in left_out}
    python_path = os.pathsep.join([*map(str, path), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-c", code, *map(str, args)]
    start = time.perf_counter()
    with subprocess.Popen(
        command, env={**inherited, "PYTHONPATH": python_path}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        seconds = time.perf_counter() - start
        printed = first + process.stdout.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return printed, seconds


class Watch:
    """Measures what happens inside a ``with`` block.

    Attributes:
        seconds: How long it took.
        peak: Bytes of memory that the process had at most, above what it had before: what it shares with a mapped file
            included.
    """

    def __enter__(self) -> Watch:
        self._before = _memory(reset=True)
        self._start = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = time.perf_counter() - self._start
        self.peak = _memory() - self._before


def _memory(reset: bool = False) -> int:
    """Return the most bytes that this process ever had in memory, or, on Linux, since the last reset."""
    if sys.platform == "linux":
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


INSTRUCTION_SETS = {
    "avx2": ("avx2",),
    "avx512": ("avx512f",),
    "vnni": ("avx512_vnni", "avx_vnni"),
    "bf16": ("avx512_bf16",),
    "amx": ("amx_tile",),
}
"""What matters for speed, and Linux' names for it."""


def environment() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "cpu": cpu(),
    }


def cpu() -> str:
    """Return the CPU's model, its instruction sets that matter, and what holds oneDNN down, if anything does."""
    file = Path("/proc/cpuinfo")
    lines = (line.partition(":") for line in (file.read_text().splitlines() if file.exists() else ()))
    said = {name.strip(): value.strip() for name, _, value in lines}
    flags = set(said.get("flags", "").split())
    sets = [name for name, names in INSTRUCTION_SETS.items() if flags.intersection(names)]
    held = [f"{name}={os.environ[name]}" for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA") if name in os.environ]
    return ", ".join(
        [said.get("model name", platform.processor() or "unknown CPU"), *filter(None, [" ".join(sets)]), *held]
    )


def spread(values: Sequence[float], digits: int = 2) -> dict[str, float]:
    return {"median": round(median(values), digits), "min": round(min(values), digits)}


def noise(values: Sequence[float]) -> float:
    """Return what part of their median the middle half of some times spans."""
    if len(values) < 2:
        return 0.0
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return (high - low) / middle


def verdict(value: float, goal: float) -> str:
    return "met" if value <= goal else "MISSED"


def save(figures: Mapping[str, Any], file: Path | None) -> None:
    if file:
        file.write_text(json.dumps(figures, indent=2) + "\n")
