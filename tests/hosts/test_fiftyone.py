"""FiftyOne itself, on its own MongoDB: its zoo, its data sets, its evaluation. ``make hosts`` has its environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import fiftyone as fo
import fiftyone.zoo as foz
import numpy as np
import pytest
import yaml
from fiftyone.core.odm import database

from tests.hosts.conftest import DETECTORS, Known, render
from tests.support.bccd import Rows, write_yolo
from yolonas_plugin import NAS
from yolonas_plugin.errors import LicenceError, WeightsNotFoundError
from yolonas_plugin.hosts.fiftyone import load_model
from yolonas_plugin.hosts.fiftyone_zoo import main
from yolonas_plugin.skeleton import COCO_PERSON

pytestmark = pytest.mark.usefixtures("one_thread")

SOURCE = Path(__file__).parents[2] / "examples" / "fiftyone_zoo"
LAYOUT = "yolo-nas-n-layout"
CONF = 0.4


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All that FiftyOne writes is in a folder of its own, in this process and in those that it starts."""
    folder = tmp_path_factory.mktemp("fiftyone")
    with pytest.MonkeyPatch.context() as patch:
        for place in ("database_dir", "default_dataset_dir", "dataset_zoo_dir", "model_zoo_dir", "plugins_dir"):
            patch.setattr(fo.config, place, str(folder / place))
            patch.setenv(f"FIFTYONE_{place.upper()}", str(folder / place))
        patch.setattr(fo.config, "do_not_track", True)
        patch.setattr(fo.config, "show_progress_bars", False)
        patch.setenv("FIFTYONE_DO_NOT_TRACK", "true")
        patch.setenv("YOLONAS_WEIGHTS", str(folder / "weights"))
        yield folder
    service = database._db_service
    if service is not None and (mongod := service.child) is not None:
        service.stop()
        mongod.wait()  # before pytest deletes its files


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weight file of one's own, with names of its own."""
    model = NAS(LAYOUT, names=[f"part {number}" for number in range(12)])
    return Path(model.save(tmp_path_factory.mktemp("weights") / "own.safetensors"))


@pytest.fixture
def zoo(tmp_path: Path, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FiftyOne's zoo knows our models, and ``parts``."""
    path = tmp_path / "yolo-nas.json"
    assert main([str(path), f"parts={own}"]) == 0
    monkeypatch.setattr(fo.config, "model_zoo_manifest_paths", [str(path)])
    monkeypatch.setenv("FIFTYONE_MODEL_ZOO_MANIFEST_PATHS", str(path))


@pytest.fixture
def pages(page: np.ndarray, tmp_path: Path) -> list[Path]:
    """Pages and parts of pages, of different sizes; one is blank."""
    paths = [tmp_path / name for name in ("page.png", "blank.png", "part.png", "strip.png")]
    for path, image in zip(paths, (page, np.full_like(page, 255), page[:400], page[:, 200:]), strict=True):
        cv2.imwrite(str(path), image)
    return paths


def dataset(images: list[Path]) -> fo.Dataset:
    made = fo.Dataset()
    made.add_samples([fo.Sample(filepath=str(path)) for path in images])
    return made


def rows(found: fo.Detections, path: Path, names: dict[int, str]) -> Rows:
    height, width = cv2.imread(str(path)).shape[:2]
    labels = {name: index for index, name in names.items()}
    made = []
    for item in found.detections:
        x, y, w, h = item.bounding_box
        made.append((x * width, y * height, (x + w) * width, (y + h) * height, item.confidence, labels[item.label]))
    return np.array(made, dtype=np.float64).reshape(-1, 6)


def assert_is_predict(samples: fo.SampleCollection, model: NAS, **settings: Any) -> int:
    """Hold what is in ``found`` to the boxes of ``NAS.predict``, clipped to the image; return how many there are."""
    boxes = 0
    for sample in samples:
        (result,) = model.predict(sample.filepath, verbose=False, **{"conf": CONF, **settings})
        wanted = result.boxes.data.double().numpy()
        height, width = result.orig_shape
        wanted[:, :4] = wanted[:, :4].clip(0, (width, height, width, height))
        found = rows(sample.found, Path(sample.filepath), model.names)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-3)
        boxes += len(wanted)
    return boxes


def test_fiftyone_is_imported_after_plugins_were_discovered() -> None:
    """It reads its own metadata while it is imported, and fails where importlib-metadata has replaced the finders."""
    code = "from model_zoo_api import ModelZoo; print(*ModelZoo.discover().providers); import fiftyone"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "yolo_nas" in done.stdout.split()


@DETECTORS
def test_apply_model_finds_what_predict_finds(known: Known) -> None:
    samples = dataset(known.images[:4])
    samples.apply_model(load_model(known.weights), "found", confidence_thresh=CONF)
    assert assert_is_predict(samples, NAS(known.weights)) > 20
    samples.apply_model(load_model(known.weights, confidence_thresh=0.7, iou=0.3), "fewer")
    assert 0 < samples.count("fewer.detections") < samples.count("found.detections")
    assert samples.bounds("fewer.detections.confidence")[0] >= 0.7


def test_poses_are_keypoints_each_linked_to_its_box(pose_weights: Path, pages: list[Path]) -> None:
    model, nas = load_model(pose_weights, confidence_thresh=0.6), NAS(pose_weights)
    samples = dataset(pages)
    samples.apply_model(model, "found", batch_size=3)
    samples.skeletons["found_keypoints"] = model.skeleton
    samples.save()
    assert (model.skeleton.labels, len(model.skeleton.edges)) == (list(COCO_PERSON.names), len(COCO_PERSON.edges))
    for sample in samples:
        (expected,) = nas.predict(sample.filepath, conf=0.6, verbose=False)
        height, width = expected.orig_shape
        expected = expected.within_image()
        boxes, points = sample.found_detections.detections, sample.found_keypoints.keypoints
        assert len(boxes) == len(points) == len(expected) > 0
        assert [one.instance.id for one in boxes] == [one.instance.id for one in points]
        assert {one.label for one in points} == {"person"}
        found = np.dstack(
            ([one.points for one in points] * np.array((width, height)), [one.confidence for one in points])
        )
        np.testing.assert_allclose(found, expected.keypoints.data.numpy(), rtol=0, atol=1e-3)
        np.testing.assert_allclose([one.confidence for one in boxes], expected.boxes.conf, atol=1e-5)
    assert load_model(LAYOUT).skeleton is None


def test_the_zoo_loads_it_and_batches_may_have_images_of_all_sizes(zoo: None, pages: list[Path]) -> None:
    model = foz.load_zoo_model(LAYOUT)
    samples = dataset(pages)
    samples.apply_model(model, "found", batch_size=3, confidence_thresh=CONF)
    assert assert_is_predict(samples, NAS("yolo_nas_n_layout")) > 10
    assert [sample.found.detections == [] for sample in samples] == [False, True, False, False]


def test_the_zoo_passes_options_on(zoo: None, pages: list[Path]) -> None:
    pytest.importorskip("openvino")
    options = {"runtime": "openvino", "names": list("abcdefghijkl")}
    samples = dataset(pages)
    samples.apply_model(foz.load_zoo_model(LAYOUT, imgsz=320, conf=CONF, **options), "found", batch_size=4)
    assert assert_is_predict(samples, NAS(LAYOUT, **options), imgsz=320) > 5


def test_names_that_the_zoo_has(zoo: None) -> None:
    ours = {"parts", "yolo-nas-s", "yolo-nas-m", "yolo-nas-l", LAYOUT}
    assert ours <= set(foz.list_zoo_models())
    assert foz.list_zoo_models(tags="yolo", license="Apache-2.0").count(LAYOUT) == 1
    assert "yolo-nas-torch" in foz.list_zoo_models()  # FiftyOne's own, which needs super-gradients
    with pytest.raises(ValueError, match="'yolo-nas-x' not found in the zoo"):
        foz.load_zoo_model("yolo-nas-x")


def test_published_weights_are_not_downloaded_before_their_licence_is_accepted(
    zoo: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WeightsNotFoundError, match=r"yolo_nas_s_coco\.pth"):
        foz.load_zoo_model("yolo-nas-s")
    monkeypatch.delenv("YOLONAS_OFFLINE")
    with pytest.raises(LicenceError, match="LicenseRef-Deci-YOLO-NAS"):
        foz.load_zoo_model("yolo-nas-s")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """An archive with the remote source, on a server of this machine."""
    shutil.make_archive(str(tmp_path / "source"), "zip", SOURCE)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/source.zip"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_remote_source_is_registered_downloads_and_loads(url: str, home: Path, pages: list[Path]) -> None:
    foz.register_zoo_model_source(url)
    assert {"yolo-nas-s", LAYOUT} <= set(foz.list_zoo_models(source=url))
    assert not foz.is_zoo_model_downloaded(LAYOUT)
    model = foz.load_zoo_model(LAYOUT, confidence_thresh=CONF)
    kept = home / "model_zoo_dir" / "yolonas-plugin" / "yolo_nas_n_layout.safetensors"
    assert foz.find_zoo_model(LAYOUT) == str(kept)
    samples = dataset(pages[:1])
    samples.apply_model(model, "found")
    assert assert_is_predict(samples, NAS(kept)) > 5
    foz.delete_zoo_model_source(url)
    assert not kept.exists()


def test_an_unreadable_image_is_skipped_and_the_others_are_kept(pages: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(pages[0].read_bytes()[:100])
    samples = dataset([pages[0], broken, pages[2]])
    model = load_model(LAYOUT, confidence_thresh=CONF)
    samples.apply_model(model, "found")
    assert [sample.found is None for sample in samples] == [False, True, False]
    assert assert_is_predict(samples.exists("found"), NAS(LAYOUT)) > 10
    with pytest.raises(OSError, match=r"broken\.png"):
        samples.apply_model(model, "again", skip_failures=False)
    samples.apply_model(model, "by_two", batch_size=2)  # FiftyOne drops a batch as a whole
    assert [sample.by_two is None for sample in samples] == [True, True, False]


def test_its_evaluation_measures_what_val_measures(tmp_path: Path) -> None:
    """The truth is what the model itself finds, some of it moved or left out."""
    data = write_truth(tmp_path / "yolo", pages=8)
    result, measured = evaluated(LAYOUT, data, images=8)
    assert 0.3 < measured < 0.9
    assert abs(result - measured) < 0.01  # two ways to take the area below a curve


def test_its_evaluation_measures_on_bccd_what_val_measures(
    shared_data: Path, bccd_checkpoint: Path, tmp_path: Path
) -> None:
    data = write_yolo(tmp_path / "yolo", shared_data / "bccd", "test")
    for path in sorted((tmp_path / "yolo" / "images").iterdir())[24:]:
        path.unlink()
    result, measured = evaluated(str(bccd_checkpoint), data, images=24)
    assert abs(result - measured) < 0.01


def evaluated(weights: str, data: Path, images: int) -> tuple[float, float]:
    """mAP50-95 on a data set in YOLO's layout, by FiftyOne and by ``val``."""
    samples = fo.Dataset.from_dir(yaml_path=str(data), dataset_type=fo.types.YOLOv5Dataset, split="val")
    assert len(samples) == images
    samples.apply_model(load_model(weights), "found", confidence_thresh=0.01)
    result = samples.evaluate_detections("found", gt_field="ground_truth", compute_mAP=True).mAP()
    measured = NAS(weights).val(data=str(data), verbose=False).box.map
    print(f"mAP50-95: FiftyOne {result:.4f}, val {measured:.4f}")
    return result, measured


def write_truth(folder: Path, pages: int) -> Path:
    """Write the demo's page in some sizes, with boxes near those that the model finds; return its data.yaml.

    None is of a class that is there less than 20 times: two ways to take an area agree where there is much to find.
    """
    rng = np.random.RandomState(0)
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    paths = [folder / "images" / f"{number}.png" for number in range(pages)]
    for number, path in enumerate(paths):
        cv2.imwrite(str(path), render(0.8 + 0.1 * number))
    model = NAS(LAYOUT)
    found = [result.boxes for result in model.predict(paths, conf=0.5, verbose=False)]
    common = np.bincount(np.concatenate([boxes.cls.int().numpy() for boxes in found])) >= 20
    for path, boxes in zip(paths, found, strict=True):
        lines = []
        for (x, y, w, h), label in zip(boxes.xywhn.tolist(), boxes.cls.int().tolist(), strict=True):
            if common[label] and rng.rand() > 0.15:
                x, y = x + rng.normal(0, 0.05) * w, y + rng.normal(0, 0.05) * h
                lines.append(f"{label} {x} {y} {w} {h}")
        (folder / "labels" / f"{path.stem}.txt").write_text("\n".join(lines))
    data = folder / "data.yaml"
    content = {"path": str(folder), "train": "images", "val": "images", "names": list(model.names.values())}
    data.write_text(yaml.safe_dump(content))
    return data


def fiftyone(*arguments: str, cwd: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [str(Path(sys.executable).with_name("fiftyone")), *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_line_lists_and_applies_a_weight_file_of_ones_own(
    zoo: None, own: Path, pages: list[Path], tmp_path: Path
) -> None:
    lines = fiftyone("zoo", "models", "list", cwd=tmp_path).splitlines()
    listed = {line.split()[0]: line for line in lines if line.strip()}
    assert {"parts", LAYOUT} <= listed.keys()
    assert "LicenseRef-Deci-YOLO-NAS" in listed["yolo-nas-s"]
    samples = dataset(pages[:2])
    samples.persistent = True
    fiftyone("zoo", "models", "apply", "parts", samples.name, "found", "--confidence-thresh", "0.4", cwd=tmp_path)
    samples.reload()
    assert assert_is_predict(samples, NAS(own)) > 10


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match=r"nothing\.pth"):
        load_model(tmp_path / "nothing.pth")
    with pytest.raises(WeightsNotFoundError, match="did you mean 'yolo_nas_s'"):
        load_model("yolo_nas_ss")
