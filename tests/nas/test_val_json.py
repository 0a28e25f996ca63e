"""``val(save_json=True)``: the data's own ids, so that COCO's programs measure what ``val`` does."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import cv2
import pytest
import yaml
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tests.support.bccd import write_yolo
from tests.support.engine import OLD_ENGINE
from tests.support.pictures import picture
from tests.support.shapes import NAMES
from yolonas_plugin import NAS
from yolonas_plugin.data import open_data

SHAPES = [(120, 150), (150, 120), (90, 200), (160, 160), (100, 130)]
CATEGORIES = {"disc": 90, "ring": 7, "cross": 41}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def measured(truth: Path, predictions: Path) -> tuple[float, float]:
    """mAP50-95 and mAP50 by pycocotools, without its limit of 100 boxes for an image."""
    with contextlib.redirect_stdout(io.StringIO()):
        data = COCO(str(truth))
        evaluation = COCOeval(data, data.loadRes(str(predictions)), "bbox")
        evaluation.params.maxDets = [1, 10, 300]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, 2]
    precision = precision[:, :, (precision > -1).all(axis=(0, 1))]
    return float(precision.mean()), float(precision[0].mean())


@pytest.fixture
def coco(model: NAS, tmp_path: Path) -> Path:
    """Half of what the model finds, some of it moved; ids that are neither in order, nor indices, nor file names."""
    images, annotations = [], []
    for number, (height, width) in enumerate(SHAPES):
        image = picture(number, height, width)
        name = f"{number % 3}/{number}.png"  # numbers that are other images' ids
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "images" / name), image)
        (found,) = model.predict(image, verbose=False, conf=0.5)
        images.append({"id": (number + 2) % 5, "file_name": name, "height": height, "width": width})
        rows = zip(found.boxes.xyxy.tolist(), found.boxes.cls.tolist(), strict=True)
        for i, ((x1, y1, x2, y2), label) in enumerate(rows):
            x1, y1, x2, y2 = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
            w, h = x2 - x1, y2 - y1
            if i % 2 and w > 2 and h > 2:
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": (number + 2) % 5,
                        "category_id": CATEGORIES[NAMES[int(label)]],
                        "bbox": [x1, y1, w * (1 - i % 3 / 10), h],
                        "area": w * h,
                        "iscrowd": 0,
                    }
                )
    categories = [{"id": number, "name": name} for name, number in CATEGORIES.items()]
    path = tmp_path / "annotations" / "instances_val.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path


def test_pycocotools_with_the_user_s_json_gives_val_s_map(model: NAS, coco: Path, tmp_path: Path) -> None:
    metrics = model.val(data=str(coco), save_json=True, project=str(tmp_path / "out"), name="val", verbose=False)
    written = tmp_path / "out" / "val" / "predictions.json"
    assert [path.name for path in written.parent.iterdir()] == ["predictions.json"]
    assert 0.1 < metrics.box.map < 0.9
    found, found50 = measured(coco, written)
    tolerance = 0.04 if OLD_ENGINE else 0.01  # the old one's AP goes on to recalls that nothing reached
    assert found == pytest.approx(metrics.box.map, abs=tolerance)
    assert found50 == pytest.approx(metrics.box.map50, abs=tolerance)
    rows = json.loads(written.read_text())
    assert {row["image_id"] for row in rows} == set(range(5))
    assert {row["category_id"] for row in rows} == set(CATEGORIES.values())


def test_boxes_of_classes_that_the_json_lacks_have_no_row(model: NAS, coco: Path, tmp_path: Path) -> None:
    described = json.loads(coco.read_text())
    described["categories"] = [item for item in described["categories"] if item["name"] != "disc"]
    described["annotations"] = [item for item in described["annotations"] if item["category_id"] != 90]
    coco.write_text(json.dumps(described))
    model.val(data=str(coco), save_json=True, project=str(tmp_path / "out"), name="val", verbose=False)
    rows = json.loads((tmp_path / "out" / "val" / "predictions.json").read_text())
    assert {row["category_id"] for row in rows} == {7, 41}


def test_without_ids_in_the_data_images_are_called_by_name_and_classes_numbered(
    model: NAS, coco: Path, tmp_path: Path
) -> None:
    for place in ("a/1.png", "b/1.png", "b/x.png", "b/007.png"):
        path = tmp_path / "yolo" / "images" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), picture(sum(place.encode()), 90, 120))
        path.with_suffix(".txt").write_text("2 .5 .5 .2 .2\n")
    described = {"path": str(tmp_path / "yolo"), "train": "images", "val": "images", "names": ["cross", "ring", "disc"]}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(described))
    model.val(data=str(tmp_path / "data.yaml"), save_json=True, project=str(tmp_path / "out"), verbose=False)
    (written,) = (tmp_path / "out").glob("*/predictions.json")
    rows = json.loads(written.read_text())
    assert {row["image_id"] for row in rows} == {"images/a/1", "images/b/1", "x", "007"}
    assert {row["category_id"] for row in rows} <= {1, 2, 3}


def test_nothing_is_written_that_was_not_asked_for_whatever_the_data_is_called(
    model: NAS, coco: Path, tmp_path: Path
) -> None:
    """The engine takes a path with "coco" in it, and with a list of this name, for COCO."""
    root = tmp_path / "coco"
    coco.parent.parent.joinpath("images").rename(tmp_path / "pictures")
    root.mkdir()
    (tmp_path / "pictures").rename(root / "pictures")
    for path in (root / "pictures").rglob("*.png"):
        path.with_suffix(".txt").write_text("0 .5 .5 .2 .2\n")
    (root / "val2017.txt").write_text("".join(f"{path}\n" for path in (root / "pictures").rglob("*.png")))
    described = {"path": str(root), "train": "val2017.txt", "val": "val2017.txt", "names": list(NAMES)}
    (root / "data.yaml").write_text(yaml.safe_dump(described))
    model.val(data=str(root / "data.yaml"), project=str(tmp_path / "out"), verbose=False)
    assert not (tmp_path / "out").exists()
    model.val(data=str(root / "data.yaml"), project=str(tmp_path / "out"), save_json=True, conf=0.9999, verbose=False)
    (written,) = (tmp_path / "out").rglob("*.*")
    assert json.loads(written.read_text()) == []


@pytest.mark.exhaustive
def test_on_bccd_pycocotools_gives_val_s_map(shared_data: Path, bccd_checkpoint: Path, tmp_path: Path) -> None:
    data = open_data(write_yolo(tmp_path / "bccd", shared_data / "bccd", "test"), ["val"])
    truth: dict = {"images": [], "annotations": [], "categories": []}
    truth["categories"] = [{"id": 10 * i + 3, "name": name} for i, name in enumerate(data.names)]
    for number, sample in enumerate(data.splits["val"]):
        height, width = sample.shape
        truth["images"].append({"id": 1000 - number, "file_name": sample.image, "height": height, "width": width})
        for label, (x, y, w, h) in zip(sample.classes, sample.boxes.astype(float), strict=True):
            box = [(x - w / 2) * width, (y - h / 2) * height, w * width, h * height]
            own = {"id": len(truth["annotations"]) + 1, "image_id": 1000 - number, "category_id": 10 * int(label) + 3}
            truth["annotations"].append({**own, "bbox": box, "area": box[2] * box[3], "iscrowd": 0})
    path = tmp_path / "val.json"
    path.write_text(json.dumps(truth))
    metrics = NAS(bccd_checkpoint).val(data=str(path), save_json=True, project=str(tmp_path / "out"), verbose=False)
    (written,) = (tmp_path / "out").glob("*/predictions.json")
    found, found50 = measured(path, written)
    assert found == pytest.approx(metrics.box.map, abs=0.005)
    assert found50 == pytest.approx(metrics.box.map50, abs=0.005)
    print(found, metrics.box.map, found50, metrics.box.map50)
