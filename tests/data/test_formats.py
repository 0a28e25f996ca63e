"""The same boxes in every format and layout give the same labels."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image

from tests.support.data_sets import (
    NAMES,
    SPLITS,
    WRITERS,
    Box,
    Picture,
    coco_json,
    voc_xml,
    write_coco,
    write_image,
    write_voc,
    write_yolo,
    yolo_line,
)
from yolonas_plugin.data import DataSet, open_data
from yolonas_plugin.errors import DataNotFoundError, SourceError


def labels(data: DataSet) -> dict[str, list[tuple[str, tuple[int, int], bytes, bytes]]]:
    """All that a sample says, by name of the image, to the bit."""
    return {
        split: [(Path(s.image).stem, s.shape, s.classes.tobytes(), s.boxes.tobytes()) for s in samples]
        for split, samples in data.splits.items()
    }


def expected() -> dict[str, list[tuple[str, tuple[int, int], bytes, bytes]]]:
    def sample(picture: Picture) -> tuple[str, tuple[int, int], bytes, bytes]:
        rows = [[float(word) for word in yolo_line(picture, box).split()] for box in picture.boxes]
        array = np.array(rows, dtype=np.float32).reshape(-1, 5)
        shape = picture.height, picture.width
        return picture.name, shape, array[:, 0].tobytes(), array[:, 1:].tobytes()

    return {split: [sample(picture) for picture in pictures] for split, pictures in SPLITS.items()}


@pytest.mark.parametrize("format", WRITERS)
def test_every_format_gives_the_same_labels_to_the_bit(format: str, tmp_path: Path) -> None:
    data = open_data(WRITERS[format](tmp_path))
    assert data.names == NAMES
    assert data.report.format == format
    assert labels(data) == expected()
    assert data.report.faults == ()
    assert data.report.counts() == {"background": 1, "class_unused": 3}
    train = data.report.splits["train"]
    assert (train.images, train.backgrounds, train.boxes) == (3, 1, (1, 1, 1))


def roboflow_coco(root: Path) -> Path:
    for split, pictures in SPLITS.items():
        folder = root / {"val": "valid"}.get(split, split)
        described = coco_json(pictures)
        described["categories"].insert(0, {"id": 0, "name": "shape", "supercategory": "none"})
        for picture in pictures:
            write_image(folder / f"{picture.name}.png", picture)
        (folder / "_annotations.coco.json").write_text(json.dumps(described))
    return root


def coco_images_in_one_folder(root: Path) -> Path:
    for split, pictures in SPLITS.items():
        for picture in pictures:
            write_image(root / "images" / f"{picture.name}.png", picture)
        (root / f"{split}.json").write_text(json.dumps(coco_json(pictures)))
    return root


def coco_images_by_split(root: Path) -> Path:
    write_coco(root)
    (root / "images").mkdir()
    for split in SPLITS:
        (root / f"{split}2017").rename(root / "images" / f"{split}2017")
    (root / "annotations" / "captions_train2017.json").write_text('{"images": [], "annotations": []}')
    (root / "annotations" / "person_keypoints_train2017.json").write_text("{}")
    return root


def coco_names_with_folders(root: Path) -> Path:
    write_coco(root)
    for split, pictures in SPLITS.items():
        path = root / "annotations" / f"instances_{split}2017.json"
        path.write_text(json.dumps(coco_json(pictures, f"C:\\data\\{split}2017\\")))
    return root


def coco_yaml(root: Path) -> Path:
    write_coco(root / "coco")
    for split in SPLITS:
        (root / "coco" / f"{split}2017").rename(root / f"pictures of {split}")
    described = {split: f"annotations/instances_{split}2017.json" for split in SPLITS}
    path = root / "mine.yaml"
    images = {split: f"../pictures of {split}" for split in SPLITS}
    path.write_text(yaml.safe_dump({"path": "coco", **described, "images": images}))
    return path


def coco_dict(root: Path) -> dict[str, Any]:
    return yaml.safe_load(coco_yaml(root).read_text()) | {"path": str(root / "coco")}


def yolo_yaml(root: Path) -> Path:
    return write_yolo(root) / "data.yaml"


def yolo_dict(root: Path) -> dict[str, Any]:
    return yaml.safe_load(yolo_yaml(root).read_text())


def yolo_lists(root: Path) -> Path:
    write_yolo(root)
    described = yaml.safe_load((root / "data.yaml").read_text())
    for split, pictures in SPLITS.items():
        (root / f"{split}.txt").write_text("".join(f"./images/{split}/{p.name}.png\n" for p in pictures))
        described[split] = f"{split}.txt"
    (root / "data.yaml").write_text(yaml.safe_dump(described))
    (root / "training settings.yaml").write_text("epochs: 3\n")
    return root


def roboflow_yolo(root: Path) -> Path:
    """Its paths lead out of the folder that the description is in."""
    write_yolo(root)
    folders = {split: {"val": "valid"}.get(split, split) for split in SPLITS}
    for split, folder in folders.items():
        (root / folder).mkdir()
        for kind in ("images", "labels"):
            (root / kind / split).rename(root / folder / kind)
    described = {split: f"../{folder}/images" for split, folder in folders.items()}
    (root / "data.yaml").write_text(yaml.safe_dump({**described, "nc": len(NAMES), "names": list(NAMES)}))
    return root


def voc_split_folders(root: Path) -> Path:
    write_voc(root / "whole")
    for split, pictures in SPLITS.items():
        folder = root / {"val": "valid"}.get(split, split)
        folder.mkdir()
        for picture in pictures:
            shutil.move(root / "whole" / "JPEGImages" / f"{picture.name}.png", folder)
            shutil.move(root / "whole" / "Annotations" / f"{picture.name}.xml", folder)
    (root / "whole" / "labels.txt").rename(root / "classes.txt")
    shutil.rmtree(root / "whole")
    return root


LAYOUTS: dict[str, Callable[[Path], Any]] = {
    function.__name__: function
    for function in (
        roboflow_coco,
        roboflow_yolo,
        coco_images_in_one_folder,
        coco_images_by_split,
        coco_names_with_folders,
        coco_yaml,
        coco_dict,
        yolo_yaml,
        yolo_dict,
        yolo_lists,
        voc_split_folders,
    )
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_in_the_wild_are_read(layout: str, tmp_path: Path) -> None:
    data = open_data(LAYOUTS[layout](tmp_path))
    assert data.names == NAMES
    assert labels(data) == expected()
    assert data.report.faults == ()


@pytest.mark.parametrize("format", WRITERS)
def test_a_path_may_be_relative(format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = WRITERS[format](tmp_path / "shapes")
    absolute = open_data(root)
    monkeypatch.chdir(root)
    relative = open_data(".")
    assert relative.settings == absolute.settings
    for split, samples in absolute.splits.items():
        assert [sample.image for sample in relative.splits[split]] == [sample.image for sample in samples]


def test_one_json_file_is_the_split_that_is_asked_for(tmp_path: Path) -> None:
    path = write_coco(tmp_path) / "annotations" / "instances_val2017.json"
    assert labels(open_data(path))["val"] == expected()["val"]
    assert labels(open_data(str(path), ["test"]))["test"] == expected()["val"]
    with pytest.raises(SourceError, match=r"one JSON file is one split, and train and val are needed"):
        open_data(path, ["train", "val"])


def test_only_the_splits_that_are_asked_for_are_read(tmp_path: Path) -> None:
    for format, write in WRITERS.items():
        data = open_data(write(tmp_path / format), ["test"])
        assert labels(data) == {"test": expected()["test"]}


def test_voc_without_a_list_of_classes_has_them_sorted_whatever_is_read(tmp_path: Path) -> None:
    (write_voc(tmp_path) / "labels.txt").unlink()
    assert open_data(tmp_path).names == ("cross", "disc", "ring")
    assert open_data(tmp_path, ["val"]).names == ("cross", "disc", "ring")


def test_coco_names_may_be_given_and_choose_and_order_the_classes(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    data = open_data({"path": str(root), "train": "annotations/instances_train2017.json", "names": ["cross", "disc"]})
    assert data.names == ("cross", "disc")
    assert [sample.classes.tolist() for sample in data.splits["train"]] == [[1, 0], []]
    assert data.report.counts()["label_outside"] == 1


def test_voc_trainval_stands_in_for_train(tmp_path: Path) -> None:
    lists = write_voc(tmp_path) / "ImageSets" / "Main"
    (lists / "train.txt").rename(lists / "trainval.txt")
    assert labels(open_data(tmp_path))["train"] == expected()["train"]


def test_outlines_in_yolo_labels_become_boxes_and_are_kept(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    (tmp_path / "labels" / "val" / "b1.txt").write_text("1 0.1 0.2 0.5 0.2 0.5 0.8\n")
    (sample,) = open_data(tmp_path, ["val"]).splits["val"]
    np.testing.assert_allclose(sample.boxes, [[0.3, 0.5, 0.4, 0.6]], atol=1e-6)
    np.testing.assert_allclose(sample.polygons[0], [[0.1, 0.2], [0.5, 0.2], [0.5, 0.8]], atol=1e-6)


def test_keypoints_in_yolo_labels_are_dropped(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    described = yaml.safe_load((tmp_path / "data.yaml").read_text()) | {"kpt_shape": [2, 3]}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(described))
    (tmp_path / "labels" / "val" / "b1.txt").write_text("1 0.3 0.5 0.4 0.6 0.1 0.2 2 0.3 0.4 1\n")
    (sample,) = open_data(tmp_path, ["val"]).splits["val"]
    np.testing.assert_allclose(sample.boxes, [[0.3, 0.5, 0.4, 0.6]], atol=1e-6)
    described["kpt_shape"] = [133, 3]  # of a whole body
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(described))
    (tmp_path / "labels" / "val" / "b1.txt").write_text("1 0.3 0.5 0.4 0.6" + " 0.1 0.2 2" * 133 + "\n")
    (sample,) = open_data(tmp_path, ["val"]).splits["val"]
    np.testing.assert_allclose(sample.boxes, [[0.3, 0.5, 0.4, 0.6]], atol=1e-6)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_size_is_that_of_the_decoded_image_when_exif_turns_it(suffix: str, tmp_path: Path) -> None:
    picture = Picture("turned", 60, 40, [Box("disc", 10, 30, 20, 15)])
    root = write_voc(tmp_path, {"val": [picture]})
    (root / "JPEGImages" / "turned.png").unlink()
    exif = Image.Exif()
    exif[0x0112] = 6
    path = root / "JPEGImages" / f"turned{suffix}"
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(path, exif=exif)
    decoded = cv2.imread(str(path)).shape[:2]
    if decoded != (60, 40):
        (root / "Annotations" / "turned.xml").write_text(voc_xml(picture._replace(height=40, width=60)))
    (sample,) = open_data(root, ["val"]).splits["val"]
    assert sample.shape == decoded


def test_annotation_without_a_size_takes_the_image_s(tmp_path: Path) -> None:
    root = write_voc(tmp_path)
    for path in (root / "Annotations").iterdir():
        path.write_text(path.read_text().replace("<size>", "<size><width>0</width><height>0</height>", 1))
    assert labels(open_data(root)) == expected()


ERRORS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "an empty folder": (lambda root: root, "holds none of the formats"),
    "a path that isn't there": (lambda root: root / "absent", "does not exist"),
    "a JSON file that isn't there": (lambda root: root / "absent.json", "there is no such file"),
    "a JSON file that is none": (lambda root: _write(root / "a.json", '{"images": [],\n"annotations": ['), "line 2"),
    "a JSON file that isn't COCO's": (lambda root: _write(root / "a.json", "[1, 2]"), "isn't COCO's"),
    "a category without a name": (
        lambda root: _write(root / "a.json", '{"images": [], "annotations": [], "categories": [{"id": 1}]}'),
        "needs an id and a name",
    ),
    "a YAML file without classes": (lambda root: _write(root / "a.yaml", "train: x\nval: x\n"), "names"),
    "a YAML file that is none": (lambda root: _write(root / "a.yaml", "train: [x\nval: }"), "can't read this"),
    "a YAML file whose images aren't there": (
        lambda root: _write(root / "a.yaml", "train: x\nval: x\nnames: [a]\n"),
        "images not found",
    ),
}


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize("case", ERRORS)
def test_what_can_t_be_read_is_an_error_of_ours(case: str, tmp_path: Path) -> None:
    make, message = ERRORS[case]
    with pytest.raises(SourceError, match=message):
        open_data(make(tmp_path))


def test_several_descriptions_in_a_folder_are_an_error_unless_one_has_the_usual_name(tmp_path: Path) -> None:
    root = write_yolo(tmp_path)
    shutil.copy(root / "data.yaml", root / "other.yaml")
    assert open_data(root).names == NAMES
    (root / "data.yaml").rename(root / "another.yaml")
    with pytest.raises(SourceError, match=r"several YAML files describe data here: another.yaml, other.yaml"):
        open_data(root)


def test_two_files_for_one_split_are_an_error(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    shutil.copy(root / "annotations" / "instances_val2017.json", root / "annotations" / "instances_val.json")
    with pytest.raises(SourceError, match="could be the annotations of 'val'"):
        open_data(root)


def test_a_split_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    splits = {split: SPLITS[split] for split in ("train", "val")}
    for format, write in WRITERS.items():
        with pytest.raises(DataNotFoundError, match=r"there is no split 'test'; it has train, val"):
            open_data(write(tmp_path / format, splits), ["test"])


def test_voc_without_lists_says_what_to_write(tmp_path: Path) -> None:
    shutil.rmtree(write_voc(tmp_path) / "ImageSets")
    with pytest.raises(SourceError, match=r"ImageSets/Main/train.txt"):
        open_data(tmp_path)


def test_coco_images_that_are_nowhere_are_an_error(tmp_path: Path) -> None:
    shutil.rmtree(write_coco(tmp_path) / "val2017")
    with pytest.raises(SourceError, match=r"none of its images was found, the first is 'b1.png'"):
        open_data(tmp_path, ["val"])


def test_data_without_a_class_is_an_error(tmp_path: Path) -> None:
    root = write_voc(tmp_path, {"train": [Picture("empty", 20, 20)]})
    (root / "labels.txt").unlink()
    with pytest.raises(SourceError, match="it has no classes"):
        open_data(root)


@pytest.mark.parametrize("format", WRITERS)
def test_a_split_of_which_nothing_can_be_used_is_an_error_that_lists_why(format: str, tmp_path: Path) -> None:
    root = WRITERS[format](tmp_path)
    for path in root.rglob("b1.png"):
        path.write_bytes(b"no image")
    with pytest.raises(SourceError, match=r"no image of 'val' can be used(.|\n)*image unreadable in val(.|\n)*b1.png"):
        open_data(root)


XML = "<annotation><object><name>{}</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"  # noqa: E501
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ((BOMB + "]>" + XML.format("&i;")).encode(), "a document type"),
        (('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>' + XML.format("&a;")).encode(), "a document type"),
        (('<?xml version="1.0" encoding="ISO-8859-1"?>' + XML.format("Löwe")).encode(), "says that it is ISO-8859-1"),
        (('<?xml version="1.0" encoding="utf-8"?>' + XML.format("Löwe")).encode("latin-1"), "not well-formed"),
        (('<?xml version="1.0" encoding="GBK"?>' + XML.format("缺陷")).encode("gbk"), "multi-byte encodings"),
        (XML.format("缺陷").encode("gbk"), "not well-formed"),
        (f"<annotations>{XML.format('disc')}</annotations>".encode(), "isn't where Pascal VOC has it"),
        (XML.format("disc").replace("object", "obj").encode(), "<bndbox> isn't where"),
        (b"<a>" * 100_000, "no element found"),
        (b" " * (17 << 20), "more than 16,777,216 bytes"),
    ],
)
def test_voc_annotations_that_are_not_what_they_should_be_lose_their_image(
    content: bytes, said: str, tmp_path: Path
) -> None:
    root = write_voc(tmp_path)
    (root / "Annotations" / "c1.xml").write_bytes(content)
    report = open_data(root).report
    (fault,) = report.faults
    assert fault.kind.name == "LABELS_UNREADABLE"
    assert said in fault.places[0]
    assert report.splits["test"].images == 1


def test_voc_annotations_in_the_encoding_that_they_name_are_read(tmp_path: Path) -> None:
    root = write_voc(tmp_path)
    (root / "labels.txt").write_text("Löwe\ndisc\nring\ncross\n", encoding="utf-8")
    text = '<?xml version="1.0" encoding="{}"?>' + XML.format("Löwe")
    for encoding in ("ISO-8859-1", "utf-16", "UTF-8"):
        (root / "Annotations" / "c1.xml").write_bytes(text.format(encoding).encode(encoding))
        assert open_data(root, ["test"]).splits["test"][0].classes.tolist() == [0]


def test_two_categories_of_one_id_are_an_error(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    path = root / "annotations" / "instances_val2017.json"
    described = json.loads(path.read_text())
    described["categories"].append({**described["categories"][0], "name": "other"})
    path.write_text(json.dumps(described))
    with pytest.raises(SourceError, match=r"two categories have the id 7: 'cross' and 'other'"):
        open_data(root)


def test_numbers_that_pandas_wrote_are_read(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    path = root / "annotations" / "instances_val2017.json"
    described = json.loads(path.read_text())
    for item in described["annotations"]:
        item.update(image_id=float(item["image_id"]), category_id=float(item["category_id"]))
    path.write_text(json.dumps(described))
    assert labels(open_data(root)) == expected()


@pytest.mark.parametrize("source", [None, 3, b"x", "x" * 5000, "a\0b", "~nobody-at-all/x", ["a"], "", "/dev/null"])
def test_what_is_no_source_at_all_is_an_error_of_ours(source: Any) -> None:
    with pytest.raises(SourceError):
        open_data(source)
