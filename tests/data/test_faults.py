"""Every fault is found, counted, placed and left out, and nothing else is."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.support.data_sets import (
    NAMES,
    POSE_LINE,
    SPLITS,
    WRITERS,
    Box,
    Picture,
    coco_json,
    pose_json,
    voc_xml,
    write_coco,
    write_image,
    write_pose,
    write_voc,
    write_yolo,
)
from yolonas_plugin.cli import main
from yolonas_plugin.data import DataReport, Kind, check_data, open_data
from yolonas_plugin.errors import SourceError

SQUARE = Picture("square", 50, 50)
GOOD = Box("disc", 10, 10, 20, 20)


def fault(root: Path, kind: Kind, split: str = "val") -> tuple[int, str]:
    """How often it was found, and the first place."""
    report = check_data(root, task="detect" if kind is Kind.KEYPOINTS_UNUSED else None)
    (finding,) = [f for f in report.findings if f.kind is kind and f.split in {split, ""}]
    return finding.count, finding.places[0]


def yolo_text(root: Path, text: str) -> Path:
    """One more picture in val, with these labels."""
    write_image(write_yolo(root) / "images" / "val" / "x.png", SQUARE)
    (root / "labels" / "val" / "x.txt").write_text(text)
    return root


def voc_with(root: Path, boxes: list[Box], extra: str = "", size: tuple[int, int] = (50, 50)) -> Path:
    """One more picture in val, 50x50, whose annotation says this."""
    write_image(write_voc(root) / "JPEGImages" / "x.png", SQUARE)
    (root / "Annotations" / "x.xml").write_text(voc_xml(Picture("x", *size, boxes), extra))
    with (root / "ImageSets" / "Main" / "val.txt").open("a") as lines:
        lines.write("x\n")
    return root


def coco_with(root: Path, change: Callable[[dict], None]) -> Path:
    """A good box on a picture in val, and then whatever ``change`` does to the JSON."""
    write_coco(root, {**SPLITS, "val": [SQUARE._replace(name="x", boxes=[GOOD]), SQUARE._replace(name="y")]})
    path = root / "annotations" / "instances_val2017.json"
    described = json.loads(path.read_text())
    change(described)
    path.write_text(json.dumps(described))
    return root


def coco_label(root: Path, **changes: object) -> Path:
    """One more label on the first picture in val."""
    return coco_with(root, lambda d: d["annotations"].append({**d["annotations"][0], "id": 5, **changes}))


def break_file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path.parents[2]


def yolo_lists(root: Path, *lines: str) -> Path:
    write_yolo(root)
    described = yaml.safe_load((root / "data.yaml").read_text()) | {"val": "val.txt"}
    (root / "data.yaml").write_text(yaml.safe_dump(described))
    (root / "val.txt").write_text("\n".join(["./images/val/b1.png", *lines]))
    return root


def cut_short(root: Path, suffix: str) -> Path:
    write_yolo(root)
    for name in ("whole", "cut"):
        path = write_image(root / "images" / "val" / f"{name}{suffix}", Picture(name, 300, 300))
    path.write_bytes(path.read_bytes()[:-2000])
    return root


def trailing_bytes(root: Path) -> Path:
    path = write_image(write_yolo(root) / "images" / "val" / "b2.jpg", SQUARE)
    path.write_bytes(path.read_bytes() + b"an appended video")
    return root


def same_picture(root: Path, source: str, target: str) -> Path:
    shutil.copy(write_yolo(root) / "images" / source, root / "images" / target)
    return root


def two_endings(root: Path) -> Path:
    write_image(write_yolo(root) / "images" / "val" / "b1.jpg", Picture("other", 33, 77))
    return root


def no_annotation(root: Path) -> Path:
    (write_voc(root) / "Annotations" / "c1.xml").unlink()
    return root


def duplicate_image(described: dict) -> None:
    described["images"].append({**described["images"][0], "id": 99})
    described["annotations"].append({**described["annotations"][0], "image_id": 99, "bbox": [1, 2, 3, 4]})


def described_twice(root: Path) -> Path:
    described = yaml.safe_load((write_yolo(root) / "data.yaml").read_text()) | {"names": [*NAMES, "disc"]}
    (root / "data.yaml").write_text(yaml.safe_dump(described))
    return root


def voc_list(root: Path, line: str) -> Path:
    with (write_voc(root) / "ImageSets" / "Main" / "val.txt").open("a") as lines:
        lines.write(f"{line}\n")
    return root


def labels_misplaced(root: Path, target: str) -> Path:
    """One more picture in val, whose labels lie where nobody looks for them."""
    (root / target).parent.mkdir(parents=True)
    (yolo_text(root, LINES) / "labels" / "val" / "x.txt").rename(root / target)
    return root


def labels_beside(root: Path, *, also: bool = False) -> Path:
    source = write_yolo(root) / "labels" / "val" / "b1.txt"
    (root / "images" / "val" / "b1.txt").write_text("0 .5 .5 .25 .25\n")
    if not also:
        source.unlink()
    return root


def without_boxes(root: Path) -> Path:
    for path in (write_yolo(root) / "labels" / "val").iterdir():
        path.write_text("")
    return root


def asking_for_a_download(root: Path) -> Path:
    with (write_yolo(root) / "data.yaml").open("a") as lines:
        lines.write("download: https://example.invalid/data.zip\n")
    return root


def write_bytes(write: Callable[[Path], Path], name: str, content: bytes) -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        (write(root) / name).write_bytes(content)
        return root

    return make


LINES = "0 .5 .5 .2 .2\n"
OBJECT = (
    "<object><name>disc</name><difficult>{}</difficult><bndbox><xmin>{}</xmin><ymin>2</ymin><xmax>9</xmax>"
    "<ymax>9</ymax></bndbox></object>"
)


def coco_with_bare_class(root: Path) -> Path:
    """An object with keypoints, and one of a class that has none."""
    described = pose_json({"keypoints": ["a", "b"]}, {"keypoints": [12, 12, 2, 20, 20, 2]}, {"category_id": 2})
    described["categories"].append({"id": 2, "name": "ring"})
    write_image(root / "a.png", Picture("a", 40, 50))
    (root / "pose_train.json").write_text(json.dumps(described))
    return root / "pose_train.json"


CASES: dict[str, tuple[Kind, str, Callable[[Path], Path], int, str]] = {
    "YOLO: listed, not there": (
        Kind.IMAGE_MISSING,
        "val",
        lambda root: yolo_lists(root, "./images/val/gone.png"),
        1,
        "images/val/gone.png",
    ),
    "YOLO: listed twice": (
        Kind.IMAGE_REPEATED,
        "val",
        lambda root: yolo_lists(root, "./images/val/b1.png"),
        1,
        "images/val/b1.png",
    ),
    "YOLO: no image": (
        Kind.IMAGE_UNREADABLE,
        "val",
        write_bytes(write_yolo, "images/val/x.jpg", b"text"),
        1,
        "images/val/x.jpg: not an image that Pillow knows",
    ),
    "YOLO: an empty image": (
        Kind.IMAGE_UNREADABLE,
        "val",
        write_bytes(write_yolo, "images/val/x.png", b""),
        1,
        "images/val/x.png: not an image that Pillow knows",
    ),
    "YOLO: a JPEG cut short": (
        Kind.IMAGE_UNREADABLE,
        "val",
        lambda root: cut_short(root, ".jpg"),
        1,
        "images/val/cut.jpg: image file is truncated",
    ),
    "YOLO: a PNG cut short": (
        Kind.IMAGE_UNREADABLE,
        "val",
        lambda root: cut_short(root, ".png"),
        1,
        "images/val/cut.png: image file is truncated",
    ),
    "YOLO: two images of a name": (Kind.NAME_SHARED, "val", two_endings, 1, "labels/val/b1.txt: "),
    "YOLO: a picture in two splits": (
        Kind.PICTURE_SHARED,
        "val",
        lambda root: same_picture(root, "train/a1.png", "val/leak.png"),
        1,
        "images/train/a1.png (train), images/val/leak.png (val)",
    ),
    "YOLO: a picture twice in a split": (
        Kind.PICTURE_REPEATED,
        "val",
        lambda root: same_picture(root, "val/b1.png", "val/copy.png"),
        1,
        "images/val/b1.png (val), images/val/copy.png (val)",
    ),
    "YOLO: labels in another encoding": (
        Kind.LABELS_UNREADABLE,
        "val",
        lambda root: break_file(yolo_text(root, LINES) / "labels" / "val" / "x.txt", b"\xff\xfe0 .5"),
        1,
        "labels/val/x.txt: 'utf-8' codec can't decode",
    ),
    "YOLO: a word": (
        Kind.LABEL_UNREADABLE,
        "val",
        lambda root: yolo_text(root, LINES + "disc .5 .5 .2 .2\n"),
        1,
        "labels/val/x.txt:2: could not convert string to float: 'disc'",
    ),
    "YOLO: a number too few": (
        Kind.LABEL_UNREADABLE,
        "val",
        lambda root: yolo_text(root, "\n\n0 .5 .5 .2\n" + LINES),
        1,
        "labels/val/x.txt:3: 4 numbers, neither a box (5) nor an outline (7, 9, ...)",
    ),
    "YOLO: half a class": (
        Kind.LABEL_UNREADABLE,
        "val",
        lambda root: yolo_text(root, LINES + "0.5 .5 .5 .2 .2\n"),
        1,
        "labels/val/x.txt:2: class 0.5 is not a whole number",
    ),
    "YOLO: not a number": (
        Kind.LABEL_UNREADABLE,
        "val",
        lambda root: yolo_text(root, LINES + "0 .5 nan .2 .2\n"),
        1,
        "labels/val/x.txt:2 (class 0): not a number",
    ),
    "YOLO: a class too high": (
        Kind.LABEL_OUTSIDE,
        "val",
        lambda root: yolo_text(root, LINES + "3 .5 .5 .2 .2\n-1 .5 .5 .2 .2"),
        2,
        "labels/val/x.txt:2 (class 3)",
    ),
    "YOLO: labels whose image is gone": (
        Kind.LABEL_STRAY,
        "val",
        write_bytes(write_yolo, "labels/val/gone.txt", LINES.encode()),
        1,
        "labels/val/gone.txt",
    ),
    "YOLO: a label twice": (
        Kind.LABEL_REPEATED,
        "val",
        lambda root: yolo_text(root, LINES * 3),
        2,
        "labels/val/x.txt:2 (class 0)",
    ),
    "YOLO: no width": (
        Kind.BOX_EMPTY,
        "val",
        lambda root: yolo_text(root, LINES + "0 .5 .5 0 .2\n0 .5 .5 .2 -.1\n"),
        2,
        "labels/val/x.txt:2 (class 0)",
    ),
    "YOLO: pixels": (
        Kind.BOX_OUTSIDE,
        "val",
        lambda root: yolo_text(root, LINES + "0 250 300 20 20\n"),
        1,
        "labels/val/x.txt:2 (class 0)",
    ),
    "YOLO: nothing but pixels": (
        Kind.LABELS_LOST,
        "val",
        lambda root: yolo_text(root, "0 250 300 20 20\n"),
        1,
        "images/val/x.png",
    ),
    "YOLO: nothing but words": (
        Kind.LABELS_LOST,
        "val",
        lambda root: yolo_text(root, "disc\n"),
        1,
        "images/val/x.png",
    ),
    "YOLO: labels in a misspelt folder": (
        Kind.LABELS_UNUSED,
        "val",
        lambda root: labels_misplaced(root, "lables/val/x.txt"),
        1,
        "lables/val/x.txt, and not labels/val/x.txt",
    ),
    "YOLO: labels beside images in a folder named images": (
        Kind.LABELS_BESIDE,
        "val",
        labels_beside,
        1,
        "images/val/b1.txt",
    ),
    "YOLO: labels in two places": (
        Kind.LABELS_TWICE,
        "val",
        lambda root: labels_beside(root, also=True),
        1,
        "images/val/b1.txt",
    ),
    "YOLO: no box in a split": (Kind.NO_BOX, "val", without_boxes, 1, "1 images"),
    "YOLO: a download": (Kind.DOWNLOAD, "", asking_for_a_download, 1, "https://example.invalid/data.zip"),
    "YOLO: a keypoint that is no number": (
        Kind.KEYPOINT_UNREADABLE,
        "val",
        lambda root: write_pose(root, POSE_LINE.replace(".35", "nan")),
        1,
        "labels/val/x.txt:1 (class 0): keypoint 0",
    ),
    "YOLO: a keypoint seen thrice": (
        Kind.KEYPOINT_VISIBILITY,
        "val",
        lambda root: write_pose(root, POSE_LINE.replace(".6 2", ".6 3")),
        1,
        "labels/val/x.txt:1 (class 0): keypoint 0",
    ),
    "YOLO: a keypoint outside": (
        Kind.KEYPOINT_OUTSIDE,
        "val",
        lambda root: write_pose(root, POSE_LINE.replace(".65", "1.65")),
        1,
        "labels/val/x.txt:1 (class 0): keypoint 1",
    ),
    "YOLO: no keypoint labelled": (
        Kind.NO_KEYPOINT,
        "val",
        lambda root: write_pose(root, "0 .5 .5 .4 .6" + " 0 0 0" * 3),
        1,
        "1 objects",
    ),
    "YOLO: an object without keypoints": (
        Kind.UNLABELLED,
        "val",
        lambda root: write_pose(root, POSE_LINE + "0 .5 .5 .4 .4\n"),
        1,
        "labels/val/x.txt:2 (class 0)",
    ),
    "YOLO: keypoints without visibilities": (
        Kind.KEYPOINTS_BARE,
        "",
        lambda root: write_pose(root, *["0 .5 .5 .4 .6 .1 .1 .2 .2 .3 .3\n"] * 2, kpt_shape=[3, 2]),
        1,
        "kpt_shape: [3, 2]",
    ),
    "YOLO: nothing says what a mirror swaps": (
        Kind.FLIP_UNKNOWN,
        "",
        lambda root: write_pose(root, flip_idx=None),
        1,
        "3 keypoints: left, right, top",
    ),
    "COCO: a class without keypoints": (
        Kind.CLASS_BARE,
        "train",
        coco_with_bare_class,
        1,
        "pose_train.json: annotation 1 (ring)",
    ),
    "YOLO: keypoints for a detector": (Kind.KEYPOINTS_UNUSED, "", write_pose, 1, "kpt_shape: [3, 3]"),
    "YOLO: over the edge": (
        Kind.BOX_OVER,
        "val",
        lambda root: yolo_text(root, "0 .1 .5 .25 .2\n"),
        1,
        "labels/val/x.txt:1 (class 0)",
    ),
    "YOLO: no labels": (Kind.BACKGROUND, "val", lambda root: yolo_text(root, ""), 1, "images/val/x.png"),
    "YOLO: a class that nobody uses": (Kind.CLASS_UNUSED, "test", write_yolo, 1, "disc"),
    "YOLO: a class name twice": (Kind.CLASS_REPEATED, "", described_twice, 1, "disc"),
    "VOC: listed, not there": (
        Kind.IMAGE_MISSING,
        "test",
        lambda root: (write_voc(root) / "JPEGImages" / "c1.png").unlink() or root,
        1,
        "JPEGImages/c1.jpg",
    ),
    "VOC: listed twice": (Kind.IMAGE_REPEATED, "val", lambda root: voc_list(root, "b1.png"), 1, "JPEGImages/b1.png"),
    "VOC: listed in two splits": (
        Kind.PICTURE_SHARED,
        "",
        lambda root: voc_list(root, "a1"),
        1,
        "JPEGImages/a1.png (train), JPEGImages/a1.png (val)",
    ),
    "VOC: no annotation": (Kind.LABELS_MISSING, "test", no_annotation, 1, "Annotations/c1.xml"),
    "VOC: broken XML": (
        Kind.LABELS_UNREADABLE,
        "test",
        write_bytes(write_voc, "Annotations/c1.xml", b"<annotation>\n<object>\n</annotation>"),
        1,
        "Annotations/c1.xml: line 3: mismatched tag",
    ),
    "VOC: an unknown encoding": (
        Kind.LABELS_UNREADABLE,
        "test",
        write_bytes(write_voc, "Annotations/c1.xml", b'<?xml version="1.0" encoding="martian"?><annotation/>'),
        1,
        "Annotations/c1.xml: ",
    ),
    "VOC: another shape": (
        Kind.SIZE_WRONG,
        "val",
        lambda root: voc_with(root, [GOOD], size=(50, 70)),
        1,
        "Annotations/x.xml: 70x50, JPEGImages/x.png: 50x50",
    ),
    "VOC: another size": (
        Kind.SIZE_SCALED,
        "val",
        lambda root: voc_with(root, [GOOD], size=(100, 99)),
        1,
        "Annotations/x.xml: 99x100, JPEGImages/x.png: 50x50",
    ),
    "VOC: no corner": (
        Kind.LABEL_UNREADABLE,
        "val",
        lambda root: voc_with(root, [GOOD], OBJECT.format(0, "")),
        1,
        "Annotations/x.xml: object 2: could not convert string to float: ''",
    ),
    "VOC: no name": (
        Kind.LABEL_UNREADABLE,
        "val",
        lambda root: voc_with(root, [GOOD], OBJECT.format(0, 1).replace("disc", " ")),
        1,
        "Annotations/x.xml: object 2: it has no name",
    ),
    "VOC: a class that isn't listed": (
        Kind.LABEL_OUTSIDE,
        "val",
        lambda root: voc_with(root, [GOOD, GOOD._replace(name="dsic")]),
        1,
        "Annotations/x.xml: object 2 (dsic)",
    ),
    "VOC: beyond all numbers": (
        Kind.LABEL_UNREADABLE,
        "val",
        lambda root: voc_with(root, [GOOD, GOOD._replace(width=1e60)]),
        1,
        "Annotations/x.xml: object 2 (disc): not a number, or one too large",
    ),
    "VOC: no area": (
        Kind.BOX_EMPTY,
        "val",
        lambda root: voc_with(root, [GOOD, GOOD._replace(width=0), GOOD._replace(height=-3)]),
        2,
        "Annotations/x.xml: object 2 (disc)",
    ),
    "VOC: outside": (
        Kind.BOX_OUTSIDE,
        "val",
        lambda root: voc_with(root, [GOOD, GOOD._replace(x=50)]),
        1,
        "Annotations/x.xml: object 2 (disc)",
    ),
    "VOC: nothing but difficult ones": (
        Kind.LABELS_LOST,
        "val",
        lambda root: voc_with(root, [], OBJECT.format(1, 3)),
        1,
        "JPEGImages/x.png",
    ),
    "COCO: nothing but crowds": (
        Kind.LABELS_LOST,
        "val",
        lambda root: coco_label(root, iscrowd=1, image_id=8),
        1,
        "val2017/y.png",
    ),
    "COCO: a name longer than names of files can be": (
        Kind.IMAGE_MISSING,
        "val",
        lambda root: coco_with(root, lambda d: d["images"].append({"id": 99, "file_name": "https://x.y/" + "z" * 999})),
        1,
        "val2017/https:/x.y/zzz",
    ),
    "COCO: a name with a zero byte": (
        Kind.IMAGE_MISSING,
        "val",
        lambda root: coco_with(root, lambda d: d["images"].append({"id": 99, "file_name": "a\0b.png"})),
        1,
        "val2017/a\\x00b.png",
    ),
    "VOC: difficult": (
        Kind.DIFFICULT,
        "val",
        lambda root: voc_with(root, [GOOD], OBJECT.format(1, 3)),
        1,
        "Annotations/x.xml: object 2",
    ),
    "COCO: listed, not there": (
        Kind.IMAGE_MISSING,
        "val",
        lambda root: coco_with(root, lambda d: d["images"].append({"id": 99, "file_name": "gone.png"})),
        1,
        "val2017/gone.png",
    ),
    "COCO: a file name twice": (
        Kind.IMAGE_REPEATED,
        "val",
        lambda root: coco_with(root, duplicate_image),
        1,
        "annotations/instances_val2017.json: image 99 (x.png)",
    ),
    "COCO: an id twice": (
        Kind.IMAGE_REPEATED,
        "val",
        lambda root: coco_with(root, lambda d: d["images"].append({**d["images"][1], "id": d["images"][0]["id"]})),
        1,
        "annotations/instances_val2017.json: image 7 (y.png)",
    ),
    "COCO: an image without a name": (
        Kind.LABELS_UNREADABLE,
        "val",
        lambda root: coco_with(root, lambda d: d["images"].append({"id": 3})),
        1,
        "annotations/instances_val2017.json: images[2] has no id or no file_name",
    ),
    "COCO: an image of another shape": (
        Kind.SIZE_WRONG,
        "val",
        lambda root: coco_with(root, lambda d: d["images"][0].update(width=90)),
        1,
        "annotations/instances_val2017.json: 90x50, val2017/x.png: 50x50",
    ),
    "COCO: a label of no image": (
        Kind.LABEL_STRAY,
        "val",
        lambda root: coco_label(root, image_id=1234),
        1,
        "annotations/instances_val2017.json: annotation 5: image 1234",
    ),
    "COCO: half a box": (
        Kind.LABEL_UNREADABLE,
        "val",
        lambda root: coco_label(root, bbox=[1, 2]),
        1,
        "annotations/instances_val2017.json: annotation 5: bbox is [1, 2]",
    ),
    "COCO: a box beyond all numbers": (
        Kind.LABEL_UNREADABLE,
        "val",
        lambda root: coco_label(root, bbox=[1, 2, 3, 10**400]),
        1,
        "annotations/instances_val2017.json: annotation 5: bbox is [1, 2, 3, 1000",
    ),
    "COCO: a box of nulls": (
        Kind.LABEL_UNREADABLE,
        "val",
        lambda root: coco_label(root, bbox=[None] * 4),
        1,
        "annotations/instances_val2017.json: annotation 5: bbox is [None, None, None, None]",
    ),
    "COCO: not a number": (
        Kind.LABEL_UNREADABLE,
        "val",
        lambda root: coco_label(root, bbox=[1, 2, float("nan"), 4]),
        1,
        "annotations/instances_val2017.json: annotation 5 (disc): not a number",
    ),
    "COCO: an unknown category": (
        Kind.LABEL_OUTSIDE,
        "val",
        lambda root: coco_label(root, category_id=55),
        1,
        "annotations/instances_val2017.json: annotation 5 (category 55)",
    ),
    "COCO: a category that is a list": (
        Kind.LABEL_OUTSIDE,
        "val",
        lambda root: coco_label(root, category_id=[1]),
        1,
        "annotations/instances_val2017.json: annotation 5 (category None)",
    ),
    "COCO: no area": (
        Kind.BOX_EMPTY,
        "val",
        lambda root: coco_label(root, bbox=[1, 2, 0, 4]),
        1,
        "annotations/instances_val2017.json: annotation 5 (disc)",
    ),
    "COCO: a label twice": (
        Kind.LABEL_REPEATED,
        "val",
        coco_label,
        1,
        "annotations/instances_val2017.json: annotation 5 (disc)",
    ),
    "COCO: a crowd": (
        Kind.CROWD,
        "val",
        lambda root: coco_label(root, iscrowd=1, bbox=[1, 2, 3, 4]),
        1,
        "annotations/instances_val2017.json: annotation 5",
    ),
    "COCO: a category twice": (
        Kind.CLASS_REPEATED,
        "val",
        lambda root: coco_with(root, lambda d: d["categories"].append({"id": 66, "name": "disc"})),
        1,
        "disc",
    ),
    "COCO: a heading": (
        Kind.CLASS_GROUP,
        "",
        lambda root: coco_with(
            root, lambda d: d["categories"].append({"id": 0, "name": "shape", "supercategory": "none"})
        ),
        1,
        "shape",
    ),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", CASES)
def test_every_fault_is_found_counted_and_placed(case: str, tmp_path: Path) -> None:
    kind, split, make, count, place = CASES[case]
    found, where = fault(make(tmp_path), kind, split)
    assert found == count
    assert where.startswith(place)


def test_every_kind_is_provoked() -> None:
    assert {case[0] for case in CASES.values()} == set(Kind)


def test_every_kind_is_in_the_documentation_with_what_is_done_about_it() -> None:
    page = Path(__file__, "../../../docs/data.md").resolve().read_text(encoding="utf-8")
    faults, facts = page.partition("| fact, no fault |")[::2]
    for kind in Kind:
        rows = [row for row in (faults if kind.is_fault else facts).splitlines() if row.startswith(f"| {kind.title}")]
        assert any(row.endswith(f"| {kind.outcome} |") for row in rows), kind


LEFT = {
    "YOLO: a class too high": 1,
    "YOLO: a label twice": 1,
    "YOLO: no width": 1,
    "YOLO: a word": 1,
    "YOLO: over the edge": 1,
    "VOC: no corner": 1,
    "VOC: difficult": 1,
    "VOC: no area": 1,
    "VOC: another size": 1,
    "COCO: a crowd": 1,
    "COCO: half a box": 1,
    "COCO: a label twice": 1,
    "COCO: a file name twice": 2,
}


@pytest.mark.parametrize("case", LEFT)
def test_the_image_and_its_good_labels_stay(case: str, tmp_path: Path) -> None:
    data = open_data(CASES[case][2](tmp_path), ["val"])
    (sample,) = [sample for sample in data.splits["val"] if Path(sample.image).stem == "x"]
    assert len(sample.classes) == len(sample.boxes) == LEFT[case]


@pytest.mark.parametrize("case", [case for case, (kind, *_) in CASES.items() if kind.loses_image])
def test_an_image_that_can_t_be_used_is_left_out(case: str, tmp_path: Path) -> None:
    _, split, make, _, place = CASES[case]
    data = open_data(make(tmp_path))
    assert data.report.images_lost == 1
    stem = Path(place.partition(": ")[0].partition(":")[0]).stem
    assert stem not in {Path(sample.image).stem for sample in data.splits[split]}


def test_a_split_without_a_box_is_a_fault_and_one_image_without_is_none(tmp_path: Path) -> None:
    report = check_data(without_boxes(tmp_path))
    assert [finding.kind for finding in report.faults] == [Kind.NO_BOX]
    assert Kind.BACKGROUND in {finding.kind for finding in report.facts}


def test_boxes_of_an_annotation_for_another_size_are_scaled(tmp_path: Path) -> None:
    data = open_data(voc_with(tmp_path, [GOOD], size=(100, 100)), ["val"])
    np.testing.assert_allclose(data.splits["val"][-1].boxes, [[0.2, 0.2, 0.2, 0.2]])


@pytest.mark.parametrize(
    ("annotated", "kind"),
    [
        ((67, 100), Kind.SIZE_SCALED),
        ((69, 100), Kind.SIZE_SCALED),
        ((66, 100), Kind.SIZE_WRONG),
        ((70, 100), Kind.SIZE_WRONG),
    ],
)
def test_an_annotated_size_may_be_rounded_by_a_pixel(annotated: tuple[int, int], kind: Kind, tmp_path: Path) -> None:
    root = voc_with(tmp_path, [GOOD], size=annotated)
    write_image(root / "JPEGImages" / "x.png", Picture("x", 102, 150))
    said = f"Annotations/x.xml: 100x{annotated[0]}, JPEGImages/x.png: 150x102"
    assert fault(root, kind) == (1, said)


def test_bytes_after_the_end_of_a_jpeg_are_no_fault(tmp_path: Path) -> None:
    assert check_data(trailing_bytes(tmp_path)).faults == ()


def test_lists_of_classes_beside_the_labels_are_no_fault(tmp_path: Path) -> None:
    root = write_yolo(tmp_path)
    (root / "labels" / "val" / "classes.txt").write_text("disc\nring\ncross\n")
    (root / "labels" / "val" / "README.txt").write_text("Exported by hand.\n")
    assert check_data(root).faults == ()


def test_labels_that_touch_the_edge_are_no_fault(tmp_path: Path) -> None:
    half_a_pixel = [Box("ring", 0.6, 25, 49.8, 25.4), Box("cross", -0.4, -0.4, 9, 9)]
    edge = Picture("edge", 50, 50, [Box("disc", 0, 0, 50, 50), *half_a_pixel])
    for format, write in WRITERS.items():
        report = check_data(write(tmp_path / format, {"train": [edge], "val": [edge._replace(name="other")]}))
        assert report.counts() == {}


def test_nothing_is_written_and_no_image_is_repaired(tmp_path: Path) -> None:
    root = cut_short(tmp_path, ".jpg")
    before = {path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in root.rglob("*")}
    open_data(root)
    assert {path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in root.rglob("*")} == before


def broken_everywhere(root: Path) -> DataReport:
    return check_data(yolo_text(root, "9 .5 .5 .2 .2\n" * 20 + LINES + "a\n"))


def test_nothing_is_printed_where_there_is_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_data(write_yolo(tmp_path))
    assert capsys.readouterr() == ("", "")


def test_the_report_is_json_and_keeps_the_first_places(tmp_path: Path) -> None:
    report = broken_everywhere(tmp_path)
    found = json.loads(json.dumps(report.to_dict()))
    assert found["splits"]["val"] == {"images": 2, "backgrounds": 0, "boxes": [3, 0, 0]}
    (outside,) = [finding for finding in found["findings"] if finding["kind"] == "label_outside"]
    assert outside["count"] == 20
    assert outside["fault"]
    assert outside["places"] == [f"labels/val/x.txt:{line} (class 9)" for line in range(1, 6)]
    assert report.counts() == {"label_unreadable": 1, "label_outside": 20, "background": 1, "class_unused": 3}


def test_faults_are_logged_in_one_message_and_facts_are_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "yolonas_plugin"):
        check_data(write_yolo(tmp_path / "good")).log()
        assert not caplog.records
        broken_everywhere(tmp_path / "bad").log()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    lines = record.getMessage().splitlines()
    assert lines[0].endswith("bad: faults in the data:")
    assert lines[1].strip() == "1 x label unreadable in val, label left out: labels/val/x.txt:22: " + (
        "could not convert string to float: 'a'"
    )
    assert lines[2].strip().startswith("20 x label outside the classes in val, label left out: labels/val/x.txt:1 (cl")
    assert lines[2].endswith("; ...")
    assert len(lines) == 3


def test_terminal_codes_in_names_and_places_reach_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "\x1b]0;owned\x07"

    def hostile(described: dict) -> None:
        described["images"].append({"id": 99, "file_name": f"{code}.png"})
        described["annotations"].append({"id": code, "image_id": code, "bbox": code})
        described["annotations"].append({**described["annotations"][0], "id": code, "category_id": code})

    assert main(["check-data", str(coco_with(tmp_path / "a", hostile))]) == 3
    captured = capsys.readouterr()
    assert "image missing in val" in captured.out
    named = coco_with(tmp_path / "b", lambda d: d["categories"].append({"id": 99, "name": code}))
    with pytest.raises(SourceError, match="control characters") as raised:
        check_data(named)
    assert main(["check-data", str(named)]) == 1
    assert not {"\x1b", "\x07"} & set(captured.out + captured.err + str(raised.value) + capsys.readouterr().err)


def test_coco_labels_under_both_records_of_an_image_are_all_used(tmp_path: Path) -> None:
    data = open_data(coco_with(tmp_path, duplicate_image), ["val"])
    assert len(data.splits["val"]) == 2
    assert data.splits["val"][0].classes.tolist() == [0, 0]


def test_a_json_file_of_a_hostile_mind_is_read(tmp_path: Path) -> None:
    def anything(described: dict) -> None:
        described["annotations"] += [None, 3, [], {}, {"image_id": [], "bbox": {}}, {"image_id": 7, "bbox": "1234"}]
        described["categories"] += [{"id": "7", "name": "ring", "supercategory": [1]}]
        described["images"] += [None, {"id": [], "file_name": 3}, {"id": 55, "file_name": {}, "height": "x"}]

    report = check_data(coco_with(tmp_path, anything))
    assert report.counts() | {"class_unused": 0} == {
        "labels_unreadable": 3,
        "label_stray": 5,
        "label_unreadable": 1,
        "background": 2,
        "class_repeated": 1,
        "class_unused": 0,
    }


def test_coco_splits_may_number_their_categories_differently(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    path = root / "annotations" / "instances_val2017.json"
    described = coco_json(SPLITS["val"])
    for category in described["categories"]:
        category["id"] = 50 - category["id"]
    for annotation in described["annotations"]:
        annotation["category_id"] = 50 - annotation["category_id"]
    path.write_text(json.dumps(described))
    data = open_data(root)
    assert data.names == NAMES
    assert data.splits["val"][0].classes.tolist() == [0, 0]


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "none"])
def test_it_is_checked_without_standard_error(closed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_yolo(tmp_path)
    stream = open(os.devnull, "w") if closed else None  # noqa: SIM115  it is closed at once
    if stream is not None:
        stream.close()
    monkeypatch.setattr("sys.stderr", stream)
    assert check_data(data).splits["train"].images > 0
