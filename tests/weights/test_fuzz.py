"""Whatever bytes change in a weight file, reading it gives a checkpoint or one of our errors, and soon."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from tests.support import hostile_weights as hostile
from tests.support import synthetic
from tests.support.checkpoints import SMALL, as_module, save_legacy, small_files, training_checkpoint
from yolonas_plugin.errors import YoloNASPluginError
from yolonas_plugin.weights import read_checkpoint
from yolonas_plugin.weights.unpickle import UnpickleError, Unpickler

pytestmark = pytest.mark.usefixtures("one_thread")

SECONDS = 5  # of the processor, since other processes may be busy
FUZZ = int(os.environ.get("YOLONAS_FUZZ", "1"))
"""How many times more examples than in the test suite; over 1, others in each run."""


def bounded(examples: int) -> settings:
    return settings(
        max_examples=examples * FUZZ,
        derandomize=FUZZ == 1,  # the same examples every time
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


WRITERS: dict[str, Callable[[Any, Path], None]] = {
    "training checkpoint": lambda weights, path: torch.save(training_checkpoint(weights), path),
    "training checkpoint, legacy": lambda weights, path: save_legacy(training_checkpoint(weights), path),
    "whole module": lambda weights, path: torch.save(as_module(weights), path),
    "safetensors": lambda weights, path: save_file(weights, path),
}


@pytest.fixture(scope="module", params=WRITERS)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fuzz") / "weights"
    WRITERS[request.param](dict(synthetic.network("n", num_classes=3).state_dict()), path)
    return path


def read(path: Path) -> None:
    started = time.process_time()
    try:
        read_checkpoint(path).state_dict["heads.head1.cls_pred.bias"].sum()
    except YoloNASPluginError as error:
        message = str(error)
    else:
        message = str(path)
    assert str(path) in message
    assert time.process_time() - started < SECONDS


# most of a file are numbers, which may be any: the places of interest lie at its two ends
places = st.one_of(st.integers(0, 700), st.integers(0, 100_000), st.integers(-100_000, -1), st.integers(-200, -1))
patches = st.one_of(
    st.binary(min_size=1, max_size=8),
    st.sampled_from([b"\x00" * 8, b"\xff" * 8, b"\x7f" * 4, b".", b"R", b"b", b"Q", b"\x81", b"cos\nsystem\n", b"PK"]),
)


CHANGES = st.lists(st.tuples(places, patches), min_size=1, max_size=4)


@bounded(30)
@given(changes=CHANGES)
def test_changed_bytes(changes: list[tuple[int, bytes]], file: Path) -> None:
    change_and_read(changes, file)


@pytest.mark.exhaustive
@bounded(200)
@given(changes=CHANGES)
def test_many_changed_bytes(changes: list[tuple[int, bytes]], file: Path) -> None:
    change_and_read(changes, file)


def change_and_read(changes: list[tuple[int, bytes]], file: Path) -> None:
    kept = []
    with file.open("r+b") as handle:
        for place, patch in changes:
            handle.seek(place, os.SEEK_SET if place >= 0 else os.SEEK_END)
            start = handle.tell()
            patch = patch[: file.stat().st_size - start]
            kept.append((start, handle.read(len(patch))))
            handle.seek(start)
            handle.write(patch)
    try:
        read(file)
    finally:
        with file.open("r+b") as handle:
            for start, old in reversed(kept):
                handle.seek(start)
                handle.write(old)


@bounded(100)
@given(data=st.data())
def test_cut_and_spliced_files(data: st.DataObject, tmp_path: Path) -> None:
    splice_and_read(data, tmp_path)


@pytest.mark.exhaustive
@bounded(1000)
@given(data=st.data())
def test_many_cut_and_spliced_files(data: st.DataObject, tmp_path: Path) -> None:
    splice_and_read(data, tmp_path)


def splice_and_read(data: st.DataObject, tmp_path: Path) -> None:
    files = SMALL or small_files(tmp_path)
    content = files[data.draw(st.sampled_from(sorted(files)))]
    other = files[data.draw(st.sampled_from(sorted(files)))]
    first, second = sorted(data.draw(st.tuples(st.integers(0, len(content)), st.integers(0, len(content)))))
    start = data.draw(st.integers(0, len(other)))
    piece = data.draw(st.sampled_from([b"", content[first:second] * 2, other[start : start + 64], other[start:]]))
    path = tmp_path / "mutated"
    path.write_bytes(content[:first] + piece + content[second:])
    read(path)


def instructions() -> st.SearchStrategy[bytes]:
    """Programs that make sense more often than random bytes do."""
    short = st.binary(max_size=20)
    return st.one_of(
        st.sampled_from(
            [bytes([code]) for code in b"(0121NRbQaesutl)]}.o\x81\x85\x86\x87\x88\x8f\x90\x91\x92\x93\x94"]
        ),
        st.sampled_from(
            [b"ctorch\nFloatStorage\n", b"ccollections\nOrderedDict\n", b"c__builtin__\nset\n", b"cos\nx\n"]
        ),
        st.sampled_from([b"ctorch._utils\n_rebuild_tensor_v2\n", b"cnumpy.core.multiarray\nscalar\n"]),
        st.integers(0, 3).map(lambda index: b"q" + bytes([index])),
        st.integers(0, 3).map(lambda index: b"h" + bytes([index])),
        st.integers(-(1 << 90), 1 << 90).map(hostile.number),
        st.text(max_size=8).map(hostile.text),
        short.map(lambda content: b"C" + bytes([len(content)]) + content),
        short,
    )


PROGRAMS = st.lists(instructions(), max_size=60).map(b"".join)


@bounded(200)
@given(program=PROGRAMS, wrapped=st.booleans())
def test_programs_of_any_instructions(program: bytes, wrapped: bool, tmp_path: Path) -> None:
    run_program(program, wrapped, tmp_path)


@pytest.mark.exhaustive
@bounded(2000)
@given(program=PROGRAMS, wrapped=st.booleans())
def test_many_programs_of_any_instructions(program: bytes, wrapped: bool, tmp_path: Path) -> None:
    run_program(program, wrapped, tmp_path)


def run_program(program: bytes, wrapped: bool, tmp_path: Path) -> None:
    if wrapped:
        hostile.torch_zip(tmp_path / "program", hostile.state(program, "net"))
        read(tmp_path / "program")
        return
    with contextlib.suppress(UnpickleError):
        Unpickler(program + b".")
