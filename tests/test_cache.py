"""What is kept for runtimes: damaged entries are made anew, there is a bound, and folders that can't be written do."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from yolonas_plugin.errors import RuntimeChoiceError
from yolonas_plugin.runtimes import cache
from yolonas_plugin.runtimes.cache import cached, read_blob, write_blob


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that no test has used."""
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path / "kept"))
    monkeypatch.setattr(cache, "_used", set())
    monkeypatch.setattr(cache, "_checked", {})
    cache._temporary_folder.cache_clear()
    return tmp_path / "kept" / "runtimes"


def of_size(size: int, made: list[Path] | None = None) -> Callable[[Path], None]:
    def make(new: Path) -> None:
        (new / "model.bin").write_bytes(bytes(range(256)) * (size // 256))
        (new / "model.xml").write_text("graph")
        if made is not None:
            made.append(new)

    return make


def test_it_is_made_once_by_threads_and_found_again(folder: Path) -> None:
    made: list[Path] = []
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: cached("key", of_size(1000, made)), range(8)))
    assert found == {folder / "key"}
    assert len(made) == 1


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": lambda entry: os.truncate(entry / "model.bin", 100),
    "empty file": lambda entry: (entry / "model.xml").write_bytes(b""),
    "one byte": lambda entry: (entry / "model.bin").write_bytes(b"\1" + (entry / "model.bin").read_bytes()[1:]),
    "a file is missing": lambda entry: (entry / "model.xml").unlink(),
    "a file too many": lambda entry: (entry / "other.onnx").write_text("x"),
    "empty": lambda entry: [file.unlink() for file in entry.iterdir()],
    "unfinished": lambda entry: cache._manifest(entry).unlink(),
    "no record": lambda entry: cache._manifest(entry).write_text("{"),
    "an odd record": lambda entry: cache._manifest(entry).write_text("[[]]"),
    "a file": lambda entry: (cache._remove(entry), entry.write_text("x")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_entry_is_made_anew_once(damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = cached("key", of_size(1000))
    with (entry / "model.bin").open("rb") as reader:
        DAMAGE[damage](entry)
        monkeypatch.setattr(cache, "_checked", {})  # as in another process
        made: list[Path] = []
        assert cached("key", of_size(2000, made)) == entry
        assert cached("key", of_size(2000, made)) == entry
        assert len(made) == 1
        assert (entry / "model.bin").stat().st_size == 1792
        assert sorted(os.listdir(entry)) == ["model.bin", "model.xml"]
        reader.read()  # whoever has it open is not disturbed


def test_what_fails_leaves_nothing(folder: Path) -> None:
    def fail(new: Path) -> None:
        of_size(1000)(new)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached("key", fail)
    assert [name for name in os.listdir(folder) if not name.endswith(".lock")] == []
    cached("key", of_size(1000))


def test_what_a_killed_process_left_is_removed(folder: Path) -> None:
    child = os.fork()
    if not child:
        cached("key", lambda new: (of_size(1000)(new), os.kill(os.getpid(), signal.SIGKILL)))
    os.waitpid(child, 0)
    assert any(name.endswith(".tmp") for name in os.listdir(folder))
    cached("other", of_size(1000))
    assert not any(name.endswith(".tmp") for name in os.listdir(folder))
    cached("key", of_size(1000))


def test_there_is_a_bound(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.LIMIT, "0.035")  # of 10 kB each, three
    for number in range(6):
        monkeypatch.setattr(cache, "_used", set())  # as in another process
        entry = cached(f"key{number}", of_size(10_000))
        os.utime(entry, (number, number))
        if number == 3:
            os.utime(folder / "key1", (99, 99))  # used lately
    kept = sorted(name for name in os.listdir(folder) if name.startswith("key") and "." not in name)
    assert kept == ["key1", "key4", "key5"]
    assert not (folder / "key0.json").exists()


def test_what_this_process_uses_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.LIMIT, "0.001")
    for number in range(3):
        cached(f"key{number}", of_size(10_000))
    assert all((folder / f"key{number}" / "model.bin").exists() for number in range(3))
    monkeypatch.setenv(cache.LIMIT, "plenty")
    with pytest.raises(RuntimeChoiceError, match="YOLONAS_CACHE_MB='plenty'"):
        cached("other", of_size(1000))


def test_a_folder_that_cannot_be_written_is_replaced_by_a_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path / "file" / "below"))
    with caplog.at_level(logging.WARNING, "yolonas_plugin"):
        entry = cached("key", of_size(1000))
        assert cached("key", of_size(1000)) == entry
        cached("other", of_size(1000))
        write_blob("a-1", b"blob", 4)
        assert read_blob("a-1") == b"blob"
    assert len(caplog.records) == 1
    assert "can't be kept there" in caplog.text
    assert entry.is_dir()
    assert tmp_path not in entry.parents


def test_an_entry_in_a_folder_that_cannot_be_written_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = cached("key", of_size(1000))
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert cached("key", of_size(1000)) == entry
    assert folder not in cached("other", of_size(1000)).parents


def test_a_user_without_a_home_has_a_temporary_folder(tmp_path: Path) -> None:
    program = """
import os, tempfile
from yolonas_plugin.runtimes.cache import cached  # while what it imports may still be read
for name in ("HOME", "XDG_CACHE_HOME", "YOLONAS_WEIGHTS"):
    os.environ.pop(name, None)
if os.geteuid() == 0:
    os.setuid(54321)  # nobody has this number
entry = cached("key", lambda new: (new / "x").write_text("x"))
assert entry == cached("key", lambda new: 1 / 0)
print(entry)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("has no home") == (os.geteuid() == 0)
    assert os.geteuid() != 0 or not Path(done.stdout.strip()).exists()


def test_an_entry_that_is_not_read_yet_is_known_by_its_sizes(folder: Path) -> None:
    made: list[Path] = []
    entry = cached("key", of_size(1000, made), checked=False)
    file = next(iter(sorted(entry.iterdir())))
    file.write_bytes(b"x" * file.stat().st_size)
    assert cached("key", of_size(1000, made), checked=False) == entry
    assert len(made) == 1
    assert cached("key", of_size(1000, made)) == entry
    assert len(made) == 2
    file.write_bytes(b"short")
    cached("key", of_size(1000, made), checked=False)
    assert len(made) == 3


def test_blobs_are_checked_and_bounded(folder: Path) -> None:
    for number in range(6):
        write_blob(f"a-{number}", bytes([number]) * 1000, 4)
        os.utime(folder / "openvino" / f"a-{number}.blob", (number, number))
    write_blob("b-0", b"other", 4)
    assert sorted(os.listdir(folder / "openvino")) == [*(f"a-{n}.blob" for n in (2, 3, 4, 5)), "b-0.blob"]
    assert read_blob("a-5") == b"\5" * 1000
    assert read_blob("a-0") is None
    file = folder / "openvino" / "a-5.blob"
    for content in (b"", b"short", file.read_bytes()[:-1], file.read_bytes()[:-1] + b"\6"):
        file.write_bytes(content)
        assert read_blob("a-5") is None
    write_blob("a-5", b"again", 4)
    assert read_blob("a-5") == b"again"
