"""What the engine is fed: no input ends the process or the run; what can't be read is reported, the rest is used."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.support import hostile_images
from tests.support.pictures import picture
from yolonas_plugin import NAS
from yolonas_plugin.errors import SourceError
from yolonas_plugin.nas import loaders
from yolonas_plugin.nas.loaders import FileLoader
from yolonas_plugin.nas.sources import list_files

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.skipif(os.name != "posix", reason="pipes, devices and names of any bytes")
def test_what_is_no_image_costs_nothing_but_itself(model: NAS, image: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    kept, refused = hostile_images.fill(folder, image)
    refused.remove(b"huge.pgm")  # which the engine doesn't look for
    for source in (folder, [folder], str(folder / "**")):
        results = model.predict(source, imgsz=64, stream=True, batch=2)  # with the engine's log
        assert hostile_images.names([result.path for result in results]) == kept
        assert hostile_images.names(model.predictor.skipped) == refused
    for name in ("pipe.jpg", "pipe.mp4", "huge.png", "zero.png"):
        with pytest.raises(SourceError, match=f"could not read an image from .*{name}"):
            model.predict(folder / name, verbose=False)


@pytest.mark.skipif(os.name != "posix", reason="names of any bytes")
def test_a_video_is_read_whatever_its_name(model: NAS, video: Path) -> None:
    target = os.path.join(os.fsencode(video.parent), b"vid\xe9o\xff.avi")
    shutil.move(os.fsencode(video), target)
    assert len(model.predict(os.fsdecode(target), imgsz=64, verbose=False)) == 6


def test_files_may_be_named_in_a_list(model: NAS, image: Path, tmp_path: Path) -> None:
    shutil.copy(image, tmp_path / "beside.png")
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbf" + os.fsencode(image) + b"\n\nbeside.png\r\ngone\xe9.png\n")
    (tmp_path / "list.csv").write_text(f'source\n"{image}"\nbeside.png,{image}\n')
    assert list_files(tmp_path / "list.csv") == [str(image), str(tmp_path / "beside.png"), str(image)]
    results = model.predict(tmp_path / "list.txt", imgsz=64, verbose=False)
    assert [result.path for result in results] == [str(image), str(tmp_path / "beside.png")]
    assert hostile_images.names(model.predictor.skipped) == {b"gone\xe9.png"}


def test_a_batch_ends_early_when_its_pixels_are_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sides = [40, 40, 400, 40, 40, 40, 400, 400]
    for index, side in enumerate(sides):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((side, side, 3), index, np.uint8))
    monkeypatch.setattr(loaders, "MOST_BYTES", 3 * 400 * 400)
    files = list_files(tmp_path)
    batches = [[int(image[0, 0, 0]) for image in images] for _, images, _ in FileLoader(files, 4, 1, 3)]
    assert batches == [[0, 1, 2], [3, 4, 5, 6], [7]]
    several = [int(image[0, 0, 0]) for _, images, _ in FileLoader(files, 64, 1, 3) for image in images]
    assert several == list(range(8))


def test_a_batch_has_images_or_frames_of_one_video(video: Path, image: Path, tmp_path: Path) -> None:
    shutil.copy(video, tmp_path / "second.avi")
    (tmp_path / "empty.mp4").write_bytes(b"no video")
    files = [str(video), str(tmp_path / "empty.mp4"), str(image), str(tmp_path / "second.avi")]
    loader = FileLoader(files, 4, 1, 3)
    assert [paths for paths, _, _ in loader] == [
        [str(image)],
        [str(video)] * 4,
        [str(video)] * 2,
        [str(tmp_path / "second.avi")] * 4,
        [str(tmp_path / "second.avi")] * 2,
    ]
    assert loader.unreadable == [str(tmp_path / "empty.mp4")]
    grey = FileLoader([str(video)], 1, 2, 1)
    assert [images[0].shape for _, images, _ in grey] == [(120, 150, 1)] * 3
    assert picture().shape == (120, 150, 3)


def test_files_among_arrays_are_read_like_any_others(model: NAS, image: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(hostile_images.HUGE["huge.png"])
    (tmp_path / "dead.png").symlink_to(tmp_path / "nowhere")
    source = [picture(1), image, tmp_path / "bad.png", tmp_path / "dead.png", "http://127.0.0.1:9/x.png", picture(2)]
    results = model.predict(source, imgsz=64, verbose=False, batch=2)
    assert [result.path for result in results] == ["image0.jpg", str(image), "image5.jpg"]
    np.testing.assert_array_equal(results[1].orig_img, picture())
    assert model.predictor.skipped == [*map(str, source[2:4]), source[4]]
    with pytest.raises(SourceError, match="could not read an image from http"):
        model.predict(source[4:5], verbose=False)


def test_an_opened_image_that_is_cut_short_is_an_error(model: NAS, image: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.png").write_bytes(image.read_bytes()[:3000])
    with (
        Image.open(tmp_path / "cut.png") as cut,
        pytest.raises(SourceError, match=r"cut\.png: its pixels can't be read"),
    ):
        model.predict(cut, verbose=False)
