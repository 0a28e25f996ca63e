"""The data set on disk: YOLO's layout, repeatable, with a record of every page."""

from __future__ import annotations

import json

import cv2
import pytest
import yaml

from page_layout import look
from page_layout.classes import NAMES
from page_layout.degrade import LONGEST
from page_layout.generate import generate
from page_layout.splits import Split

PAGES = 4


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    output = tmp_path_factory.mktemp("data")
    generate(output, Split.embedded("train"), PAGES, seed=1)
    return output


def test_every_page_has_an_image_and_labels_within_it(data):
    images = sorted((data / "images" / "train").iterdir())
    assert len(images) == PAGES
    for image in images:
        pixels = cv2.imread(str(image))
        assert max(pixels.shape[:2]) == LONGEST
        lines = (data / "labels" / "train" / f"{image.stem}.txt").read_text().splitlines()
        assert lines
        for line in lines:
            number, x, y, width, height = (float(part) for part in line.split())
            assert 0 <= number < len(NAMES)
            assert min(width, height) > 0
            assert -1e-5 <= x - width / 2 <= x + width / 2 <= 1 + 1e-5
            assert -1e-5 <= y - height / 2 <= y + height / 2 <= 1 + 1e-5


def test_data_yaml_names_the_classes_in_order(data):
    described = yaml.safe_load((data / "data.yaml").read_text())
    assert tuple(described["names"].values()) == NAMES
    assert described["train"] == "images/train"
    assert "val" not in described


def test_every_page_is_recorded(data):
    records = [json.loads(line) for line in (data / "pages-train.jsonl").read_text().splitlines()]
    assert [record["image"].split(".")[0] for record in records] == [f"{number:06d}" for number in range(PAGES)]
    assert all({"family", "language", "fonts", "degradations"} <= set(record) for record in records)
    for record in records:
        assert record["image"].endswith(".jpg" if record["degradations"] else ".png")


def test_the_same_seed_gives_the_same_bytes(data, tmp_path):
    generate(tmp_path, Split.embedded("train"), PAGES, seed=1)
    for folder in ("images/train", "labels/train"):
        for file in (data / folder).iterdir():
            assert (tmp_path / folder / file.name).read_bytes() == file.read_bytes()


def test_contact_sheets_can_be_drawn(data):
    assert look.main([str(data), "--count", "2", "--columns", "2", "--side", "300"]) == 0
    assert cv2.imread(str(data / "look-train-00.png")).shape == (300, 600, 3)
