"""Labels that exist are used, or are a fault; an image whose labels were lost is never background."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from tests.support.data_sets import SPLITS, Box, Picture, write_image, write_yolo
from yolonas_plugin.cli import main
from yolonas_plugin.data import Kind, check_data, open_data
from yolonas_plugin.errors import SourceError

LINE = "0 .5 .5 .2 .2\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """train: a1 and a2 with labels, a3 without; val: b1."""
    return write_yolo(tmp_path, {split: SPLITS[split] for split in ("train", "val")})


def lost(root: Path) -> set[str]:
    """What has labels that aren't read, after checking that no such image is used."""
    data = open_data(root)
    places = {place for f in data.report.findings if f.kind is Kind.LABELS_UNUSED for place in f.places}
    used = [sample.image for samples in data.splits.values() for sample in samples]
    expected = {str(root / place.split(", and not ")[1]) for place in places}
    assert not expected & {image.replace("/images/", "/labels/").replace(".png", ".txt") for image in used}
    assert data.report.images_lost == len(places)
    return {place.split(", and not ")[0] for place in places}


@pytest.mark.parametrize(
    "place",
    [
        "lables/train/a3.txt",
        "label/train/a3.txt",
        "Labels/train/a3.txt",
        "annotations/a3.txt",
        "a3.txt",
        "labels/a3.txt",
        "labels/Train/a3.txt",
        "labels/train/a3.png.txt",
        "labels/train/a3.TXT",
        "labels/train/A3.txt",
        "obj_train_data/a3.txt",
    ],
)
def test_labels_that_lie_elsewhere_are_a_fault(place: str, root: Path) -> None:
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).write_text(LINE)
    assert lost(root) == {place}


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("Annotations/a3.xml", "<annotation><object><bndbox/></object></annotation>"),
        ("images/train/a3.json", '{"shapes": [{"points": [[1, 2], [3, 4]]}]}'),
        ("coco/a3.json", '[{"bbox": [1, 2, 3, 4]}]'),
        ("KITTI/a3.txt", "Car 0.00 0 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n"),
    ],
)
def test_labels_of_another_format_are_a_fault(place: str, content: str, root: Path) -> None:
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).write_text(content)
    assert lost(root) == {place}


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("captions/a3.txt", "a photo of a cat, 4 legs\n"),
        ("images/train/a3.txt", "a disc and two rings\n"),
        ("meta/a3.json", '{"camera": "X100"}'),
        ("runs/detect/predict/labels/a3.txt", LINE),
        (".cache/a3.txt", LINE),
        ("backup/a1.txt", LINE),
        ("README.txt", "Exported by hand on 1 2 3 4.\n"),
    ],
)
def test_what_is_no_label_of_an_image_without_any_is_no_fault(place: str, content: str, root: Path) -> None:
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).write_text(content)
    report = check_data(root)
    assert report.counts() == {"background": 1, "class_unused": 2}


def test_accents_written_otherwise_make_no_other_name(root: Path) -> None:
    write_image(root / "images" / "train" / "caf\u00e9.png", Picture("other", 40, 40))
    (root / "labels" / "train" / "cafe\u0301.txt").write_text(LINE)
    assert lost(root) == {"labels/train/cafe\u0301.txt"}
    assert "label_stray" not in check_data(root).counts()


def test_a_file_belongs_to_the_image_whose_folders_are_called_alike(root: Path) -> None:
    write_image(root / "images" / "val" / "a3.png", Picture("other", 40, 40))
    (root / "lables" / "train").mkdir(parents=True)
    (root / "lables" / "train" / "a3.txt").write_text(LINE)
    assert lost(root) == {"lables/train/a3.txt"}
    assert check_data(root).splits["val"].backgrounds == 1


def test_labels_of_images_that_no_split_lists_are_left_alone(root: Path) -> None:
    write_image(root / "images" / "spare" / "a3.png", Picture("other", 40, 40))
    (root / "labels" / "spare").mkdir()
    (root / "labels" / "spare" / "a3.txt").write_text(LINE)
    assert lost(root) == set()


def test_images_outside_the_data_set_s_folder_have_their_labels_looked_for_there(tmp_path: Path) -> None:
    write_yolo(tmp_path / "far")
    (tmp_path / "far" / "labels").rename(tmp_path / "far" / "lbl")
    (tmp_path / "near").mkdir()
    described = {"train": str(tmp_path / "far/images/train"), "val": str(tmp_path / "far/images/val"), "names": ["a"]}
    (tmp_path / "near" / "data.yaml").write_text(yaml.safe_dump(described))
    with pytest.raises(SourceError, match=r"2 x labels where they are not looked for in train, image left out: "):
        check_data(tmp_path / "near" / "data.yaml", ["val", "train"])


def test_labels_in_a_folder_that_is_not_read_and_that_belong_to_no_image_are_said(root: Path) -> None:
    (root / "lables").mkdir()
    (root / "lables" / "elsewhere.txt").write_text(LINE)
    assert check_data(root).counts()["label_stray"] == 1


def test_labels_without_an_image_are_found_beside_a_folder_without_labels(root: Path) -> None:
    """The first of two folders has no labels at all."""
    (root / "images" / "train").rename(root / "images" / "all")
    shutil.rmtree(root / "labels" / "train")
    described = yaml.safe_load((root / "data.yaml").read_text()) | {"train": ["images/all", "images/val"]}
    (root / "labels" / "val" / "stray.txt").write_text(LINE)
    assert check_data(described, ["train"]).counts()["label_stray"] == 1


def test_every_way_in_says_the_same_of_a_misspelt_folder(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "labels" / "train" / "a1.txt").rename(root / "a1.txt")
    said = "fault: 1 x labels where they are not looked for in train, image left out: a1.txt, and not labels/train/a1"
    assert main(["check-data", str(root)]) == 3
    assert said in capsys.readouterr().out
    (root / "labels").rename(root / "lables")
    assert main(["check-data", str(root)]) == 1
    assert "no image of 'val' can be used" in (error := capsys.readouterr().err)
    assert "1 x labels where they are not looked for in val, image left out: lables/val/b1.txt" in error


def test_labels_beside_images_in_a_folder_named_images_are_used(tmp_path: Path) -> None:
    boxes = [Box("ring", 4, 4, 8, 8)]
    root = write_yolo(tmp_path, {"train": [Picture("a", 40, 40, boxes), Picture("b", 50, 40, boxes)], "val": []})
    (root / "labels" / "train" / "b.txt").rename(root / "images" / "train" / "b.txt")
    write_image(root / "images" / "val" / "c.png", Picture("c", 30, 30))
    shutil.copy(root / "labels" / "train" / "a.txt", root / "images" / "val" / "c.txt")
    data = open_data(root)
    assert [len(sample.boxes) for sample in data.splits["train"]] == [1, 1]
    assert [len(sample.boxes) for sample in data.splits["val"]] == [1]
    assert data.report.faults == ()
    assert data.report.counts()["labels_beside"] == 2


def test_of_two_label_files_the_engine_s_is_used_and_the_other_is_a_fault(root: Path) -> None:
    shutil.copy(root / "labels" / "val" / "b1.txt", root / "images" / "val" / "b1.txt")
    assert check_data(root).faults == ()  # they say the same
    (root / "images" / "val" / "b1.txt").write_text(LINE)
    data = open_data(root)
    assert len(data.splits["val"][0].boxes) == 2
    assert [finding.kind for finding in data.report.faults] == [Kind.LABELS_TWICE]


def test_a_link_to_a_folder_above_lists_no_image_twice(root: Path) -> None:
    (root / "images" / "train" / "again").symlink_to(".")
    (root / "images" / "train" / "up").symlink_to("..")
    (root / "images" / "train" / "round").symlink_to("round")
    assert check_data(root).splits["train"].images == 3
    assert check_data(root).faults == ()
