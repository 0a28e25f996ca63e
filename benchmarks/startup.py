"""What the plugin adds to the start of docling, a host that finds plugins by entry points.

    .venv-docling/bin/python -m benchmarks.startup [--rounds 10] [--json FILE]

Runs in the environment that ``make hosts HOSTS=docling`` makes. Each run is a new process, with this package among the
installed distributions or without it, in turn. It imports docling's command line, in which ours must not be imported,
and then has docling load all plugins and their layout engines, as a conversion does: that is timed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.measuring import ROOT, arguments, environment, save, spread, verdict

GOAL_MS = 10.0
OURS = "yolonas_plugin"
START = """
import sys, time
import docling.cli.main
from docling.models.factories import get_layout_factory
assert not [name for name in sys.modules if name.startswith("yolonas_plugin")]
start = time.process_time()
kinds = get_layout_factory(allow_external_plugins=True).registered_kind
print(time.process_time() - start, "yolo_nas" in kinds)
"""


def main() -> None:
    args = arguments(__doc__, rounds=10)
    times: dict[str, list[float]] = {"with": [], "without": []}
    with tempfile.TemporaryDirectory() as name:
        without = link_packages(Path(name) / "without", but=OURS)
        paths = {"without": [without], "with": [link_packages(Path(name) / "with"), ROOT]}
        for number in range(args.rounds + 1):
            for variant, path in paths.items():
                seconds, has_ours = run(path)
                assert has_ours is (variant == "with")
                if number:  # the first fills the disk's cache
                    times[variant].append(seconds * 1000)
    added = median(a - b for a, b in zip(times["with"], times["without"], strict=True))
    print(f"plugins are loaded in {median(times['without']):.1f} ms without ours, {added:+.1f} ms with it", end=" ")
    print(f"(goal: at most {GOAL_MS:g} ms more: {verdict(added, GOAL_MS)}); docling --help imports none of it")
    figures = {name: spread(values) for name, values in times.items()}
    save({**environment(), "milliseconds": figures, "added": round(added, 1)}, args.json)


def link_packages(folder: Path, but: str = "nothing") -> Path:
    """Make a folder with all installed packages, this environment's first, but those whose names begin so."""
    folder.mkdir()
    for site in (Path(entry) for entry in sys.path if entry.endswith("site-packages")):
        for package in site.iterdir():
            link = folder / package.name
            if not package.name.startswith(but) and not link.exists():
                link.symlink_to(package)
    return folder


def run(path: list[Path]) -> tuple[float, bool]:
    """Return the seconds of processor time in which docling loads the plugins, and whether ours is among them."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    command = [sys.executable, "-S", "-c", START]  # -S: these packages only
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    seconds, has_ours = done.stdout.split()
    return float(seconds), has_ours == "True"


if __name__ == "__main__":
    main()
