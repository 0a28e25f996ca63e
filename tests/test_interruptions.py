"""Kills, Ctrl-C and full disks at random moments: nothing good is lost, and nothing half is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.interruptions import JOBS


def run(folder: Path, rounds: int, *jobs: str) -> dict[str, dict[str, int]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.interruptions", str(folder), str(rounds), *jobs],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    found: dict[str, dict[str, int]] = json.loads(done.stdout[done.stdout.index("{") :])  # the engine may greet first
    print(json.dumps(found, indent=1))
    return found


def assert_nothing_was_lost(found: dict[str, dict[str, int]], each: int) -> None:
    assert not [f"{job}: {what}" for job, seen in found.items() for what in seen if what.startswith("BAD")]
    for what in ("killed", "Ctrl-C", "full"):
        total = sum(n for seen in found.values() for key, n in seen.items() if key.startswith(what) and "there" in key)
        assert total >= (each if what != "full" else 1)


def test_a_few_at_random_moments(tmp_path: Path) -> None:
    assert_nothing_was_lost(run(tmp_path, 6, "pt", "openvino"), 6)


@pytest.mark.exhaustive
def test_a_hundred_of_each_at_random_moments(tmp_path: Path) -> None:
    assert_nothing_was_lost(run(tmp_path, 100, *JOBS), 100)


@pytest.mark.exhaustive
def test_a_full_disk(tmp_path: Path) -> None:
    """On a file system of its own, where a second file doesn't fit, so that no write ever replaces the first."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=90m", "tmpfs", disk], check=False).returncode:
        pytest.skip("mounting a file system needs to be allowed")
    try:
        program = f"""
import shutil
from pathlib import Path
from tests.support.interruptions import digest, left, weights
from yolonas_plugin.errors import ExportError
disk = Path({str(disk)!r})
one, other = weights(Path({str(tmp_path / "weights")!r}))
works = {{
    "x.pt": lambda model: model.save(disk / "x.pt"),
    "x.safetensors": lambda model: model.save(disk / "x.safetensors"),
    "w.onnx": lambda model: model.export(output=disk, imgsz=64, simplify=False, overwrite=True),
    "w_openvino_model": lambda model: model.export("openvino", output=disk, imgsz=64, overwrite=True),
    "w.torchscript": lambda model: model.export("torchscript", output=disk, imgsz=64, overwrite=True),
}}
for name, work in works.items():
    work(one)
    before = digest(disk / name)
    free = shutil.disk_usage(disk).free
    size = sum(file.stat().st_size for file in disk.rglob("*") if file.is_file())
    (disk / "filler").write_bytes(bytes(max(free - size // 2, 0)))
    try:
        work(other)
    except ExportError as error:
        print(name, error)
    else:
        raise SystemExit(f"{{name}}: it was written")
    assert digest(disk / name) == before, name
    assert not left(disk), left(disk)
    (disk / "filler").unlink()
    for file in sorted(disk.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout.count("can't be written") == 5, done.stdout
    finally:
        subprocess.run(["umount", disk], check=False)
