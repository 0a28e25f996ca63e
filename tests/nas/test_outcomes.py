"""What the zoo's predictor gives on the engine: one outcome for each image, in order, whatever else is among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from ultralytics.engine.results import Results

from model_zoo_api import Detections
from tests.support.nano import SIZE
from tests.support.pictures import picture
from yolonas_plugin import NAS
from yolonas_plugin.errors import SettingError
from yolonas_plugin.factories import predictor


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for seed in range(6):
        cv2.imwrite(str(folder / f"{seed}.png"), picture(seed))
    return folder


@pytest.fixture
def predict(model: NAS) -> Any:
    return predictor(model, conf=0.5, imgsz=SIZE)


def same(one: Detections, other: Detections) -> bool:
    return len(one) == len(other) > 0 and bool(np.abs(one.boxes - other.boxes).max() < 0.01)


def test_a_list_with_what_is_no_image_has_an_outcome_for_each(predict: Any, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no image")
    good = predict(folder / "0.png")[0]
    entries = [folder / "0.png", tmp_path / "bad.png", picture(0), None, tmp_path / "missing.png", folder / "0.png"]
    found = predict(entries)
    assert [one.index for one in found] == [0, 1, 2, 3, 4, 5]
    assert [bool(one.error) for one in found] == [False, True, False, True, True, False]
    assert [one.path for one in found] == [str(entry) if isinstance(entry, Path) else None for entry in entries]
    assert all(same(found[index], good) for index in (0, 2, 5))
    assert (good.height, good.width) == picture(0).shape[:2]


def test_paths_are_as_they_were_given(predict: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    name = folder.name
    assert [one.path for one in predict([f"{name}/0.png", folder / "1.png", "no.png"])] == [
        f"{name}/0.png",
        str(folder / "1.png"),
        "no.png",
    ]
    everything = [f"{name}/{seed}.png" for seed in range(6)]
    assert [one.path for one in predict(name)] == [one.path for one in predict(f"{name}/*.png")] == everything


def test_the_engine_s_results_are_native(predict: Any, folder: Path, model: NAS) -> None:
    (found,) = predict(folder / "1.png")
    (expected,) = model.predict(folder / "1.png", conf=0.5, imgsz=SIZE, verbose=False)
    assert isinstance(found.native, Results)
    assert (found.native.path, found.names) == (str(folder / "1.png"), model.names)
    np.testing.assert_allclose(found.boxes, expected.boxes.xyxy, atol=0.01)
    np.testing.assert_allclose(found.scores, expected.boxes.conf, atol=1e-4)


def test_a_stream_is_read_as_it_is_asked_for(predict: Any, folder: Path) -> None:
    asked: list[int] = []

    def paths() -> Any:
        for number in range(500):
            asked.append(number)
            yield folder / f"{number % 6}.png"

    stream = predict.stream(paths())
    assert [next(stream).index for _ in range(3)] == [0, 1, 2]
    stream.close()
    assert len(asked) < 50


@pytest.mark.parametrize("batch", [1, 4])
def test_frames_of_a_video_go_on_counting(predict: Any, folder: Path, tmp_path: Path, batch: int) -> None:
    height, width = picture(0).shape[:2]
    video = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (width, height))
    for seed in range(3):
        video.write(picture(seed))
    video.release()
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    found = predict([folder / "0.png", tmp_path / "v.avi", tmp_path / "broken.mp4", folder / "2.png"], batch=batch)
    assert [Path(one.path).name for one in found] == ["0.png", "v.avi", "v.avi", "v.avi", "broken.mp4", "2.png"]
    assert [one.index for one in found] == list(range(6))
    assert [bool(one.error) for one in found] == [False, False, False, False, True, False]


def test_it_neither_writes_nor_shows(model: NAS, predict: Any, folder: Path) -> None:
    for setting in (
        {"save": True},
        {"show": True},
        {"save_txt": True},
        {"project": "runs"},
        {"line_width": 3},
        {"show_labels": False},
    ):
        with pytest.raises(SettingError, match="writes and shows nothing"):
            predictor(model, **setting)
        with pytest.raises(SettingError):
            predict(folder / "0.png", **setting)
