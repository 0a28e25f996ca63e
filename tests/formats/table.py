"""The command of ``make formats``: let every project write its files, compare, and put the table into docs/formats.md.

    python -m tests.formats.table [--task detect|pose] [--projects NAME ...] [--sizes n s m l] [--golden]

It needs the environments of ``tests/reference/make_env.sh`` and ``tests/formats/make_env.sh``. With ``--task`` it
makes one task's part of the document; with a part of the projects or sizes it prints the table, and leaves the document
alone. ``--golden`` also writes the skeletons of the
files of size s to ``tests/golden``. It fails where a file doesn't load, is converted otherwise than to the bit, or its
network predicts something else than the project's.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

import torch

from tests.formats.compare import Row, compare
from tests.formats.pictures import SHAPES, write_pictures

ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final = ROOT / "docs" / "formats.md"
MARKS: Final = {
    task: (f"<!-- written by make formats{which} -->", f"<!-- end of what make formats writes{which} -->")
    for task, which in (("detect", ""), ("pose", " for poses"))
}
"""Between which a task's part of the document stands."""

HEAD: Final = (
    *("file", "size", "MB", "loads", "classes", "processing", "network"),
    *(f"boxes on {height}x{width}" for height, width in SHAPES),
    "converts to",
)


class Place(NamedTuple):
    """Where a project's part runs: the module ``by_*``, its sizes, its Python, what goes before its path, its task."""

    module: str
    sizes: str
    python: Path
    first: tuple[Path, ...] = ()
    task: str = "detect"


def places(reference: Path, peers: Path) -> dict[str, Place]:
    super_gradients, python = reference / "bin" / "python", peers / "bin" / "python"
    old = (peers / "super-gradients-3.1.1",)
    return {
        "super-gradients": Place("super_gradients", "sml", super_gradients),
        "super-gradients-3.1.1": Place("super_gradients", "sml", super_gradients, old),
        "modern-yolonas": Place("modern_yolonas", "sml", python),
        "libreyolo": Place("libreyolo", "sml", python),
        "ours": Place("us", "nsml", Path(sys.executable)),
        "super-gradients-pose": Place("super_gradients_pose", "nsml", super_gradients, task="pose"),
        "libreyolo-pose": Place("libreyolo_pose", "nsml", python, task="pose"),
        "ours-pose": Place("us_pose", "nsml", Path(sys.executable), task="pose"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--reference", type=Path, default=ROOT / ".venv-reference", help="super-gradients' environment")
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv-peers", help="the other projects' environment")
    parser.add_argument("--task", choices=[*MARKS], help="only this task's part (default: all)")
    parser.add_argument("--projects", nargs="+", choices=[*places(Path(), Path())])
    parser.add_argument("--sizes", nargs="+", choices="nsml")
    parser.add_argument("--golden", action="store_true", help="also write the skeletons in tests/golden")
    args = parser.parse_args()
    torch.set_num_threads(1)

    failed: list[str] = []
    parts: dict[str, list[str]] = {task: [] for task in MARKS if args.task in (None, task)}
    for name, place in places(args.reference.absolute(), args.peers.absolute()).items():
        sizes = [size for size in place.sizes if size in (args.sizes or place.sizes)]
        if sizes and name in (args.projects or [name]) and place.task in parts:
            rows, title = collect(place, sizes, args.golden)
            parts[place.task].append(f"{title}\n\n{table(rows)}")
            failed += [f"{title.splitlines()[0]}, {row.kind}, {row.size}" for row in rows if not row.agrees]
    for task, tables in parts.items():
        text = "\n\n".join([conditions(), *tables])
        if args.projects or args.sizes:
            print(text)
            continue
        begin, end = MARKS[task]
        before, _, rest = DOCUMENT.read_text().partition(begin)
        DOCUMENT.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}")
    if failed:
        raise SystemExit("\n".join(["these don't agree:", *failed]))


def collect(place: Place, sizes: list[str], golden: bool) -> tuple[list[Row], str]:
    """Return a project's rows and their heading."""
    rows, title = [], ""
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="formats-") as name:
            folder = Path(name)
            write_pictures(folder)
            index = run(place, size, folder, golden and size == "s")
            title = f"## {index['project']}\n\n{index['versions']}"
            for entry in index["files"]:
                rows.append(compare(entry, size, folder))
                print(index["project"], *map(str, rows[-1]), sep=" | ", file=sys.stderr, flush=True)
    kinds = list(dict.fromkeys(row.kind for row in rows))
    rows.sort(key=lambda row: kinds.index(row.kind))  # the sizes of a kind together
    return rows, title


def run(place: Place, size: str, folder: Path, golden: bool) -> dict:
    """Let a project write its files of a size into ``folder``; return the index that it leaves there."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (*place.first, ROOT / "contract", ROOT))),
        "PYTHONWARNINGS": "ignore",
        "OMP_NUM_THREADS": "1",
        "NO_ALBUMENTATIONS_UPDATE": "1",  # else it asks the network for its newest version
        "YOLONAS_OFFLINE": "1",
    }
    command = [place.python, "-m", "tests.formats.source", place.module, size, folder, *["--golden"] * golden]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, cwd=ROOT, env=environment, **output)
    if done.returncode:
        raise SystemExit(f"{place.module} {size} failed:\n{done.stdout[-3000:]}")
    return json.loads((folder / "index.json").read_text())


def table(rows: list[Row]) -> str:
    cells = [(*row[:7], *(row.pictures or [""] * len(SHAPES)), row.converted) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in (HEAD, ["---"] * len(HEAD), *cells))


def conditions() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = "unknown processor"
    kind = " ".join(model.split()[:2])
    versions = f"Python {sys.version.split()[0]}, torch {torch.__version__.partition('+')[0]}"
    return (
        f"{datetime.date.today()}, {os.cpu_count()} cores of {kind}, one thread; files are read here with {versions}."
    )


if __name__ == "__main__":
    main()
