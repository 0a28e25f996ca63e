"""A process may have no home, no terminal and no place to write; predicting needs none of them."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from ultralytics.utils import LOGGER

from tests.support.nano import SIZE
from tests.support.pictures import picture
from yolonas_plugin import NAS
from yolonas_plugin.system import environment

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif(os.name != "posix", reason="users and descriptors of POSIX"),
]

PROGRAM = """
import json, os, sys
if sys.argv[3] == "none":
    sys.stdout = sys.stderr = None
from yolonas_plugin import NAS
model = NAS(sys.argv[1], names=["é狗", "b\\tc", "d"])
results = model.predict(sys.argv[2], imgsz=64, save=False)
model.info()
descriptor = os.open(sys.argv[4], os.O_WRONLY | os.O_TRUNC)
os.write(descriptor, json.dumps([len(results), len(results[0].boxes) > 0]).encode())
"""


@pytest.mark.parametrize(
    ("streams", "surroundings"),
    [
        ("closed", {"HOME": "/proc/nowhere/at/all"}),
        ("plain", {"PYTHONIOENCODING": "ascii", "HOME": "/proc"}),
        pytest.param("none", {"HOME": None}, marks=pytest.mark.exhaustive),
        pytest.param("plain", {"PYTHONIOENCODING": "cp1252"}, marks=pytest.mark.exhaustive),
    ],
)
def test_it_predicts_without_streams_and_without_a_home(
    streams: str, surroundings: dict[str, str | None], nano: Path, image: Path
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place, answer = Path(folder), Path(folder) / "answer"
        (place / "nano.pth").write_bytes(nano.read_bytes())
        (place / "x.png").write_bytes(image.read_bytes())
        answer.touch()
        command = [sys.executable, "-c", PROGRAM, str(place / "nano.pth"), str(place / "x.png"), streams, str(answer)]
        given = {**os.environ, "OMP_NUM_THREADS": "1", **surroundings}
        given = {name: value for name, value in given.items() if value is not None}
        closed = "exec <&- >&- 2>&-; " if streams == "closed" else ""
        shell = ["sh", "-c", f'{closed}exec "$@"', "sh", *command]
        done = subprocess.run(shell, env=given, cwd="/proc", capture_output=True, timeout=300)
        assert done.returncode == 0, done.stderr.decode()
        assert json.loads(answer.read_text()) == [1, True]
        assert b"Logging error" not in done.stderr
        if streams == "plain":
            assert b"\\u72d7" in done.stdout + done.stderr


def test_a_process_without_a_home_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(environment.Path, "home", no_home)  # what it raises where no list of users has this one
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = tmp_path / f"yolonas-plugin-{os.getuid()}"
    assert environment.home() == own
    assert own.stat().st_mode & 0o777 == 0o700
    own.chmod(0o777)  # somebody else made it, perhaps
    assert environment.home() not in (own, tmp_path)
    own.rmdir()
    own.symlink_to(tmp_path)
    assert not environment.home().is_symlink()
    assert environment.home().parent == tmp_path


def test_the_engine_s_log_ends_nothing(nano: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = NAS(nano, names=["é", "狗", "c"])
    (handler,) = (each for each in LOGGER.handlers if type(each) is logging.StreamHandler)
    for encoding in ("ascii", "utf-8", "cp1252"):
        stream = io.TextIOWrapper(io.BytesIO(), encoding)
        monkeypatch.setattr(handler, "stream", stream)
        assert len(model.predict(picture(), imgsz=SIZE, conf=0.3)) == 1
        stream.flush()
        written = stream.buffer.getvalue().decode(encoding)
        assert ("狗" if encoding == "utf-8" else "\\u72d7") in written
        stream.close()
        assert len(model.predict(picture(), imgsz=SIZE)) == 1
    monkeypatch.setattr(handler, "stream", None)
    assert len(model.predict(picture(), imgsz=SIZE)) == 1
