"""VIAME itself, from its command line, with models of several providers. ``make hosts`` has its environment."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw
from viame.config import empty_config
from viame.types import ImageContainer

from model_zoo_api import Detections, ModelZoo
from model_zoo_api.bridges.viame import ModelZooDetector
from model_zoo_api.detections import SHOWN
from model_zoo_api.errors import SourceError
from sites import Site

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "examples" / "provider_template" / "acme_zoo"
PIPELINE = ROOT / "examples" / "viame" / "detector_model_zoo.pipe"
VIAME = Path(sys.executable).with_name("viame")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """The template's provider is installed here, beside what is installed for real."""
    site = Site(tmp_path / "site")
    files = {f"acme_zoo/{path.name}": path.read_text() for path in TEMPLATE.glob("*.*") if path.is_file()}
    site.add("acme-zoo", "0.1.0", entry_points={"acme": "acme_zoo.plugin"}, files={**files, "acme_zoo/__init__.py": ""})
    return site


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with a red and a blue thing on white, in RGB, and a grey thing on white, in grey."""
    picture = Image.new("RGB", (200, 120), "white")
    ImageDraw.Draw(picture).rectangle((20, 30, 80, 90), fill="red")
    ImageDraw.Draw(picture).rectangle((120, 10, 180, 60), fill="blue")
    folder = tmp_path / "pictures"
    folder.mkdir()
    picture.save(folder / "a.png")
    picture.convert("L").save(folder / "b.png")
    return folder


def viame(*arguments: str, cwd: Path, site: Site | None = None) -> subprocess.CompletedProcess[str]:
    before = [str(site.path)] if site else []
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([*before, os.environ.get("PYTHONPATH", "")])}
    command = [str(VIAME), *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)


def run(pictures: Path, *, site: Site | None = None, pipeline: Path = PIPELINE, **settings: object) -> list[list[str]]:
    """Run a pipeline on a folder and return the rows of what it wrote: index, file, frame, box, score, ..."""
    folder = pictures.parent
    (folder / "list.txt").write_text("".join(f"{path}\n" for path in sorted(pictures.iterdir())))
    done = viame(
        "runner", str(pipeline), "-s", "input:video_filename=list.txt", *given(settings), cwd=folder, site=site
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return rows_of(folder / "computed_detections.csv")


def given(settings: Mapping[str, object]) -> list[str]:
    """Return words of the command line that configure the detector."""
    return [word for name, value in settings.items() for word in ("-s", f"detector:detector:model_zoo:{name}={value}")]


def rows_of(table: Path) -> list[list[str]]:
    with table.open(newline="") as file:
        return [row for row in csv.reader(file) if not row[0].startswith("#")]


def refused(folder: Path, site: Site, settings: Mapping[str, object]) -> str:
    """Have VIAME run a pipeline that it can't, and return what it says."""
    (folder / "list.txt").write_text("no.png\n")
    done = viame(
        "runner", str(PIPELINE), "-s", "input:video_filename=list.txt", *given(settings), cwd=folder, site=site
    )
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "The process 'detector' has a configuration issue: Configuration check failed." in said
    assert "Traceback" not in said
    assert "At:\n" not in said  # VIAME's words for where in Python an exception came from
    return said


def test_it_is_in_viame_s_list_with_what_every_provider_may_be_told(site: Site, tmp_path: Path) -> None:
    done = viame("registry-dump", cwd=tmp_path, site=site)
    assert done.returncode == 0, done.stderr
    known = json.loads(done.stdout[done.stdout.index("{") :])["algorithms"]["image_object_detector"]["model_zoo"]
    assert {"model", "provider", "conf", "accept_licence", "runtime"} <= known["config"].keys()
    assert not {"progress", "cancelled"} & known["config"].keys()  # nobody writes a function


def test_another_provider_s_model_is_a_detector_by_installing_it(site: Site, pictures: Path, tmp_path: Path) -> None:
    (pictures / "c.png").write_bytes(b"no picture")
    settings = given({"model": "acme_tiny", "conf": 0.6})
    done = viame("run", str(PIPELINE), f"{pictures}/", "-o", "found", *settings, cwd=tmp_path, site=site)
    assert done.returncode == 0, done.stdout + "".join(path.read_text() for path in tmp_path.glob("found/logs/*"))
    rows = rows_of(tmp_path / "found" / "pictures_detections.csv")
    assert [(row[1], row[9]) for row in rows] == [("a.png", "red"), ("a.png", "blue")]  # in grey there is no colour
    boxes = [list(map(float, row[3:7])) for row in rows]
    assert boxes == [pytest.approx([20, 30, 81, 91], abs=3), pytest.approx([120, 10, 181, 61], abs=3)]
    assert all(0.9 < float(row[7]) <= 1 and row[7] == row[10] for row in rows)


def test_of_a_video_every_frame_has_its_rows(site: Site, tmp_path: Path) -> None:
    frames = cv2.VideoWriter(str(tmp_path / "moving.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 5, (200, 120))
    for index in range(3):
        frame = np.full((120, 200, 3), 255, np.uint8)
        frame[30:90, 20 + 30 * index : 80 + 30 * index] = (0, 0, 255)  # red, as OpenCV has it
        frames.write(frame)
    frames.release()
    words = ("-s", "input:video_filename=moving.mp4", "-s", "input:video_reader:type=vidl_ffmpeg")
    settings = given({"model": "acme_tiny", "conf": 0.6})
    done = viame("runner", str(PIPELINE), *words, *settings, cwd=tmp_path, site=site)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = rows_of(tmp_path / "computed_detections.csv")
    assert [(row[2], row[9]) for row in rows] == [("0", "red"), ("1", "red"), ("2", "red")]
    assert [float(row[3]) for row in rows] == pytest.approx([20, 50, 80], abs=4)


def test_two_detectors_at_once_find_what_the_zoo_s_predictors_find(
    page: np.ndarray, pose_weights: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    Image.fromarray(np.ascontiguousarray(page[..., ::-1])).save(folder / "page.png")
    parts = run(folder, pipeline=with_a_second_one(pose_weights, tmp_path), model="yolo_nas_n_layout", conf=0.4)
    zoo = ModelZoo.discover()
    with zoo.predictor("yolo_nas_n_layout", conf=0.4) as predict:
        check(parts, predict(folder)[0])
    assert len(parts) > 5
    people = rows_of(tmp_path / "second.csv")
    with zoo.predictor(pose_weights, provider="yolo_nas", conf=0.1, max_det=3) as predict:
        found = predict(folder)[0]
    check(people, found)
    assert len(people) == 3
    for row, points in zip(people, found.keypoints.tolist(), strict=True):
        names = zip(found.keypoint_names, points, strict=True)
        shown = {name: pytest.approx((x, y), abs=1.01) for name, (x, y, score) in names if score >= SHOWN}
        words = [cell.split() for cell in row[11:]]
        assert {name: (float(x), float(y)) for mark, name, x, y in words if mark == "(kp)"} == shown != {}


def with_a_second_one(weights: Path, folder: Path) -> Path:
    """Return a pipeline with one more detector, of a weight file for poses, and with one more table, ``second.csv``."""
    text = PIPELINE.read_text()
    second = text[text.index("process detector\n") :].replace("computed_detections", "second")
    for name in ("detector_writer", "detector"):
        for before, after in (("process ", "\n"), ("from ", "."), ("to   ", ".")):
            second = second.replace(f"{before}{name}{after}", f"{before}second_{name}{after}")
    second = second.replace("yolo_nas_s ", f"{weights}\n    :provider yolo_nas\n    :conf 0.1\n    :max_det 3\n")
    path = folder / "both.pipe"
    path.write_text(text + second)
    return path


def check(rows: list[list[str]], expected: Detections) -> None:
    """See that a table has what was found, in its order."""
    assert [row[9] for row in rows] == [expected.names[int(label)] for label in expected.labels]
    np.testing.assert_allclose([list(map(float, row[3:7])) for row in rows], expected.boxes, rtol=1e-4, atol=0.1)
    np.testing.assert_allclose([float(row[7]) for row in rows], expected.scores, atol=1e-3)


def test_a_class_name_with_a_comma_stays_in_its_column(site: Site, pictures: Path, tmp_path: Path) -> None:
    record = json.loads((TEMPLATE / "acme_tiny.json").read_text())
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({**record, "names": ["red, bright", "blue"]}))
    rows = run(pictures, site=site, model=path, provider="acme", conf="0.6")
    assert [row[9] for row in rows] == ["red; bright", "blue"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": ""}, "no model is given; known are acme_tiny, yolo_nas_s, "),
        ({"model": "acme_tinny"}, "no model is named 'acme_tinny'; did you mean 'acme_tiny'?"),
        ({"model": "acme_tiny", "provider": "acne"}, "no provider is named 'acne'; did you mean 'acme'?"),
        (
            {"model": "acme_tiny", "config": 0.4},
            "the predictor of 'acme' has no setting 'config'; did you mean 'conf'?",
        ),
        ({"model": "acme_tiny", "conf": 4}, "conf=4.0 must be a number from 0 to 1"),
        ({"model": "list.txt"}, "'list.txt' is a path: say which provider reads it, provider is one of acme, yolo_nas"),
        ({"model": "list.txt", "provider": "acme"}, "list.txt holds no weights for acme"),
    ],
)
def test_what_is_wrong_is_said_before_the_first_image(
    site: Site, tmp_path: Path, settings: dict[str, object], said: str
) -> None:
    assert f"detector model_zoo: {said}" in refused(tmp_path, site, settings).replace(f"{tmp_path}/", "")


@pytest.mark.parametrize(
    ("offline", "said"),
    [("", "licence"), ("1", "YOLONAS_OFFLINE forbids downloading them")],
    ids=["licence", "offline"],
)
def test_weights_that_are_not_there(
    offline: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("YOLONAS_OFFLINE", offline)
    monkeypatch.setenv("YOLONAS_CACHE", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert not ModelZooDetector().check_configuration(configured(model="yolo_nas_s"))
    assert said in caplog.text


def configured(**texts: str):
    configuration = empty_config()
    for name, text in texts.items():
        configuration.set_value(name, text)
    return configuration


def test_what_viame_could_not_read_has_no_objects_and_other_pixels_are_refused() -> None:
    detector = ModelZooDetector()
    detector.set_configuration(configured(model="yolo_nas_n_layout"))
    assert detector.detect(None).size() == 0
    with pytest.raises(SourceError, match="an image has uint16 pixels in 1 channels, where models take bytes"):
        detector.detect(ImageContainer.fromarray(np.zeros((20, 30), np.uint16)))
    assert detector.detect(ImageContainer.fromarray(np.zeros((20, 30, 4), np.uint8))).size() == 0


def test_viame_s_start_pays_for_no_zoo(tmp_path: Path) -> None:
    ours = "(name for name in sys.modules if 'zoo' in name or 'yolo' in name)"
    code = f"import model_zoo_api.bridges.viame, sys; print(*{ours})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    bridge = "model_zoo_api.bridges"
    assert set(done.stdout.split()) == {"model_zoo_api", bridge, f"{bridge}.viame", f"{bridge}.viame.detector"}
