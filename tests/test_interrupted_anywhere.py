"""Ctrl-C at each step of writing: nothing good is lost, nothing half is left, and it goes through.

The steps are those of Python's virtual machine, between which alone a signal is heard: a trace sends one before the
first, in another run before the second, and so on.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from exhaustive import exhaustive
from tests.support.writing import content, write_file, write_folder
from yolonas_plugin.files import temporary
from yolonas_plugin.files import whole as files
from yolonas_plugin.files.temporary import TemporaryFolder
from yolonas_plugin.files.whole import whole
from yolonas_plugin.system import interrupts
from yolonas_plugin.system.interrupts import heard, held_off

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")

OURS = {files.__file__, interrupts.__file__}


@pytest.fixture(autouse=True, scope="module")
def _old_objects_are_left_alone() -> Iterator[None]:
    """Keep what other tests have made out of the collections of garbage here, one at each step."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Steps:
    """Send a signal before step ``at`` of what runs in the block, in functions of some files or in all."""

    def __init__(self, at: int, within: set[str] | None) -> None:
        self.at, self.within, self.count = at, within, 0

    def __enter__(self) -> Steps:
        self.before = sys.gettrace()
        sys.settrace(self.enter)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self.before)

    def enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        if self.within is not None and frame.f_code.co_filename not in self.within:
            return None
        if frame.f_code is Steps.__exit__.__code__:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        self.step()
        return self.inside

    def inside(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "opcode":
            self.step()
        return self.inside

    def step(self) -> None:
        self.count += 1
        if self.count == self.at:
            signal.raise_signal(signal.SIGINT)


def prepare(path: Path, write: Callable[..., None], before: str) -> None:
    if before != "nothing":
        write(path, "old")
    if before == "a leftover":
        (path.parent / ".x.0.tmp").mkdir()
        (path.parent / ".x.0.tmp" / "x").touch()


def interrupted_at(
    step: int, folder: Path, write: Callable[..., None], before: str = "one", within: set[str] | None = OURS
) -> bool:
    """Interrupt the writing, assert what holds then, and tell whether there was such a step."""
    folder.mkdir()
    path = folder / "x"
    prepare(path, write, before)
    pressed = False
    handler = signal.getsignal(signal.SIGINT)
    try:
        with Steps(step, within) as steps:
            write(path, "new")
    except (KeyboardInterrupt, SystemExit):
        pressed = True
    assert pressed == (steps.count >= step), step
    assert signal.getsignal(signal.SIGINT) is handler
    gc.collect()  # a stack of blocks that was interrupted while it grew is garbage, with the block on it
    if before != "nothing" or path.exists():
        assert content(path) in ("old", "new"), step
    left = set(os.listdir(folder)) - {"x"}
    assert not left or (left == {".x.0.tmp"} and before == "a leftover" and content(path) == "old"), step
    write(path, "newer")
    assert os.listdir(folder) == ["x"], step
    shutil.rmtree(folder)
    return pressed


def every(number: int, first: int = 1) -> Iterator[int]:
    """Yield steps that are so far apart, without end."""
    return itertools.count(first, number)


def interrupted_at_each(steps: Iterable[int], folder: Path, *how: Any) -> None:
    last = next(step for step in steps if not interrupted_at(step, folder / str(step), *how))
    assert last > 500, "the trace has missed what it is for"


WRITERS = [write_file, write_folder]
CASES = [
    (write, before, exchange)
    for write in WRITERS
    for before in ("nothing", "one", "a leftover")
    for exchange in (True, False)
    if exchange or (write, before) == (write_folder, "one")
]


@pytest.fixture
def _exchanged(exchange: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not exchange:
        monkeypatch.setattr(files, "_exchange", lambda one, other: False)


@pytest.mark.usefixtures("_exchanged")
@pytest.mark.parametrize(("write", "before", "exchange"), CASES)
@pytest.mark.parametrize("apart", [89, exhaustive(1)])
def test_ctrl_c_at_any_step(
    write: Callable[..., None], before: str, exchange: bool, apart: int, tmp_path: Path
) -> None:
    interrupted_at_each(every(apart), tmp_path, write, before)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("_exchanged")
@pytest.mark.parametrize(("write", "before", "exchange"), CASES)
def test_ctrl_c_in_what_is_called(write: Callable[..., None], before: str, exchange: bool, tmp_path: Path) -> None:
    """In functions of the standard library, and in the block itself."""
    interrupted_at_each(every(61), tmp_path, write, before, None)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("apart", [89, exhaustive(1)])
def test_a_program_s_own_handler_may_raise(write: Callable[..., None], apart: int, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, lambda *_: sys.exit(1))
    try:
        interrupted_at_each(every(apart), tmp_path, write)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("apart", [89, exhaustive(1)])
def test_a_block_may_be_on_a_stack_of_blocks(apart: int, tmp_path: Path) -> None:
    def write(path: Path, text: str) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(whole(path)).write_text(text)

    interrupted_at_each(every(apart), tmp_path, write, "one", {*OURS, contextlib.__file__})


@pytest.mark.parametrize("apart", [89, exhaustive(1)])
def test_ctrl_c_that_is_listened_for(apart: int, tmp_path: Path) -> None:
    def write(path: Path, text: str) -> None:
        with heard() as check:
            write_file(path, text)
            check()

    interrupted_at_each(every(apart), tmp_path, write)


@pytest.mark.parametrize("apart", [7, exhaustive(1)])
@pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")
def test_a_temporary_folder_is_not_left(apart: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for step in every(apart):
        pressed = False
        try:
            with Steps(step, {*OURS, temporary.__file__, tempfile.__file__}) as steps, TemporaryFolder() as name:
                Path(name, "x").touch()
        except KeyboardInterrupt:
            pressed = True
        assert pressed == (steps.count >= step), step
        assert not os.listdir(tmp_path), step
        if not pressed:
            break
    assert step > 100


# --- holding off ---


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def test_ctrl_c_is_held_off_until_the_end_and_raised_once() -> None:
    done = []

    def work() -> None:
        with held_off():
            with held_off():
                press()
                press()  # as from a program that passes on what its terminal has sent it as well
                done.append("within")
            done.append("within the outer one")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["within", "within the outer one"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_within_is_told_too() -> None:
    def work() -> None:
        with held_off():
            press()
            raise ValueError("within")

    with pytest.raises(KeyboardInterrupt) as raised:
        work()
    assert isinstance(raised.value.__context__, ValueError)


def test_who_presses_again_later_is_let_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "_PATIENCE", 0.05)
    done = []

    def work() -> None:
        with held_off(), held_off():
            press()
            time.sleep(0.1)
            done.append("first")
            press()
            done.append("second")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["first"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_program_s_own_handler_is_told_of_each_press_at_the_end() -> None:
    told: list[str] = []
    before = signal.signal(signal.SIGINT, lambda *_: told.append("told"))
    try:
        with held_off():
            press()
            press()
            told.append("end")
    finally:
        signal.signal(signal.SIGINT, before)
    assert told == ["end", "told", "told"]


def test_other_threads_hold_nothing_off() -> None:
    begun, go = threading.Event(), threading.Event()

    def work() -> None:
        with held_off():
            begun.set()
            go.wait(20)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(20)
    with pytest.raises(KeyboardInterrupt):
        press()
    go.set()
    thread.join()


def test_what_a_forked_process_does_not_own_it_leaves(tmp_path: Path) -> None:
    block = whole(tmp_path / "x")
    temporary = block.__enter__()
    temporary.write_text("text")
    child = os.fork()
    if not child:
        try:
            block.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    block.__exit__(None, None, None)
    assert content(tmp_path / "x") == "text"
    assert os.listdir(tmp_path) == ["x"]
