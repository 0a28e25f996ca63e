"""Do the tests notice when the code is wrong? A sample of mutations, each tried on the tests that should.

    .venv-mutations/bin/python scripts/mutations.py [GROUP...] [--number 200] [--seed 13] [--out FILE] [--list]

The mutations are cosmic-ray's (``make mutations`` makes its environment): another operator, another number, a condition
negated, a statement or decorator gone. Places are drawn at random from a seed, in each group as many as it has of all
places; annotations aren't mutated, since nothing reads them. The package is copied, one file of it changed, and the
tests of its group run in a child forked from a process that has imported torch already: an import for each mutation
would take most of the time. A mutation *survives* when the tests pass; those that change nothing are listed, with
the reason, in ``docs/testing.md``.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = ROOT / "yolonas_plugin"
TIMEOUT: Final = 600.0

_DISCOVERY: Final = ("hostile_plugins", "broken_metadata", "broken_plugins", "discovery", "allow_list", "zoo")
GROUPS: Final = {
    "types": (["types.py", "foreign.py"], ["contract/test_types.py", "contract/test_hostile_plugins.py"]),
    "discovery": (
        ["discovery.py", "distributions.py", "hookspecs.py", "zoo.py"],
        [f"contract/test_{name}.py" for name in _DISCOVERY],
    ),
    "selection": (["selection/*.py"], ["processing/test_select_boxes.py", "processing/test_select_arrays.py"]),
    "processing": (["processing.py"], ["processing/test_letterbox.py", "processing/test_json.py", "processing"]),
    "network": (["nn/*.py"], ["network"]),
    "weights": (["weights/*.py"], ["weights/test_bounds.py", "weights/test_read.py", "weights"]),
    "data": (["data/*.py"], ["data"]),
}
"""Files of the package, and the tests that hold what they do, the quick ones first."""


def places(file: Path) -> dict[tuple[int, int], list[tuple[str, int]]]:
    """The mutations of a file by the place that they change: operator of cosmic-ray's, and its occurrence."""
    tree = get_ast_from_path(file)
    skipped = list(_annotations(file))
    found: dict[tuple[int, int], list[tuple[str, int]]] = defaultdict(list)
    for name in cosmic_ray.plugins.operator_names():
        operator_class = cosmic_ray.plugins.get_operator(name)
        if operator_class.arguments() or name == "core/ExceptionReplacer":  # it fails on what isn't a plain name
            continue
        operator = operator_class()
        positions = (place for node in ast_nodes(tree) for place in operator.mutation_positions(node))
        for occurrence, (start, _) in enumerate(positions):
            if not any(first <= start < last for first, last in skipped):
                found[start].append((name, occurrence))
    return found


def _annotations(file: Path) -> Any:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        for noted in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if noted is not None:
                yield (noted.lineno, noted.col_offset), (noted.end_lineno, noted.end_col_offset)


def draw(number: int, seed: int) -> list[tuple[str, Path, str, int]]:
    """Mutations at ``number`` places of all: group, file, operator, occurrence."""
    sites = [
        (group, file, options)
        for group, (patterns, _) in GROUPS.items()
        for pattern in patterns
        for file in sorted(PACKAGE.glob(pattern))
        for _, options in sorted(places(file).items())
    ]
    rng = random.Random(seed)
    drawn = rng.sample(sites, min(number, len(sites)))
    return sorted((group, file, *rng.choice(options)) for group, file, options in drawn)


def outcome(copy: Path, file: Path, mutated: str, tests: list[str]) -> str:
    """Run tests on a copy of the repository in which one file is another one; what came of it."""
    target = copy / file.relative_to(ROOT)
    original = target.read_bytes()
    target.write_text(mutated, encoding="utf-8")
    try:
        child = os.fork()
        if not child:
            _test(copy, tests)
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return {0: "survived"}.get(os.waitstatus_to_exitcode(status), "killed")
            time.sleep(0.05)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return "killed (it never ends)"
    finally:
        target.write_bytes(original)


def _test(copy: Path, tests: list[str]) -> None:
    """Run in the child, which ends here."""
    os.setsid()
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    os.environ["PYTHONPATH"] = str(copy)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    os.dup2(sys.stdout.fileno(), 1)
    os.dup2(sys.stdout.fileno(), 2)
    import pytest

    options = ["-x", "-q", "-m", "not exhaustive", "-p", "no:cacheprovider", "--basetemp", str(copy / "tmp")]
    code = 1
    try:
        code = int(pytest.main([*options, *(f"tests/{test}" for test in tests)]))
    finally:
        os._exit(code)


def main() -> None:
    """Draw the sample, try each mutation, and print what survived."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"only these, of {', '.join(GROUPS)}")
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--out", type=Path, help="a file of JSON lines; what it has already isn't tried again")
    parser.add_argument("--list", action="store_true", help="only say what would be tried")
    args = parser.parse_args()
    sample = [entry for entry in draw(args.number, args.seed) if entry[0] in (args.groups or GROUPS)]
    known = [json.loads(line) for line in args.out.read_text().splitlines()] if args.out and args.out.exists() else []
    tried = {(entry["file"], entry["operator"], entry["occurrence"]) for entry in known}
    sys.dont_write_bytecode = True
    os.environ.update(PYTHONDONTWRITEBYTECODE="1", OMP_NUM_THREADS="1")
    if not args.list:
        import cv2  # noqa: F401
        import torch  # noqa: F401  before the forks
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "repository")
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "runs"))
        for group in () if args.list else sorted({group for group, *_ in sample}):
            same = (PACKAGE / "__init__.py").read_text(encoding="utf-8")
            if outcome(copy, PACKAGE / "__init__.py", same, GROUPS[group][1]) != "survived":
                parser.exit(1, f"{group}: its tests fail without any change, so they tell nothing\n")
        for group, file, name, occurrence in sample:
            place = str(file.relative_to(ROOT))
            if (place, name, occurrence) in tried:
                continue
            source = file.read_text(encoding="utf-8")
            mutated = mutate_code(source, cosmic_ray.plugins.get_operator(name)(), occurrence)
            changed = _changed(source, mutated)
            entry = {"group": group, "file": place, "operator": name, "occurrence": occurrence, "changed": changed}
            if not args.list:
                entry["outcome"] = outcome(copy, file, mutated, GROUPS[group][1])
            print(entry.get("outcome", ""), place, *changed, sep="\n    ", flush=True)
            known.append(entry)
            if args.out:
                with args.out.open("a") as out:
                    out.write(json.dumps(entry) + "\n")
    survived = sum(entry.get("outcome") == "survived" for entry in known)
    print(f"{len(known)} mutations, {survived} survived")


def _changed(source: str, mutated: str) -> list[str]:
    """The lines that differ, as they were and as they are."""
    before, after = source.splitlines(), mutated.splitlines()
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    tail = 0
    while tail < min(len(before), len(after)) - same and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    lines = [(f"{same + 1}-", line) for line in before[same : len(before) - tail]]
    lines += [(f"{same + 1}+", line) for line in after[same : len(after) - tail]]
    return [f"{mark} {line}" for mark, line in lines]


if __name__ == "__main__":
    main()
