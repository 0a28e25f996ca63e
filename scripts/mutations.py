"""Do the tests notice when the code is wrong? A sample of mutations, each tried on the tests that should.

    .venv-mutations/bin/python scripts/mutations.py [GROUP...] [--number 200] [--seed 13] [--out FILE] [--list]

The mutations are cosmic-ray's (``make mutations`` makes its environment): another operator, another number, a condition
negated, a statement or decorator gone. Places are drawn at random from a seed, in each group as many as it has of all
places; annotations aren't mutated, since nothing reads them. The package is copied, one file of it changed, and the
tests of its group run in a child forked from a process that has imported torch already: an import for each mutation
would take most of the time. The tests that ran the changed line come first, the quick ones of them before the others
(one run under ``coverage`` says which those are, and how long the group takes without a change), then all of the group.
A mutation *survives* when they all pass; those that change nothing are listed, with the reason, in
``docs/testing.md``.
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cosmic_ray.plugins
import coverage
from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = ("yolonas_plugin", "contract/model_zoo_api")

_DISCOVERY: Final = ("hostile_plugins", "broken_metadata", "broken_plugins", "discovery", "allow_list", "zoo")
GROUPS: Final = {
    "types": (
        ["contract/model_zoo_api/types.py", "contract/model_zoo_api/foreign.py"],
        ["contract/tests/test_types.py", "contract/tests/test_hostile_plugins.py"],
    ),
    "discovery": (
        [f"contract/model_zoo_api/{name}.py" for name in ("discovery", "distributions", "hookspecs", "zoo")],
        [f"contract/tests/test_{name}.py" for name in _DISCOVERY],
    ),
    "selection": (
        ["yolonas_plugin/boxes/*.py"],
        ["tests/processing/test_select_boxes.py", "tests/processing/test_select_arrays.py"],
    ),
    "processing": (["yolonas_plugin/processing.py"], ["tests/processing"]),
    "network": (["yolonas_plugin/nn/*.py"], ["tests/network"]),
    "weights": (["yolonas_plugin/weights/*.py"], ["tests/weights"]),
    "data": (["yolonas_plugin/data/*.py"], ["tests/data"]),
}
"""Files, and the tests that hold what they do."""


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


def mutate(file: Path, operator: str, occurrence: int) -> str:
    """The file's text with a mutation in it."""
    return str(mutate_code(file.read_text(encoding="utf-8"), cosmic_ray.plugins.get_operator(operator)(), occurrence))


def _compiles(text: str) -> bool:
    try:
        compile(text, "mutated", "exec")
    except SyntaxError:
        return False
    return True


def draw(number: int, seed: int) -> list[tuple[str, Path, str, int]]:
    """Mutations at ``number`` places of all: group, file, operator, occurrence.

    What isn't Python isn't drawn, since any test would notice.
    """
    sites = [
        (group, file, options)
        for group, (patterns, _) in GROUPS.items()
        for pattern in patterns
        for file in sorted(ROOT.glob(pattern))
        for _, options in sorted(places(file).items())
    ]
    rng = random.Random(seed)
    drawn = []
    for group, file, options in rng.sample(sites, len(sites)):
        name, occurrence = rng.choice(options)
        if len(drawn) < number and _compiles(mutate(file, name, occurrence)):
            drawn.append((group, file, name, occurrence))
    return sorted(drawn)


class _Trace:
    """A plugin of pytest's: how long each test takes, and which lines of the packages it runs in this process."""

    def __init__(self, copy: Path) -> None:
        self._copy = copy
        self._coverage = coverage.Coverage(data_file=None, source=[str(copy / name) for name in PACKAGES])
        self._seconds: dict[str, float] = defaultdict(float)

    def pytest_sessionstart(self) -> None:
        self._coverage.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._coverage.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._seconds[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        self._coverage.stop()
        data = self._coverage.get_data()
        lines = {
            str(Path(file).relative_to(self._copy)): data.contexts_by_lineno(file) for file in data.measured_files()
        }
        (self._copy / "trace.json").write_text(json.dumps({"seconds": self._seconds, "lines": lines}))


class _Tests:
    """The tests of a group: all of them, those that run a line, and how long they take."""

    def __init__(self, copy: Path, group: str) -> None:
        self._copy = copy
        self._all = GROUPS[group][1]
        self._lines: dict[str, dict[str, list[str]]] = {}
        if self._run(self._all, 3600, [_Trace(copy)]) != "survived":
            raise SystemExit(f"{group}: its tests fail without any change, so they tell nothing")
        trace = json.loads((copy / "trace.json").read_text())
        self._seconds, self._lines = trace["seconds"], trace["lines"]
        self._limit = 4 * sum(self._seconds.values()) + 20  # of a test that ends at all

    def outcome(self, file: str, mutated: str, line: int) -> str:
        """Run the tests on a copy of the repository in which one file is another one; what came of it."""
        lines = self._lines.get(file, {})
        near = set(lines.get(str(line), ())) - {""} or {test for tests in lines.values() for test in tests} - {""}
        target = self._copy / file
        original = target.read_bytes()
        target.write_text(mutated, encoding="utf-8")
        try:
            quick = sorted(near, key=self._seconds.__getitem__)
            first = self._run(quick, self._limit) if quick else "survived"
            return first if first != "survived" else self._run(self._all, self._limit)
        finally:
            target.write_bytes(original)

    def _run(self, tests: list[str], limit: float, plugins: Sequence[object] = ()) -> str:
        child = os.fork()
        if not child:
            _test(self._copy, tests, plugins)
        end = time.monotonic() + limit
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return {0: "survived"}.get(os.waitstatus_to_exitcode(status), "killed")
            time.sleep(0.05)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return "killed (it never ends)"


def _test(copy: Path, tests: list[str], plugins: Sequence[object]) -> None:
    """Run in the child, which ends here."""
    os.setsid()
    os.chdir(copy)
    sources = [str((copy / package).parent) for package in PACKAGES]
    sys.path[:0] = sources
    os.environ["PYTHONPATH"] = os.pathsep.join(sources)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    os.dup2(sys.stdout.fileno(), 1)
    os.dup2(sys.stdout.fileno(), 2)
    import pytest

    options = ["-x", "-q", "-m", "not exhaustive", "-p", "no:cacheprovider", "--basetemp", str(copy / "tmp")]
    if plugins:  # coverage may fail in a thread that begins just when another does
        options += ["-W", "ignore::pytest.PytestUnraisableExceptionWarning"]
    code = 1
    try:
        code = int(pytest.main([*options, *tests], plugins=plugins))
    finally:
        os._exit(code)


def main() -> None:
    """Draw the sample, try each mutation, and print what survived."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"only these, of {', '.join(GROUPS)}")
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--out", type=Path, help="a file of JSON lines; what it says was killed isn't tried again")
    parser.add_argument("--list", action="store_true", help="only say what would be tried")
    args = parser.parse_args()
    sample = [entry for entry in draw(args.number, args.seed) if entry[0] in (args.groups or GROUPS)]
    lines = args.out.read_text().splitlines() if args.out and args.out.exists() else []
    known = {(entry["file"], entry["operator"], entry["occurrence"]): entry for entry in map(json.loads, lines)}
    killed = {key for key, entry in known.items() if entry["outcome"] != "survived"}
    sample = [entry for entry in sample if (str(entry[1].relative_to(ROOT)), *entry[2:]) not in killed]
    sys.dont_write_bytecode = True
    os.environ.update(PYTHONDONTWRITEBYTECODE="1", OMP_NUM_THREADS="1")
    if not args.list:
        import cv2  # noqa: F401
        import torch  # noqa: F401  before the forks
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "repository")
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "runs"))
        tests = {group: _Tests(copy, group) for group in {group for group, *_ in sample} if not args.list}
        for group, file, name, occurrence in sample:
            place = str(file.relative_to(ROOT))
            mutated = mutate(file, name, occurrence)
            line, changed = _changed(file.read_text(encoding="utf-8"), mutated)
            entry = {"group": group, "file": place, "operator": name, "occurrence": occurrence, "changed": changed}
            if not args.list:
                entry["outcome"] = tests[group].outcome(place, mutated, line)
            print(entry.get("outcome", ""), place, *changed, sep="\n    ", flush=True)
            known[place, name, occurrence] = entry
            if args.out:
                with args.out.open("a") as out:
                    out.write(json.dumps(entry) + "\n")
    survived = sum(entry.get("outcome") == "survived" for entry in known.values())
    print(f"{len(known)} mutations, {survived} survived")


def _changed(source: str, mutated: str) -> tuple[int, list[str]]:
    """The first line that differs, and the lines that do, as they were and as they are."""
    before, after = source.splitlines(), mutated.splitlines()
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    tail = 0
    while tail < min(len(before), len(after)) - same and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    lines = [(f"{same + 1}-", line) for line in before[same : len(before) - tail]]
    lines += [(f"{same + 1}+", line) for line in after[same : len(after) - tail]]
    return same + 1, [f"{mark} {line}" for mark, line in lines]


if __name__ == "__main__":
    main()
