"""What the engine writes of results: boxes beyond the border, class names of any kind, file names of any bytes."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import pickle
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from ultralytics.engine.results import Results
from ultralytics.utils import checks, downloads

from model_zoo_api.texts import printable
from tests.support.pictures import picture
from yolonas_plugin import NAS
from yolonas_plugin.errors import ExportError
from yolonas_plugin.images import read_image
from yolonas_plugin.names import as_file_name
from yolonas_plugin.nas.results import NASResults

pytestmark = pytest.mark.usefixtures("one_thread")
NAMES = {
    0: "../../up",
    1: "/tmp/absolute",
    2: "a\tb\n\x1b[2J",
    3: "con",
    4: "",
    5: "é狗\u202e",
    6: "\udce9",
    7: "x" * 300,
}


def result(names: dict[int, str] = NAMES, path: str = "image0.jpg") -> NASResults:
    """Boxes of every class: inside, beyond each border, around the image, and wholly outside on all sides."""
    boxes = [
        *([10, 10, 40, 30], [-20, 5, 15, 20], [130, 100, 400, 300], [-9, -9, 999, 999], [20, 20, 20.4, 20.4]),
        *([-50, 10, -10, 30], [10, -50, 30, -1], [151, 10, 200, 20], [10, 121, 30, 900], [-1e9, -1e9, 1e9, 1e9]),
    ]
    rows = [[*box, 0.9 - index / 100, index % len(names)] for index, box in enumerate(boxes)]
    return NASResults(picture(), path=path, names=names, boxes=torch.tensor(rows))


def everything(folder: Path) -> set[str]:
    return {os.path.relpath(os.path.join(place, name), folder) for place, _, names in os.walk(folder) for name in names}


def test_crops_stay_in_their_folder_whatever_classes_are_called(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c" / "crops"
    found = result()
    found.save_crop(folder, "picture.jpg")
    inside = [0, 1, 2, 3, 4, 9 % 8]
    expected = {str(Path(as_file_name(NAMES[index]), "picture.jpg")) for index in inside}
    expected.add(str(Path(as_file_name(NAMES[1]), "picture2.jpg")))
    assert everything(folder) == expected
    assert everything(tmp_path) == {f"a/b/c/crops/{path}" for path in expected}
    crop = read_image(str(folder / as_file_name("../../up") / "picture.jpg"))
    assert crop.shape[:2] == (31, 41)  # 20 x 30, a little enlarged
    found.save_crop(folder, "elsewhere/picture.jpg")
    assert len(everything(folder)) == 2 * len(expected)
    assert len(everything(tmp_path)) == 2 * len(expected)


def test_labels_are_inside_the_image(tmp_path: Path) -> None:
    result().save_txt(tmp_path / "x.txt", save_conf=True)
    rows = np.loadtxt(tmp_path / "x.txt", ndmin=2)
    assert rows[:, 0].tolist() == [0, 1, 2, 3, 4, 1]
    assert (rows[:, 1:3] - rows[:, 3:5] / 2 >= -1e-5).all()
    assert (rows[:, 1:3] + rows[:, 3:5] / 2 <= 1 + 1e-5).all()
    assert (rows[:, 3:5] > 0).all()
    none = result()[[5, 6, 7, 8]]
    none.save_txt(tmp_path / "none.txt")
    none.save_crop(tmp_path / "none")
    assert not (tmp_path / "none.txt").exists()
    assert not (tmp_path / "none").exists()


def test_boxes_beyond_the_border_are_drawn_to_it(tmp_path: Path) -> None:
    found = result({index: str(index) for index in range(10)})
    drawn = found.plot(labels=False)
    assert drawn.shape == (120, 150, 3)
    np.testing.assert_array_equal(drawn, found.within_image().plot(labels=False))
    np.testing.assert_array_equal(found[[5, 6, 7, 8]].plot(), picture())
    for settings in ({}, {"pil": True}):
        target = found.save(tmp_path / "drawn.png", labels=False, **settings)
        np.testing.assert_array_equal(read_image(target), drawn)
    assert np.asarray(found.plot(pil=True)).shape == (120, 150, 3)


def test_any_name_is_drawn_and_no_font_is_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[object] = []
    monkeypatch.setattr(downloads, "is_url", lambda *args, **settings: asked.append(args))
    monkeypatch.setattr(checks, "USER_CONFIG_DIR", tmp_path)
    for name in NAMES.values():
        drawn = result({0: name}).plot()
        assert (drawn != picture()).any()
    assert not asked


def test_names_are_kept_and_shown_escaped() -> None:
    found = result()
    line = found.verbose()
    assert line.isprintable()
    for name in ("../../up", "\\x1b[2J", "a\\tb\\n", "é狗\\u202e", "\\udce9"):
        assert name in line
    summary = found.summary()
    assert [row["name"] for row in summary[:3]] == [NAMES[0], NAMES[1], NAMES[2]]
    plain = result({index: name for index, name in NAMES.items() if index != 6} | {6: "six"})
    assert [row["name"] for row in json.loads(plain.to_json())[:3]] == [NAMES[0], NAMES[1], NAMES[2]]
    assert found.names == NAMES
    assert printable("a b é") == "a b é"


def test_results_are_the_engine_s_in_all_else() -> None:
    found = result()
    assert isinstance(found, Results)
    for other in (copy.deepcopy(found), pickle.loads(pickle.dumps(found)), found.cpu(), found.numpy(), found[:10]):
        assert isinstance(other, NASResults)
        assert other.names == NAMES
        np.testing.assert_array_equal(np.asarray(other.boxes.data), found.boxes.data.numpy())
        assert len(other.within_image()) == 6
        assert "up" in other.verbose()
    assert NASResults(picture(), path="x", names=NAMES).within_image().boxes is None


def test_a_safe_name_is_another_s_never() -> None:
    names = [
        *(
            "a",
            "a ",
            " a",
            "a.",
            ".",
            "..",
            "...",
            "",
            "%",
            "%2F",
            "/",
            "a/b",
            "a\\b",
            "a%2Fb",
            "nul",
            "NUL",
            "nul.txt",
        ),
        *("nul x", "com1", "com10", "a\0b", "a\nb", "\udce9", "é", "e\u0301", "x" * 140, "x" * 141, "x" * 142),
        *("é" * 70, "é" * 71, "~a", "COM¹", "-rf", "con ", "a:b", "%~", "狗" * 200, "狗" * 201),
    ]
    safe = [as_file_name(name) for name in names]
    assert len(set(safe)) == len(names)
    for one in safe:
        assert one.isprintable()
        assert not set('/\\:*?"<>|') & set(one)
        assert one[0] != "."
        assert one[-1] not in ". "
        assert 0 < len(one.encode()) <= 140
        assert one.split(".")[0].strip().upper() not in {"CON", "NUL", "COM1", "COM¹"}
    assert [as_file_name(name) for name in ("traffic light", "Naïve-3_b.c", "狗")] == [
        *("traffic light", "Naïve-3_b.c", "狗")
    ]


# --- a whole run ---


@pytest.mark.skipif(os.name != "posix", reason="names of any bytes")
def test_a_run_saves_everything_whatever_files_are_called(model: NAS, image: Path, video: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    raw = os.fsencode(folder)
    for name in (b"caf\xe9.png", b"a.png", b"a.jpg", b"tab\tnew\nline.png"):
        shutil.copy(os.fsencode(image), os.path.join(raw, name))
    shutil.copy(os.fsencode(video), os.path.join(raw, b"vid\xe9o.avi"))
    saving = {"save": True, "save_txt": True, "save_crop": True, "save_frames": True, "imgsz": 64, "max_det": 3}
    place = {"project": os.fsdecode(os.path.join(os.fsencode(tmp_path), b"r\xe9sultats")), "name": "out"}
    results = list(model.predict(folder, stream=True, batch=2, **saving, **place))
    assert len(results) == 10
    out = Path(place["project"], "out")
    files = everything(out)
    pictures = {"a", "a-2", "caf\udce9", "tab\tnew\nline"}
    assert {file for file in files if "/" not in file} == {f"{name}.jpg" for name in pictures} | {"vid\udce9o.avi"}
    assert {file for file in files if file.startswith("labels")} == {f"labels/{name}.txt" for name in pictures} | {
        f"labels/vid\udce9o_{frame}.txt" for frame in range(1, 7)
    }
    assert {file for file in files if "frames" in file} == {
        f"vid\udce9o_frames/vid\udce9o_{frame}.jpg" for frame in range(1, 7)
    }
    assert sum(file.startswith("crops/") for file in files) == sum(len(each.within_image()) for each in results)
    for name in pictures:
        assert read_image(str(out / f"{name}.jpg")).shape == (120, 150, 3)
    assert len(model.predict(out / "vid\udce9o.avi", imgsz=64, verbose=False)) == 6
    before = (out / "labels" / "a.txt").read_bytes()
    model.predict(folder, exist_ok=True, verbose=False, **saving, **place)
    assert (out / "labels" / "a.txt").read_bytes() == before  # replaced, not added to
    assert {file for file in everything(out) if not file.startswith("crops/")} == {
        file for file in files if not file.startswith("crops/")
    }


def test_crops_alone_are_saved_too(model: NAS, image: Path, tmp_path: Path) -> None:
    (found,) = model.predict(image, save_crop=True, project=str(tmp_path), name="x", verbose=False)
    assert len(everything(tmp_path / "x" / "crops")) == len(found.within_image()) > 0
    assert found.save_dir == str(tmp_path / "x")


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Every write beyond ``size`` bytes of a file fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("what", ["save", "save_crop", "save_txt", "video", "frames"])
def test_what_could_not_be_written_is_an_error_and_what_was_there_stays(
    what: str, model: NAS, image: Path, video: Path, tmp_path: Path
) -> None:
    source = video if what in ("video", "frames") else image
    asked = {"video": {"save": True}, "frames": {"save": True, "save_frames": True}}.get(what, {what: True})
    place = {"project": str(tmp_path), "name": "x", "exist_ok": True, "imgsz": 64, "verbose": False, "conf": 0.3}
    model.predict(source, **asked, **place)
    before = {name: (tmp_path / "x" / name).read_bytes() for name in everything(tmp_path / "x")}
    assert before
    found: list[object] = []
    with files_of_at_most(100), pytest.raises(ExportError, match="can't be written"):
        found.extend(model.predict(source, stream=True, **asked, **place))
    assert {name: (tmp_path / "x" / name).read_bytes() for name in everything(tmp_path / "x")} == before
    if what == "video":
        assert len(found) == 6
    assert not [name for name in everything(tmp_path) if name.endswith(".tmp")]


def test_a_folder_that_can_t_be_made_is_said_before_the_work(model: NAS, image: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ExportError, match="the folder can't be made"):
        model.predict(image, save=True, project=str(tmp_path / "file"), name="x", verbose=False)


def test_a_video_that_is_left_early_is_kept_so_far(model: NAS, video: Path, tmp_path: Path) -> None:
    stream = model.predict(video, stream=True, save=True, project=str(tmp_path), name="x", verbose=False, imgsz=64)
    next(stream), next(stream), stream.close()
    written = cv2.VideoCapture(str(tmp_path / "x" / "moving.avi"))
    assert int(written.get(cv2.CAP_PROP_FRAME_COUNT)) in (2, 3)
    assert everything(tmp_path / "x") == {"moving.avi"}
