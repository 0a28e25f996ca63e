"""Files and folders are written whole or not at all, whatever ends the writing."""

from __future__ import annotations

import errno
import os
import signal
import stat
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.writing import content, write_file, write_folder
from yolonas_plugin.errors import ExportError
from yolonas_plugin.files import whole as files
from yolonas_plugin.files.whole import remove_leftovers, whole


def killed(work: Callable[[], object]) -> None:
    """Do something in a process of its own that ends by SIGKILL."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def stop() -> None:
    raise KeyboardInterrupt


WRITERS = [write_file, write_folder]


@pytest.mark.parametrize("write", WRITERS)
def test_what_is_there_is_replaced_and_nothing_else_is_left(write: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "on the way" / "x.txt"
    for text in ("one", "two"):
        write(path, text)
        assert content(path) == text
        assert os.listdir(path.parent) == ["x.txt"]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("error", "raised"),
    [(OSError(errno.ENOSPC, "No space left on device"), ExportError), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_what_raises_leaves_the_old(
    write: Callable[..., None], error: BaseException, raised: type[BaseException], tmp_path: Path
) -> None:
    def stop() -> None:
        raise error

    for before in ([], ["x"]):
        with pytest.raises(raised):
            write(tmp_path / "x", "new", stop)
        assert os.listdir(tmp_path) == before
        write(tmp_path / "x", "old")
    assert content(tmp_path / "x") == "old"


def test_an_error_names_the_target_and_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"/x: .*No space left"), whole(tmp_path / "x"):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("write", WRITERS)
def test_what_a_killed_process_left_is_removed_by_the_next(write: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "x"
    write(path, "old")
    killed(lambda: write(path, "killed", die))
    assert content(path) == "old"
    assert len(os.listdir(tmp_path)) == 2  # else this test tests nothing
    write(path, "new")
    assert content(path) == "new"
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("write", WRITERS)
def test_what_a_living_writer_has_begun_is_left_alone(write: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "x"
    begun, go = threading.Event(), threading.Event()
    slow = threading.Thread(target=write, args=(path, "slow", lambda: (begun.set(), go.wait(20))))
    slow.start()
    assert begun.wait(20)
    write(path, "quick")
    assert content(path) == "quick"
    go.set()
    slow.join()
    assert content(path) == "slow"
    assert os.listdir(tmp_path) == ["x"]


def test_without_locks_only_what_is_old_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    killed(lambda: write_file(path, "killed", die))
    monkeypatch.setattr(files, "fcntl", None)
    write_file(path, "new")
    (left,) = (name for name in os.listdir(tmp_path) if name != "x")
    os.utime(tmp_path / left, (0, 0))
    write_file(path, "newer")
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("write", WRITERS)
def test_who_has_the_old_one_open_keeps_it(write: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "x"
    write(path, "old")
    with open(path if path.is_file() else path / "in" / "b") as file:
        write(path, "new")
        assert file.read() == "old"


@pytest.fixture
def no_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_exchange", lambda one, other: False)


def test_a_folder_is_there_at_every_moment(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_folder(path, "0")
    if not files._exchange(path, path):
        pytest.skip("this file system can't exchange two names")
    done = threading.Event()

    def rewrite() -> None:
        for number in range(50):
            write_folder(path, str(number))
        done.set()

    writer = threading.Thread(target=rewrite)
    writer.start()
    looks = 0
    while not done.is_set():
        assert path.is_dir()
        looks += 1
    writer.join()
    assert looks > 100


@pytest.mark.usefixtures("no_exchange")
def test_a_folder_is_replaced_where_two_cannot_be_exchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    for text in ("one", "two"):
        write_folder(path, text)
        assert content(path) == text
    rename = os.rename

    def fail(one: Path, other: Path) -> None:
        if Path(other) == path and content(Path(one)) == "three":
            raise OSError(errno.EACCES, "Permission denied")
        rename(one, other)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(ExportError, match="Permission denied"):
        write_folder(path, "three")
    assert content(path) == "two"
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.usefixtures("no_exchange")
def test_a_folder_that_cannot_be_put_back_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    write_folder(path, "good")
    rename = os.rename

    def fail(one: Path, other: Path) -> None:
        if Path(other) == path:
            raise OSError(errno.EACCES, "Permission denied")
        rename(one, other)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(ExportError, match=r"what was there is .*/\.x\.0\.tmp/old/x now") as raised:
        write_folder(path, "new")
    assert content(Path(str(raised.value).split("what was there is ")[1].removesuffix(" now"))) == "good"
    monkeypatch.setattr(os, "rename", rename)
    remove_leftovers(tmp_path)
    assert content(path) == "good"
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.usefixtures("no_exchange")
@pytest.mark.parametrize("name", ["old", "new"])
def test_any_name_will_do(name: str, tmp_path: Path) -> None:
    for text in ("one", "two"):
        write_folder(tmp_path / name, text)
        with pytest.raises(KeyboardInterrupt):
            write_folder(tmp_path / name, "never", stop)
        assert content(tmp_path / name) == text
        assert os.listdir(tmp_path) == [name]


@pytest.mark.usefixtures("no_exchange")
def test_a_folder_that_was_set_aside_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_folder(path, "good")
    rename = os.rename

    def die_between(one: Path, other: Path) -> None:
        rename(one, other)
        die()

    def work() -> None:
        os.rename = die_between  # type: ignore[assignment]  # in the child alone
        write_folder(path, "never")

    killed(work)
    assert not path.exists()

    def stop() -> None:
        assert content(path) == "good"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_folder(path, "stopped", stop)
    assert content(path) == "good"
    assert os.listdir(tmp_path) == ["x"]


def test_a_folder_that_holds_something_else_is_not_replaced(tmp_path: Path) -> None:
    write_folder(tmp_path / "x", "old")
    (tmp_path / "x" / "my notes").touch()
    with pytest.raises(ExportError, match=r"my notes.*would be lost"):
        write_folder(tmp_path / "x", "new")
    assert content(tmp_path / "x") == "old"
    assert os.listdir(tmp_path) == ["x"]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("there")
    write_file(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there").read_text() == "text"


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, what in (("pipe", "no file"), ("folder", "a folder")):
        with pytest.raises(ExportError, match=what):
            write_file(tmp_path / name, "text")
    write_file(tmp_path / "file", "text")
    with pytest.raises(ExportError, match="a file"):
        write_folder(tmp_path / "file", "text")
    with pytest.raises(ExportError, match="file/x"):
        write_file(tmp_path / "file" / "x", "text")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder", "pipe"]


def test_a_file_that_is_protected_is_not_replaced() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        os.chmod(name, 0o777)
        path = Path(name, "x")
        path.write_text("old")
        path.chmod(0o444)
        child = os.fork()
        if not child:
            if os.geteuid() == 0:  # root may write to anything
                os.setuid(65534)
            try:
                write_file(path, "new")
            except ExportError as error:
                os._exit(3 if "may not be written to" in str(error) else 4)
            os._exit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
        assert path.read_text() == "old"
        assert os.listdir(name) == ["x"]


def test_a_name_may_be_as_long_as_the_system_allows_and_no_utf8(tmp_path: Path) -> None:
    for name in ("x" * 255, os.fsdecode(b"\xff" * 255), "ü" * 127):
        write_file(tmp_path / name, "text")
        assert (tmp_path / name).read_text() == "text"


def test_a_file_has_the_permissions_of_any_file(tmp_path: Path) -> None:
    with whole(tmp_path / "x") as temporary:
        temporary.touch(0o600)
    (tmp_path / "other").touch()
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)
