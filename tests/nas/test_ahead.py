"""Images that are begun before their turn: the same detections in order, faults in place, and nothing goes on after."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.engine import runtime_of
from tests.support.pictures import picture
from yolonas_plugin import NAS
from yolonas_plugin.errors import CheckpointError
from yolonas_plugin.images import is_one_image
from yolonas_plugin.lean import LeanPredictor
from yolonas_plugin.runtimes.base import GraphRuntime

COUNT = 12
Stream = Callable[..., Iterator[Any]]


@pytest.fixture(scope="module")
def exported(nano: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("exported")
    return Path(NAS(nano).export(output=output, takes="pixels", gives="pair", dynamic=True, simplify=False))


@pytest.fixture(params=["lean", "engine"])
def opened(request: pytest.FixtureRequest, exported: Path) -> tuple[GraphRuntime, Stream]:
    """A runtime, and what streams from it, by either way."""
    if request.param == "lean":
        lean = LeanPredictor(exported, runtime="openvino")
        return lean.runtime, lean.stream
    model = NAS(exported)
    model.predict(picture(), verbose=False)
    return runtime_of(model), lambda source, **given: model.predict(source, stream=True, verbose=False, **given)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "pictures"
    path.mkdir()
    for seed in range(COUNT):
        cv2.imwrite(str(path / f"{seed:02}.png"), picture(seed, height=100 + 10 * (seed % 3)))
    return path


def rows(found: Any) -> np.ndarray:
    if hasattr(found, "labels"):
        return np.column_stack((found.boxes, found.scores, found.labels))
    return found.boxes.data.numpy()


@pytest.mark.parametrize("settings", [{}, {"batch": 5}, {"rect": True}, {"conf": 0.6, "max_det": 3}])
def test_a_folder_gives_what_its_images_give_one_by_one(
    opened: tuple[GraphRuntime, Stream], folder: Path, settings: dict[str, Any]
) -> None:
    _, stream = opened
    files = sorted(folder.iterdir())
    alone = [next(stream(file, **{**settings, "batch": 1})) for file in files]
    together = list(stream(folder, **settings))
    assert [Path(found.path) for found in together] == files
    if "rect" in settings:
        together = list(stream(folder, **settings, batch=1))
    for found, expected in zip(together, alone, strict=True):
        np.testing.assert_allclose(rows(found), rows(expected), atol=1e-3)


def test_images_are_begun_before_their_turn_and_no_more_than_the_cores_need(
    opened: tuple[GraphRuntime, Stream], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime, stream = opened
    begun: list[int] = []
    enough = threading.Event()
    start = runtime.start

    def noted(pixels: Any) -> Any:
        begun.append(len(pixels))
        if len(begun) > runtime.ahead:
            enough.set()
        return start(pixels)

    monkeypatch.setattr(runtime, "start", noted)
    monkeypatch.setattr(runtime, "ahead", 3)
    results = stream(folder)
    next(results)
    assert enough.wait(20)
    assert len(begun) == 1 + 3
    assert len(list(results)) == COUNT - 1
    assert begun == [1] * COUNT


def test_what_cannot_be_read_leaves_the_others_in_place(opened: tuple[GraphRuntime, Stream], folder: Path) -> None:
    _, stream = opened
    expected = {Path(found.path).name: rows(found) for found in stream(folder)}
    for name in ("03.png", "04.png", "11.png"):
        (folder / name).write_bytes(b"no image")
    found = [one for one in stream(folder) if not getattr(one, "error", "")]
    assert [Path(one.path).name for one in found] == sorted(expected.keys() - {"03.png", "04.png", "11.png"})
    for one in found:
        np.testing.assert_allclose(rows(one), expected[Path(one.path).name], atol=1e-3)


@pytest.mark.parametrize("at_start", [True, False])
def test_a_failure_of_the_runtime_comes_in_its_turn(
    opened: tuple[GraphRuntime, Stream], folder: Path, monkeypatch: pytest.MonkeyPatch, at_start: bool
) -> None:
    runtime, stream = opened
    start, count = runtime.start, iter(range(COUNT))

    def fail() -> Any:
        raise CheckpointError("the sixth")

    def failing(pixels: Any) -> Any:
        if next(count) != 5:
            return start(pixels)
        return fail() if at_start else fail

    monkeypatch.setattr(runtime, "start", failing)
    seen = []
    with pytest.raises(CheckpointError, match="the sixth"):
        seen.extend(Path(found.path).name for found in stream(folder))  # those before it are kept
    assert seen == [f"{number:02}.png" for number in range(5)]
    monkeypatch.undo()
    assert len(list(stream(folder))) == COUNT


def test_a_stream_that_is_closed_early_leaves_no_thread_and_goes_on_working(
    opened: tuple[GraphRuntime, Stream], folder: Path
) -> None:
    _, stream = opened
    expected = [rows(found) for found in stream(folder)]
    before = set(threading.enumerate())
    for taken in (1, 2, 7):
        results = stream(folder)
        for _ in range(taken):
            next(results)
        results.close()
        assert set(threading.enumerate()) == before
    for found, want in zip(stream(folder), expected, strict=True):
        np.testing.assert_allclose(rows(found), want, atol=1e-3)


def test_an_image_that_is_changed_when_its_turn_has_come_is_predicted_as_it_is_then(
    exported: Path, folder: Path
) -> None:
    model = NAS(exported)
    black = rows(model.predict(np.zeros_like(picture()), verbose=False, conf=0.3)[0])

    def paint(predictor: Any) -> None:
        for image in predictor.batch[1]:
            image[:] = 0

    model.add_callback("on_predict_batch_start", paint)
    for file in sorted(folder.iterdir())[1::3]:
        cv2.imwrite(str(file), picture())
    found = model.predict(folder, verbose=False, conf=0.3)
    assert [len(one.boxes) for one in found][1::3] == [len(black)] * (COUNT // 3)
    assert all(not one.orig_img.any() for one in found)


CTRL_C = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"


@pytest.mark.parametrize("ends", ["", "raise SystemExit(0)", CTRL_C])
def test_a_process_may_end_in_the_middle(exported: Path, folder: Path, ends: str) -> None:
    code = f"""
from yolonas_plugin.lean import LeanPredictor
stream = LeanPredictor({str(exported)!r}, runtime="openvino").stream({str(folder)!r})
next(stream)
print("one", flush=True)
{ends}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "one\n"
    interrupted = ends == CTRL_C
    assert (done.returncode != 0) == interrupted, done.stderr
    assert ("KeyboardInterrupt" in done.stderr) == interrupted
    assert done.returncode in ((-2, 130) if interrupted else (0,))


def test_one_image_is_known_as_one(folder: Path) -> None:
    file = folder / "00.png"
    for source in (file, str(file), [file], picture(), [picture()]):
        assert is_one_image(source)
    for source in (folder, str(folder / "*.png"), [file, file], [picture()] * 2, [], iter([file]), None, folder / "no"):
        assert not is_one_image(source)
