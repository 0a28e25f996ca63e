"""What this package adds to the start of programs that find plugins by entry points.

    .venv-HOST/bin/python -m benchmarks.startup HOST [--rounds 20] [--json FILE]

HOST is docling, llm, llm-plugins, deepaas or viame, in the environment that ``make hosts HOSTS=HOST`` makes; that of
llm-plugins is llm's. Each run is a new process, with the contract and the plugin among the installed distributions or
without them, in turn; what is added is the median of the differences between neighbours, behind which are their
quartiles. Timed is in

- docling: loading all plugins and their layout engines, as a conversion does (``docling --help`` imports none of ours);
- llm: all of ``llm --version``, which imports every plugin;
- llm-plugins: that import alone, for a machine on which whole processes differ by more than the goal;
- deepaas: loading the models that it serves, by stevedore;
- viame: looking for plugins, as each of its commands does that runs a pipeline.

Processor time is what the goals are about; the time on the clock is given too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from benchmarks.measuring import ROOT, environment, parser, save, spread, verdict

OURS = ("yolonas_plugin", "model_zoo_api")
TIMED = """
import sys, time
{before}
assert not [name for name in sys.modules if name.startswith({ours})]
start = time.process_time(), time.perf_counter()
{timed}
print(time.process_time() - start[0], time.perf_counter() - start[1])
print({found})
"""


@dataclass(frozen=True, kw_only=True)
class Host:
    """A program, and which part of its start is timed.

    Args:
        what: Is timed, in words.
        goal: Milliseconds of processor time that may be added.
        before: Python that is run first, and in which nothing of ours may be imported.
        timed: Python that is timed; None times the whole process, with ``before``.
        found: Python that says whether the host has ours.
    """

    what: str
    goal: float
    before: str
    timed: str | None = None
    found: str


HOSTS = {
    "docling": Host(
        what="docling loads its plugins",
        goal=10,
        before="import docling.cli.main\nfrom docling.models.factories import get_layout_factory",
        timed="kinds = get_layout_factory(allow_external_plugins=True).registered_kind",
        found="'yolo_nas' in kinds",
    ),
    "llm": Host(
        what="llm --version",
        goal=5,
        before="import sys\nfrom llm.cli import cli\ntry: cli(['--version'])\nexcept SystemExit: pass",
        found="'model_zoo_api.bridges.llm' in sys.modules",
    ),
    "llm-plugins": Host(
        what="llm loads what is installed for it",
        goal=5,
        before="import llm\nfrom llm.plugins import pm",
        timed="pm.load_setuptools_entrypoints('llm')",
        found="'model_zoo_api.bridges.llm' in sys.modules",
    ),
    "deepaas": Host(
        what="DEEPaaS loads its models",
        goal=20,
        before="import deepaas.model.v2\nfrom deepaas.model import loading",
        timed="models = loading.get_available_model_names('v2')",
        found="'model_zoo' in models",
    ),
    "viame": Host(
        what="VIAME looks for plugins",
        goal=5,
        before="import viame.algo, viame.types\nfrom viame.plugins import discovery",
        timed="discovery.import_via_entrypoint_extensions(discovery.PLUGIN_NAMESPACE)",
        found="'model_zoo_api.bridges.viame.detector' in sys.modules",
    ),
}


def main() -> None:
    command = parser(__doc__, rounds=20)
    command.add_argument("host", choices=HOSTS, help="which program, in its environment")
    args = command.parse_args()
    if args.rounds < 2:
        command.error("--rounds: two or more, whose differences are compared")
    host = HOSTS[args.host]
    seconds: dict[str, list[tuple[float, float]]] = {"with": [], "without": []}
    with tempfile.TemporaryDirectory() as name:
        paths = linked(Path(name))
        for number in range(args.rounds + 1):
            for variant in list(paths) if number % 2 else list(reversed(paths)):
                has_ours, *taken = run(host, paths[variant], Path(name))
                assert has_ours is (variant == "with"), f"{variant}: {has_ours}; is what is installed up to date?"
                if number:  # the first fills the disk's cache
                    seconds[variant].append((taken[0], taken[1]))
    figures = {}
    for index, clock in enumerate(("processor", "clock")):
        times = {variant: [row[index] * 1000 for row in rows] for variant, rows in seconds.items()}
        differences = [a - b for a, b in zip(times["with"], times["without"], strict=True)]
        low, added, high = quantiles(differences, n=4, method="inclusive")
        figures[clock] = {**{variant: spread(values) for variant, values in times.items()}, "added": round(added, 1)}
        goal = f", at most {host.goal:g}: {verdict(added, host.goal)}" if clock == "processor" else ""
        without = median(times["without"])
        print(f"{host.what}: {without:.1f} ms ({clock}), with ours {added:+.1f} ms ({low:+.1f} to {high:+.1f}){goal}")
    save({**environment(), "host": args.host, "milliseconds": figures}, args.json)


def linked(folder: Path) -> dict[str, list[Path]]:
    """Return what is on the path with and without ours: links to all installed packages, this environment's first.

    What of ours is installed says what it has; the code is that of this checkout.
    """
    paths = {"without": [folder / "without"], "with": [folder / "with", ROOT, ROOT / "contract"]}
    for variant, (links, *_) in paths.items():
        links.mkdir()
        for site in (Path(entry) for entry in sys.path if entry.endswith("site-packages")):
            for package in site.iterdir():
                link, ours = links / package.name, package.name.startswith(OURS)
                if not link.exists() and not (ours and (variant == "without" or package.name in OURS)):
                    link.symlink_to(package)
    return paths


def run(host: Host, path: Sequence[Path], folder: Path) -> tuple[bool, float, float]:
    """Return whether the host has ours, and the seconds that it took: of the processor, and on the clock."""
    left_out = ("MODEL_ZOO_PLUGINS", "PYTHONDONTWRITEBYTECODE")
    env = {name: value for name, value in os.environ.items() if name not in left_out}
    env |= {"PYTHONPATH": os.pathsep.join(map(str, path)), "XDG_CACHE_HOME": str(folder / "cache")}
    parts = {"before": host.before, "timed": host.timed, "found": host.found, "ours": OURS}
    code = TIMED.format(**parts) if host.timed else f"{host.before}\nprint({host.found})"
    command = [sys.executable, "-S", "-c", code]  # -S: these packages only
    start = time.perf_counter()
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    *before, found = printed.strip().splitlines()
    if host.timed:
        processor, wall = map(float, before[-1].split())
        return found == "True", processor, wall
    return found == "True", usage.ru_utime + usage.ru_stime, wall


if __name__ == "__main__":
    main()
