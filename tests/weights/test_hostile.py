"""Nothing in a file is executed, nothing hangs, memory stays bounded, and every outcome is a model or our error."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exhaustive import sample
from tests.support import bombs
from tests.support import hostile_weights as hostile

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the judge forks a process per file")

SECONDS = 5
ROOT = Path(__file__).parents[2]

CORPUS = {**hostile.CORPUS, **{name: write for name, (write, _) in bombs.CORPUS.items()}}
SAYS = {name: message for name, (_, message) in bombs.CORPUS.items()}


def judge(paths: list[Path], trace: Path) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.support.judge", *map(str, paths)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "HOSTILE_TRACE": str(trace)}, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return map(json.loads, done.stdout.splitlines())


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trace") / "trace"


@pytest.fixture(scope="module")
def verdicts(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, trace: Path
) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("hostile")
    found = {}
    names = [item.callspec.params["name"] for item in request.session.items if "verdicts" in item.fixturenames]
    for start in range(0, len(names), 40):  # some are large: don't keep them all
        files = {folder / f"{index}.pt": name for index, name in enumerate(names[start : start + 40])}
        for path, name in files.items():
            CORPUS[name](path)
        for verdict in judge(list(files), trace):
            path = Path(verdict["path"])
            found[files[path]] = verdict | {"size": path.stat().st_size / (1 << 20)}
            path.unlink()
    return found


@pytest.mark.parametrize("name", sample(CORPUS, every=6))
def test_a_hostile_file_is_refused_at_once(name: str, verdicts: dict[str, dict[str, Any]], trace: Path) -> None:
    verdict = verdicts[name]
    print({key: verdict[key] for key in ("seconds", "megabytes", "size", "message")})
    assert verdict["outcome"] == "refused", verdict
    assert SAYS.get(name, "") in verdict["message"]
    assert verdict["events"] == []
    assert verdict["seconds"] < SECONDS
    assert verdict["megabytes"] < 2 * verdict["size"] + 200
    assert not trace.exists()


@pytest.mark.parametrize(
    "name", ["os.system", "os.system, newest protocol", "eval", "exec", "OBJ", "among the weights"]
)
def test_they_do_harm_to_a_reader_that_runs_them(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTILE_TRACE", str(tmp_path / "trace"))
    pickle.loads(hostile.EXECUTING[name])
    assert (tmp_path / "trace").exists()
