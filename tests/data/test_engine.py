"""Checked samples under the Ultralytics engine: its labels, its augmentation, its workers, none of its files."""

from __future__ import annotations

import pickle
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch.utils.data import DataLoader
from ultralytics.cfg import get_cfg
from ultralytics.data import YOLODataset
from ultralytics.data.utils import check_det_dataset
from ultralytics.utils import checks

from tests.support.data_sets import NAMES, SPLITS, WRITERS, Box, Picture, write_coco, write_yolo
from yolonas_plugin.data import DataSet, check_data, open_data
from yolonas_plugin.errors import SourceError
from yolonas_plugin.nas.dataset import SampleDataset, description, match_classes


def dataset(data: DataSet, split: str = "train", **settings: Any) -> SampleDataset:
    options = {"imgsz": 64, "augment": False, "batch_size": 2, "hyp": get_cfg(), "data": data.settings, **settings}
    return SampleDataset(samples=data.splits[split], **options)


def assert_same(ours: YOLODataset, theirs: YOLODataset) -> None:
    assert [Path(label["im_file"]).name for label in ours.labels] == [
        Path(label["im_file"]).name for label in theirs.labels
    ]
    for one, other in zip(ours.labels, theirs.labels, strict=True):
        assert one.keys() == other.keys()
        assert one["shape"] == other["shape"]
        for key in ("cls", "bboxes"):
            assert one[key].dtype == other[key].dtype
            np.testing.assert_array_equal(one[key], other[key])
            assert one[key].shape == other[key].shape
        for mine, yours in zip(one["segments"], other["segments"], strict=True):
            np.testing.assert_array_equal(mine, yours)


def random_splits(seed: int = 0) -> dict[str, list[Picture]]:
    """Boxes with fractions of pixels in images of odd sizes."""
    draw = random.Random(seed)

    def box(height: int, width: int) -> Box:
        x, y = draw.uniform(0, width * 0.8), draw.uniform(0, height * 0.8)
        return Box(draw.choice(NAMES), x, y, draw.uniform(1, width - x), draw.uniform(1, height - y))

    def picture(name: str) -> Picture:
        height, width = draw.randint(20, 90), draw.randint(20, 90)
        return Picture(name, height, width, [box(height, width) for _ in range(draw.randint(1, 9))])

    return {split: [picture(f"{split}{i}") for i in range(5)] for split in ("train", "val")}


def test_labels_are_those_of_the_engine_s_own_reader_in_every_format(tmp_path: Path) -> None:
    splits = random_splits()
    root = write_yolo(tmp_path / "engine", splits)
    described = check_det_dataset(str(root / "data.yaml"))
    theirs = YOLODataset(img_path=described["train"], data=described, imgsz=64, augment=False, hyp=get_cfg())
    for format, write in WRITERS.items():
        assert_same(dataset(open_data(write(tmp_path / format, splits))), theirs)


def test_outlines_are_those_of_the_engine_s_own_reader(tmp_path: Path) -> None:
    root = write_yolo(tmp_path)
    outline = np.random.RandomState(0).uniform(0.1, 0.9, (3, 8))
    text = "".join(f"{i} {' '.join(map(repr, row.tolist()))}\n" for i, row in enumerate(outline))
    (root / "labels" / "val" / "b1.txt").write_text(text)
    described = check_det_dataset(str(root / "data.yaml"))
    theirs = YOLODataset(img_path=described["val"], data=described, imgsz=64, augment=False, hyp=get_cfg())
    assert len(theirs.labels[0]["segments"]) == 3
    assert_same(dataset(open_data(root), "val"), theirs)


def test_outlines_are_dropped_when_a_label_has_none(tmp_path: Path) -> None:
    root = write_yolo(tmp_path)
    (root / "labels" / "train" / "a2.txt").write_text("1 0.1 0.2 0.5 0.2 0.5 0.8\n")
    (label, outlined, _) = dataset(open_data(root)).labels
    assert label["segments"] == outlined["segments"] == []
    assert len(outlined["bboxes"]) == 1


def test_augmentation_gives_the_same_images_and_boxes_as_on_the_engine_s_own_data_set(tmp_path: Path) -> None:
    root = write_yolo(tmp_path, random_splits(1))
    data = open_data(root)
    settings = get_cfg(overrides={"mixup": 0.5, "degrees": 10.0, "close_mosaic": 0})
    described = check_det_dataset(str(root / "data.yaml"))
    options = {"imgsz": 96, "augment": True, "batch_size": 2, "hyp": settings, "data": described}

    def draw(dataset: YOLODataset) -> list[dict[str, Any]]:
        for seed in (random.seed, np.random.seed, torch.manual_seed):
            seed(3)
        return [dataset[i % len(dataset)] for i in range(7)]

    theirs = draw(YOLODataset(img_path=described["train"], **options))
    ours = draw(SampleDataset(samples=data.splits["train"], **options))
    for one, other in zip(ours, theirs, strict=True):
        assert one["img"].equal(other["img"])
        assert one["bboxes"].equal(other["bboxes"])
        assert one["cls"].equal(other["cls"])


def test_the_engine_s_settings_work(tmp_path: Path) -> None:
    data = open_data(write_coco(tmp_path))
    assert len(dataset(data, fraction=0.67)) == 2
    assert [label["cls"].tolist() for label in dataset(data, single_cls=True).labels] == [[[0], [0]], [[0]], []]
    assert [label["cls"].tolist() for label in dataset(data, classes=[2]).labels] == [[[2]], [], []]
    assert len(dataset(data, rect=True).batch_shapes) == 2
    assert data.splits["train"][0].classes.tolist() == [0, 2]  # none of them changes the samples


def test_classes_are_renumbered(tmp_path: Path) -> None:
    found = dataset(open_data(write_coco(tmp_path)), indices=[5, 1, 0])
    assert [label["cls"].tolist() for label in found.labels] == [[[5], [0]], [[1]], []]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_give_what_this_process_gives(method: str, tmp_path: Path) -> None:
    found = dataset(open_data(write_yolo(tmp_path)))
    loader = DataLoader(found, num_workers=1, multiprocessing_context=method, collate_fn=list)
    for (sample,), expected in zip(loader, [found[i] for i in range(3)], strict=True):
        assert sample["img"].equal(expected["img"])
        assert sample["bboxes"].equal(expected["bboxes"])


def test_a_data_set_can_be_pickled_and_opened_again_from_its_source(tmp_path: Path) -> None:
    data = open_data(str(write_coco(tmp_path)))
    for other in (pickle.loads(pickle.dumps(data)), open_data(data.source)):
        assert other.report == data.report
        assert other.settings == data.settings
        assert_same(dataset(other), dataset(data))


def test_the_description_is_what_the_engine_s_own_check_returns(tmp_path: Path) -> None:
    for format, write in WRITERS.items():
        data = open_data(write(tmp_path / format))
        with description(data) as path:
            found = check_det_dataset(path, autodownload=False)
            assert found.pop("yaml_file") == path
        assert {**found, "path": str(found["path"])} == data.settings
        assert not Path(path).exists()


def test_the_engine_leaves_nothing_beside_the_data(tmp_path: Path) -> None:
    root = write_yolo(tmp_path)
    before = sorted(root.rglob("*"))
    found = dataset(open_data(root), augment=True)
    assert found[0]["img"].shape == (3, 64, 64)
    assert sorted(root.rglob("*")) == before


def test_a_hostile_cache_beside_the_labels_is_not_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "sprung",)

    root = write_yolo(tmp_path / "data")
    np.save(root / "labels" / "train", np.array(Trap(), dtype=object))
    (root / "labels" / "train.npy").rename(root / "labels" / "train.cache")
    dataset(open_data(root))
    assert not (tmp_path / "sprung").exists()


def test_a_description_s_download_program_does_not_run_in_a_check(tmp_path: Path) -> None:
    program = f"open({str(tmp_path / 'sprung')!r}, 'w')"
    described = {"path": str(tmp_path), "train": "absent", "val": "absent", "names": ["a"], "download": program}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(described))
    with pytest.raises(SourceError, match="images not found"):
        check_data(tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_a_broken_image_installs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ultralytics 8.4 lets Pillow install a decoder when it meets a file that it doesn't know."""
    installed: list[Any] = []
    monkeypatch.setattr(checks, "AUTOINSTALL", True)
    monkeypatch.setattr(checks, "ONLINE", True)
    monkeypatch.setattr(checks.subprocess, "check_output", lambda *args, **kwargs: installed.append(args) or "")
    root = write_yolo(tmp_path)
    (root / "images" / "val" / "broken.png").write_bytes(b"text")
    assert check_data(root).images_lost == 1
    assert installed == []
    assert checks.AUTOINSTALL


def test_data_is_checked_without_torch(tmp_path: Path) -> None:
    for format in WRITERS:
        root = WRITERS[format](tmp_path / format)
        program = (
            "import sys; from yolonas_plugin.data import check_data;"
            f"print(check_data({str(root)!r}).format, *{{'torch', 'ultralytics'}} & set(sys.modules))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == format


MODEL = {0: "ring", 1: "disc", 2: "cross", 3: "star"}


def named(root: Path, *names: str) -> DataSet:
    """Data whose three classes have these names."""
    described = yaml.safe_load((write_yolo(root) / "data.yaml").read_text()) | {"names": list(names)}
    (root / "data.yaml").write_text(yaml.safe_dump(described))
    return open_data(root)


def test_classes_are_matched_by_name(tmp_path: Path) -> None:
    assert match_classes(named(tmp_path, *NAMES), MODEL) == [1, 0, 2]
    assert match_classes(named(tmp_path, "star", "disc", "ring"), MODEL) == [3, 1, 0]
    assert match_classes(named(tmp_path, "disc", "disc", "ring"), {0: "disc", 1: "disc", 2: "ring"}) == [0, 1, 2]


def test_classes_without_names_are_matched_by_index(tmp_path: Path) -> None:
    unnamed = {i: f"class_{i}" for i in range(4)}
    assert match_classes(named(tmp_path, *NAMES), unnamed) == [0, 1, 2]
    assert match_classes(named(tmp_path, "class_0", "class_1", "class_2"), MODEL) == [0, 1, 2]


@pytest.mark.parametrize(
    ("names", "model", "message"),
    [
        (("disc", "ring", "Cross"), MODEL, "no class, or more than one, named 'Cross'; it predicts 'ring', 'disc'"),
        (("disc", "disc", "ring"), MODEL, "no class, or more than one, named 'disc', 'disc'"),
        (("ring", "star", "disc"), {**MODEL, 4: "star"}, "no class, or more than one, named 'star'"),
        (NAMES, {0: "disc", 1: "ring"}, "the data has 3 classes, the model predicts 2"),
    ],
)
def test_classes_that_can_t_be_matched_are_an_error(
    names: tuple[str, ...], model: dict[int, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=message):
        match_classes(named(tmp_path, *names), model)


def test_images_may_be_links(tmp_path: Path) -> None:
    root = write_yolo(tmp_path / "data")
    shutil.move(root / "images", tmp_path / "elsewhere")
    (root / "images").symlink_to(tmp_path / "elsewhere")
    data = open_data(root)
    assert [len(sample.boxes) for sample in data.splits["train"]] == [len(p.boxes) for p in SPLITS["train"]]
    assert data.report.faults == ()
    shutil.move(root / "labels", tmp_path / "labels")
    (tmp_path / "elsewhere").rename(tmp_path / "images")
    (root / "images").unlink()
    (root / "images").symlink_to(tmp_path / "images")
    data = open_data(root)  # labels where the link leads, as the engine has it
    assert [len(sample.boxes) for sample in data.splits["train"]] == [len(p.boxes) for p in SPLITS["train"]]


def test_labels_of_linked_images_are_never_lost_in_silence(tmp_path: Path) -> None:
    root = write_yolo(tmp_path / "data")
    shutil.move(root / "images", tmp_path / "elsewhere")
    (root / "pictures").symlink_to(tmp_path / "elsewhere")
    described = yaml.safe_load((root / "data.yaml").read_text())
    described |= {split: f"pictures/{split}" for split in SPLITS}
    (root / "data.yaml").write_text(yaml.safe_dump(described))
    with pytest.raises(SourceError, match=r"2 x labels where they are not looked for in train"):
        check_data(root)
