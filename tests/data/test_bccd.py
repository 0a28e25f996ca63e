"""BCCD as it is: real, Pascal VOC, with two boxes of no area."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.support.bccd import CLASSES, write_yolo
from yolonas_plugin.data import Kind, check_data, open_data


def test_its_numbers_and_its_two_faults(shared_data: Path) -> None:
    report = check_data(shared_data / "bccd")
    assert report.names == ("Platelets", "RBC", "WBC")
    assert {name: split.images for name, split in report.splits.items()} == {"train": 205, "val": 87, "test": 72}
    boxes = np.sum([split.boxes for split in report.splits.values()], axis=0)
    assert boxes.tolist() == [361, 4155 - 2, 372]
    assert [(f.kind, f.split, f.count, f.places) for f in report.findings] == [
        (Kind.BOX_EMPTY, "train", 1, ("Annotations/BloodImage_00343.xml: object 4 (RBC)",)),
        (Kind.BOX_EMPTY, "val", 1, ("Annotations/BloodImage_00338.xml: object 13 (RBC)",)),
    ]


def test_its_labels_are_those_of_a_copy_in_yolo_format(shared_data: Path, tmp_path: Path) -> None:
    folder = open_data(shared_data / "bccd", ["test"])
    copy = open_data(write_yolo(tmp_path / "bccd", shared_data / "bccd", "test"), ["val"])
    assert copy.names == CLASSES
    index = [CLASSES.index(name) for name in folder.names]
    for one, other in zip(folder.splits["test"], copy.splits["val"], strict=True):
        assert Path(one.image).name == Path(other.image).name
        assert one.shape == other.shape
        assert [index[int(label)] for label in one.classes] == other.classes.tolist()
        np.testing.assert_array_equal(one.boxes, other.boxes)
