"""Data YAML: read strictly and within bounds, nothing in it run; what is about something else doesn't matter."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

import pytest
import yaml

from tests.support.data_sets import NAMES, SPLITS, write_voc, write_yolo
from yolonas_plugin.data import check_data, open_data
from yolonas_plugin.data.text import legible
from yolonas_plugin.data.yaml_file import load_yaml
from yolonas_plugin.errors import DataNotFoundError, SourceError

BOMB = "a: &a [x, x]\n" + "".join(f"k{i}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for i, (a, b) in enumerate(
    zip("abcdefghij", "bcdefghijk", strict=True)
))  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_yolo(tmp_path, {split: SPLITS[split] for split in ("train", "val")})


def named(root: Path, names: str, encoding: str) -> Path:
    (root / "data.yaml").write_bytes(f"train: images/train\nval: images/val\nnames: [{names}]\n".encode(encoding))
    return root


@pytest.mark.parametrize(
    ("names", "encoding"),
    [("缺陷, 划痕, 孔", "gbk"), ("café, thé, œuf", "cp1252"), ("ä, ö, ü", "latin-1"), ("a, b, c", "utf-16-le")],
)
def test_another_encoding_is_an_error_and_drops_no_byte(names: str, encoding: str, root: Path) -> None:
    for source in (named(root, names, encoding), root / "data.yaml"):
        with pytest.raises(SourceError, match=r"data\.yaml: .*UTF-8"):
            check_data(source)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_names_are_what_was_written(encoding: str, root: Path) -> None:
    assert open_data(named(root, "缺陷, café, no", encoding)).names == ("缺陷", "café", "no")


def test_names_are_not_taken_for_numbers_or_truth(root: Path) -> None:
    assert open_data(named(root, "no, 1.0, 010", "utf-8")).names == ("no", "1.0", "010")
    (root / "data.yaml").write_text("train: images/train\nval: images/val\nnames: {2: ~, 0: null, 1: 2024-01-01}\n")
    assert open_data(root).names == ("null", "2024-01-01", "~")


@pytest.mark.parametrize("text", [
    BOMB + "names: *k\n", BOMB + "train: *k\nnames: [a]\n", BOMB + "other: {<<: [*k, *k]}\nnames: [a]\n",
    BOMB + "path: *k\nnames: [a]\n", "names: &a [*a]\n", "&a names: [*a]\n", "names: &a {0: *a}\n",
    "names: [a]\nx: " + "[" * 5000, "names: [a]\nx: " + "{a: " * 100_000, "names: [a]\nx: " + "- " * 3000,
    "date: 2023-99-99\nnames: [a]\n", "x: !!int foo\nnames: [a]\n", "x: !!timestamp foo\nnames: [a]\n",
    "names: [a]\nx: " + "9" * 5000, "names: [a]\nx: 1" + ":59" * 20_000, "names: [a]\nx: !!float " + "9" * 9999,
    "x: !!python/object/apply:os.system ['touch sprung']\nnames: [a]\n", "names: [a\n", "names: [a]\n\x01: 2\n",
    "names: [a]\nnames: [b]\n", "names: {0: a, 0: b}\n", "names: [" + "a," * 500_000 + "]\n",
    "? [1]\n: names\nnames: [a]\n",
])  # fmt: skip
def test_a_hostile_description_is_an_error_that_names_it_at_once(text: str, tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text(text)
    begin = time.process_time()  # of the processor, since other processes may be busy
    for source in (tmp_path, tmp_path / "data.yaml"):
        with pytest.raises(SourceError, match=r"data\.yaml"):
            check_data(source)
    assert time.process_time() - begin < 10
    assert list(tmp_path.iterdir()) == [tmp_path / "data.yaml"]


def test_what_yaml_might_take_for_a_number_has_4096_characters_at_most(root: Path) -> None:
    path = root / "x.yaml"
    for value in ("1" * 4097, "a" * 4097, "!!float " + "1" * 4097, "!!str '" + "1" * 4097 + "'"):
        path.write_text(f"names: [a]\nx: {value}\n")
        with pytest.raises(SourceError, match="line 2: a value of 4097 characters"):
            load_yaml(path)
    for value in ("'" + "1" * 5000 + "'", "1" * 4096):
        path.write_text(f"names: [a]\nx: {value}\n")
        assert str(load_yaml(path)["x"]) == value.strip("'")


def test_of_a_long_text_a_message_has_both_ends() -> None:
    assert legible("a" * 300) == "a" * 300
    assert legible("a" * 200 + "b" * 200) == "a" * 150 + " ... " + "b" * 150


UNRELATED = [BOMB + "train: *k\n", "date: 2023-99-99\n", "x: !!int foo\n", "x: " + "[" * 5000, "- a\n", "{", "\0", "é"]


@pytest.mark.parametrize("text", UNRELATED)
def test_what_another_yaml_file_says_does_not_matter(text: str, root: Path) -> None:
    (root / "info.yaml").write_bytes(text.encode("latin-1"))
    assert open_data(root).names == NAMES
    (write_voc(root / "voc") / "info.yml").write_bytes(text.encode("latin-1"))
    assert open_data(root / "voc").names == NAMES


def test_a_network_s_description_is_not_taken_for_that_of_the_data(root: Path) -> None:
    (root / "yolov8n.yaml").write_text("nc: 80\nbackbone: [[-1, 1, Conv, [64, 3, 2]]]\n")
    (root / "data.yaml").rename(root / "mine.yaml")
    assert open_data(root).names == NAMES


VALUES = [
    ("names", {1: "a", 2: "b"}, "0 to 1"), ("names", "abc", "'names' must be"), ("names", [["a"]], "'names' must be"),
    ("names", {"a": "x"}, "must be numbers"),
    ("nc", 7, "has 3 classes and 'nc' says 7"), ("nc", "many", "'nc' must be"),
    ("nc", 10**9, "'nc' must be"), ("nc", True, "'nc'"), ("nc", [3], "'nc' must be"),
    ("channels", "three", "'channels'"),
    ("channels", 10**9, "'channels'"), ("train", {"a": 1}, "'train' must be"), ("val", [1], "'val' must be"),
    ("val", "a\0b", "'val' must be"), ("path", ["a"], "'path' must be"), ("path", "a\0b", "'path' must be"),
    ("val", "x" * 4000, "images not found"), ("kpt_shape", [10**9, 3], "'kpt_shape'"),
    ("kpt_shape", "x", "'kpt_shape'"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "message"), VALUES)
def test_a_value_of_another_kind_is_an_error(key: str, value: object, message: str, root: Path) -> None:
    described = {**yaml.safe_load((root / "data.yaml").read_text()), key: value}
    with pytest.raises(SourceError, match=message):
        check_data(described)
    (root / "data.yaml").write_text(yaml.safe_dump(described))
    with pytest.raises(SourceError, match=message):
        check_data(root)


def test_images_have_one_to_64_channels(root: Path) -> None:
    described = yaml.safe_load((root / "data.yaml").read_text())
    for channels in (1, 64):
        assert open_data({**described, "channels": channels}).settings["channels"] == channels
    for channels in (-1, 65, True):
        with pytest.raises(SourceError, match="'channels' must be"):
            open_data({**described, "channels": channels})


def test_nc_alone_names_the_classes_by_number(root: Path) -> None:
    (root / "data.yaml").write_text("train: images/train\nval: images/val\nnc: '3'\n")
    assert open_data(root).names == ("class_0", "class_1", "class_2")


def test_a_download_is_never_run_and_that_is_said(root: Path, tmp_path: Path) -> None:
    for program in ("open('sprung', 'w')", "bash touch sprung", "https://127.0.0.1:9/data.zip"):
        described = {"path": str(root), "train": "absent", "val": "absent", "names": ["a"], "download": program}
        (root / "data.yaml").write_text(yaml.safe_dump(described))
        with pytest.raises(DataNotFoundError, match=r"images not found: .*'download' asks for isn't run"):
            open_data(root)
    described |= {"train": "images/train", "val": "images/val", "names": list(NAMES)}
    (root / "data.yaml").write_text(yaml.safe_dump(described))
    report = check_data(root)
    assert report.counts()["download"] == 1
    assert report.faults == ()
    assert "download" not in open_data(root).settings


@pytest.mark.parametrize("format", ["zip", "gztar"])
def test_an_archive_is_unpacked_where_the_engine_keeps_data_and_used_there(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = write_yolo(tmp_path / "made")
    archive = shutil.make_archive(str(tmp_path / "shapes"), format, made)
    shutil.rmtree(made)  # which is the path that the description names
    (tmp_path / "datasets").mkdir()
    monkeypatch.setattr("ultralytics.utils.DATASETS_DIR", tmp_path / "datasets")
    data = open_data(archive)
    assert Path(data.settings["path"]).is_relative_to(tmp_path / "datasets")
    assert {split: len(samples) for split, samples in data.splits.items()} == {"train": 3, "val": 1, "test": 2}


def test_only_what_is_listed_reaches_the_engine(root: Path) -> None:
    described = yaml.safe_load((root / "data.yaml").read_text())
    described |= {"download": "x", "masks_dir": "/", "yaml_file": "x", "augmentations": "x", "kpt_shape": [2, 3]}
    settings = open_data(described).settings
    assert settings.keys() == {"path", "train", "val", "names", "nc", "channels", "kpt_shape"}


def test_a_pipe_is_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "info.yaml")
    os.mkfifo(root / "labels" / "train" / "a3.txt")
    os.mkfifo(root / "images" / "train" / "pipe.png")
    report = check_data(root)
    assert report.counts()["labels_unreadable"] == 1
    assert report.counts()["image_unreadable"] == 1
    (root / "data.yaml").unlink()
    os.mkfifo(root / "data.yaml")
    with pytest.raises(SourceError, match="no file, but a folder, pipe or device"):
        load_yaml(root / "data.yaml")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="devices")
def test_a_list_that_cannot_be_read_is_said_with_the_description_that_names_it(tmp_path: Path) -> None:
    described = {"names": ["a"], "path": str(tmp_path), "train": "/dev/zero", "val": "/dev/zero"}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(described), encoding="utf-8")
    with pytest.raises(SourceError, match=re.escape(f"{tmp_path / 'data.yaml'}: 'train': /dev/zero: this list")):
        check_data(tmp_path)
