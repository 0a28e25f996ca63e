"""Nobody is called: no name is looked up, no other machine connected to, and nothing of others' is left in the home."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
OURS = ".cache/yolonas-plugin/"
OTHERS = (".config/Ultralytics/settings.json", ".cache/matplotlib/")
"""What the engine and matplotlib leave there by themselves; `docs/security.md` says so."""

SILENCERS = ("CI", "TF_BUILD", "JENKINS_URL", "NNCF_CI", "ORT_DISABLE_TELEMETRY", "YOLO_OFFLINE", "YOLONAS_OFFLINE")
ELSEWHERE = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "YOLO_CONFIG_DIR", "YOLONAS_WEIGHTS", "MPLCONFIGDIR")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def run(folder: Path, home: Path, *arguments: str, before: tuple[str, ...] = ()) -> list[str]:
    """Run the program, or another one, in a new home; return what was called, and the steps between."""
    (folder / "site").mkdir()
    shutil.copy(HERE / "watch.py", folder / "site" / "sitecustomize.py")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in (*SILENCERS, *ELSEWHERE) and not name.startswith("PYTEST")
    }
    path = [str(folder / "site"), str(HERE.parents[1]), *filter(None, [kept.get("PYTHONPATH")])]
    environment = {
        **kept,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "CALLS": str(folder / "calls"),
        "PYTHONPATH": os.pathsep.join(path),
    }
    done = subprocess.run(
        [*before, sys.executable, *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return (folder / "calls").read_text().splitlines()


def left_in(home: Path) -> list[str]:
    """The files in the home that are neither ours nor expected."""
    found = [file.relative_to(home).as_posix() for file in home.rglob("*") if file.is_file()]
    return [name for name in found if not name.startswith((OURS, *OTHERS))]


def test_the_watch_sees_a_call(tmp_path: Path, home: Path) -> None:
    code = """
import contextlib, socket, subprocess, sys
with contextlib.suppress(OSError):
    socket.getaddrinfo("example.org", 443)
with contextlib.suppress(OSError):
    socket.create_connection(("192.0.2.1", 80), timeout=1)
socket.getaddrinfo("localhost", 80)
subprocess.run([sys.executable, "-c", "import socket; socket.gethostbyname('in.a.child')"], stderr=subprocess.DEVNULL)
"""
    called = run(tmp_path, home, "-c", code)
    assert [line.rpartition(" ")[2] for line in called if "getaddrinfo" in line] == ["'example.org'", "'192.0.2.1'"]
    assert called[-1].endswith("socket.gethostbyname 'in.a.child'")


def test_nothing_that_people_do_calls_anybody(tmp_path: Path, home: Path) -> None:
    called = run(tmp_path, home, str(HERE / "program.py"), str(tmp_path / "work"))
    assert called[-1] == "-- end"
    assert [line for line in called if not line.startswith("-- ")] == [], called
    assert left_in(home) == []


@pytest.mark.exhaustive
def test_nothing_else_does_either_nor_in_other_processes(tmp_path: Path, home: Path) -> None:
    called = run(tmp_path, home, str(HERE / "program.py"), str(tmp_path / "work"), "all")
    assert called[-1] == "-- end"
    assert [line for line in called if not line.startswith("-- ")] == [], called
    assert left_in(home) == []


@pytest.mark.exhaustive
@pytest.mark.skipif(not shutil.which("strace"), reason="strace isn't installed")
def test_nor_does_what_is_not_python(tmp_path: Path, home: Path) -> None:
    """Libraries in C++ don't go through Python's sockets."""
    trace = tmp_path / "trace"
    before = ("strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg", "-e", "signal=none", "-o", str(trace))
    run(tmp_path, home, str(HERE / "program.py"), str(tmp_path / "work"), before=before)
    addresses = re.findall(r'(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]+)"', trace.read_text())
    assert set(addresses) <= {"127.0.0.1", "::1"}


def test_no_module_imports_what_reports_but_by_way_of_silence() -> None:
    """The program imports all modules in one process, where only the first import of a package counts."""
    for file in (HERE.parents[1] / "yolonas_plugin").rglob("*.py"):
        imported = set(_imports(ast.parse(file.read_text(encoding="utf-8"))))
        assert file.name == "silence.py" or not imported & {"nncf", "onnxruntime", "openvino"}, file
        if "ultralytics" in imported and "nas" not in file.parts:  # nas/__init__.py imports it for the folder
            assert "from yolonas_plugin.system.silence import ultralytics" in file.read_text(encoding="utf-8"), file


def _imports(tree: ast.AST) -> Iterator[str]:
    """The packages that are imported, but for types alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
        yield from _imports(node)
