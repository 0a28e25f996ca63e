"""What ``train`` and ``val`` do with data that has faults: they say so and leave out what was lost."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.data_sets import Box, Picture, write_coco, write_voc, write_yolo
from yolonas_plugin import NAS
from yolonas_plugin.errors import SourceError

BOXES = [Box("disc", 4, 4, 20, 20)]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def train(data: Path) -> None:
    settings = {"epochs": 1, "imgsz": 64, "batch": 2, "workers": 0, "plots": False, "device": "cpu", "verbose": False}
    NAS("yolo_nas_n", pretrained=False).train(data=str(data), project=str(data.parent / "runs"), **settings)


def labels_lost(root: Path) -> Path:
    (write_yolo(root) / "labels" / "train").rename(root / "labels" / "trian")
    return root


def labels_emptied(root: Path) -> Path:
    for path in (write_yolo(root) / "labels" / "train").iterdir():
        path.write_text("")
    return root


def crowds_alone(root: Path) -> Path:
    for path in (write_coco(root) / "annotations").iterdir():
        path.write_text(path.read_text().replace('"iscrowd": 0', '"iscrowd": 1'))
    return root


def difficult_alone(root: Path) -> Path:
    for path in (write_voc(root) / "Annotations").iterdir():
        path.write_text(path.read_text().replace("<difficult>0", "<difficult>1"))
    return root


@pytest.mark.parametrize("make", [labels_lost, labels_emptied, crowds_alone, difficult_alone])
def test_training_on_no_box_is_refused_with_what_was_found(make: Callable[[Path], Path], tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"(no image of '\w+' can be used|'train' has no box):\n +\d x ") as raised:
        train(make(tmp_path / "data"))
    assert "train" in str(raised.value)


def test_val_says_which_labels_were_lost_and_measures_the_rest(
    model: NAS, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = write_yolo(
        tmp_path / "data", {"train": [], "val": [Picture("a", 64, 64, BOXES), Picture("b", 64, 80, BOXES)]}
    )
    seen: list[int] = []
    model.add_callback("on_val_end", lambda validator: seen.append(validator.seen))
    (root / "labels" / "val" / "a.txt").rename(root / "a.txt")
    model.val(data=str(root), verbose=False)
    assert seen == [1]
    assert "1 x labels where they are not looked for in val, image left out: a.txt" in caplog.text
    caplog.clear()
    (root / "labels" / "val" / "b.txt").write_text("")
    model.val(data=str(root), verbose=False)
    assert "1 x split without a box in val" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_folders_and_classes_of_any_name_are_measured(model: NAS, tmp_path: Path) -> None:
    """The engine reads the data's description from YAML, which can't hold every path."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    names = ["1.0", "no", "a: b\n'c'"]
    write_yolo(tmp_path / "plain", {"train": [], "val": [Picture("a", 64, 64, BOXES)]}).rename(folder)
    described = {"path": str(folder), "train": "images/val", "val": "images/val", "names": names}
    model.model.names = dict(enumerate(names))
    metrics = model.val(data=described, verbose=False)
    assert list(metrics.names.values()) == names
