"""The images that int8 is calibrated on are read as they are needed."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest

from yolonas_plugin.errors import DataNotFoundError, RuntimeChoiceError
from yolonas_plugin.runtimes import calibration
from yolonas_plugin.runtimes.calibration import CalibrationImages


def write(folder: Path, count: int, side: int = 16) -> None:
    for index in range(count):
        cv2.imwrite(str(folder / f"{index:03}.bmp"), np.full((side, side, 3), index, np.uint8))


def test_they_can_be_gone_through_again_without_those_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, 5)
    (tmp_path / "002.bmp").write_text("no image")
    images = CalibrationImages(tmp_path)
    for _ in range(2):
        assert [int(image[0, 0, 0]) for image in images] == [0, 1, 3, 4]
    assert images.most == 5


def test_one_is_in_memory_at_a_time(tmp_path: Path) -> None:
    write(tmp_path, 12, side=600)  # of a megabyte
    tracemalloc.start()
    try:
        assert sum(1 for _ in CalibrationImages(tmp_path)) == 12
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()


def test_there_are_no_more_than_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 5)
    monkeypatch.setattr(calibration, "MOST_IMAGES", 3)
    assert len(list(CalibrationImages(tmp_path))) == CalibrationImages(tmp_path).most == 3


def test_something_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError):
        CalibrationImages(tmp_path)
    (tmp_path / "x.jpg").write_text("no image")
    with pytest.raises(RuntimeChoiceError, match=r"could not read an image"):
        CalibrationImages(tmp_path)
