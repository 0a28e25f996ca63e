"""What a prediction leaves behind: nothing that waits for Python's collector of cycles, for that would be images."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.support.pictures import picture
from yolonas_plugin import NAS
from yolonas_plugin.lean import open_lean

WAYS: dict[str, Callable[[Any, list[str]], Any]] = {
    "one": lambda model, files: model.predict(files[0], verbose=False),
    "several": lambda model, files: model.predict(files, verbose=False),
    "arrays": lambda model, files: model.predict([picture()] * 3, verbose=False),
    "stream": lambda model, files: list(model.predict(files, stream=True, verbose=False)),
    "a stream that is left": lambda model, files: next(model.predict(files, stream=True, verbose=False)),
}
LEAN_WAYS: dict[str, Callable[[Any, list[str]], Any]] = {
    "one": lambda lean, files: lean(files[0]),
    "stream": lambda lean, files: list(lean.stream(files)),
    "a stream that is left": lambda lean, files: next(iter(lean.stream(files))),
}


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [str(tmp_path / f"{index}.png") for index in range(3)]
    for path in paths:
        assert cv2.imwrite(path, picture())
    return paths


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_a_prediction_leaves_no_cycles(runtime: str, way: str, nano: Path, files: list[str]) -> None:
    model = NAS(nano, runtime=runtime)
    assert cycles(lambda: WAYS[way](model, files)) == 0


@pytest.mark.parametrize("way", LEAN_WAYS)
def test_a_lean_prediction_leaves_none(way: str, nano: Path, files: list[str]) -> None:
    lean = open_lean(nano, runtime="openvino")
    assert cycles(lambda: LEAN_WAYS[way](lean, files)) == 0


def cycles(predict: Callable[[], Any]) -> int:
    """The objects in cycles that predictions leave, after the first."""
    predict()
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            predict()
        return gc.collect()
    finally:
        gc.enable()
