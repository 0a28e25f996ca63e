"""A small data set with boxes that anybody can check, written in all three formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import cv2
import numpy as np
import yaml

NAMES: Final = ("disc", "ring", "cross")


class Box(NamedTuple):
    """A class, and x, y, width, height in pixels."""

    name: str
    x: float
    y: float
    width: float
    height: float


class Picture(NamedTuple):
    """An image: its name without ending, its height and width, and what is on it."""

    name: str
    height: int
    width: int
    boxes: Sequence[Box] = ()


Splits: TypeAlias = Mapping[str, Sequence[Picture]]

SPLITS: Final[Splits] = {
    "train": [
        Picture("a1", 48, 64, [Box("disc", 3, 5, 20, 11), Box("cross", 30, 7, 31, 33)]),
        Picture("a2", 64, 48, [Box("ring", 0, 0, 48, 64)]),
        Picture("a3", 50, 70),
    ],
    "val": [Picture("b1", 33, 77, [Box("disc", 10.5, 3.25, 13.75, 9.5), Box("disc", 40, 20, 7, 13)])],
    "test": [Picture("c1", 40, 40, [Box("cross", 1, 2, 3, 4)]), Picture("c2", 64, 64, [Box("ring", 17, 13, 29, 31)])],
}


def write_image(path: Path, picture: Picture, seed: int | None = None) -> Path:
    """Write noise that differs from picture to picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(sum(picture.name.encode()) if seed is None else seed)
    pixels = random.randint(0, 256, (picture.height, picture.width, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), pixels)
    return path


def write_voc(root: Path, splits: Splits = SPLITS) -> Path:
    """``Annotations``, ``JPEGImages``, ``ImageSets/Main``, and the order of the classes in ``labels.txt``."""
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for split, pictures in splits.items():
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"{p.name}\n" for p in pictures))
        for picture in pictures:
            write_image(root / "JPEGImages" / f"{picture.name}.png", picture)
            (root / "Annotations" / f"{picture.name}.xml").write_text(voc_xml(picture))
    (root / "labels.txt").write_text("\n".join(NAMES))
    return root


def voc_xml(picture: Picture, extra: str = "") -> str:
    """Describe a picture; ``extra`` comes after its objects."""
    objects = "".join(
        f"<object><name>{b.name}</name><difficult>0</difficult><bndbox><xmin>{b.x}</xmin><ymin>{b.y}</ymin>"
        f"<xmax>{b.x + b.width}</xmax><ymax>{b.y + b.height}</ymax></bndbox></object>\n"
        for b in picture.boxes
    )
    size = f"<size><width>{picture.width}</width><height>{picture.height}</height><depth>3</depth></size>"
    return f"<annotation>\n<filename>wrong.jpg</filename>{size}\n{objects}{extra}</annotation>\n"


def coco_json(pictures: Sequence[Picture], folder: str = "", *, first_id: int = 7) -> dict:
    """Describe pictures; ids have gaps, and categories stand in no order."""
    ids = {name: 3 * i + 1 for i, name in enumerate(NAMES)}
    owners = [(i, box) for i, picture in enumerate(pictures, start=first_id) for box in picture.boxes]
    return {
        "images": [
            {"id": i, "file_name": f"{folder}{p.name}.png", "height": p.height, "width": p.width}
            for i, p in enumerate(pictures, start=first_id)
        ],
        "annotations": [
            {"id": 100 + k, "image_id": i, "category_id": ids[box.name], "bbox": list(box[1:]), "iscrowd": 0}
            for k, (i, box) in enumerate(owners)
        ],
        "categories": [{"id": ids[name], "name": name, "supercategory": "shape"} for name in reversed(NAMES)],
    }


def write_coco(root: Path, splits: Splits = SPLITS) -> Path:
    """``annotations/instances_train2017.json``, ``train2017/``, and so on."""
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    for split, pictures in splits.items():
        (root / "annotations" / f"instances_{split}2017.json").write_text(json.dumps(coco_json(pictures)))
        for picture in pictures:
            write_image(root / f"{split}2017" / f"{picture.name}.png", picture)
    return root


def write_yolo(root: Path, splits: Splits = SPLITS) -> Path:
    """``images/train``, ``labels/train``, and so on, and ``data.yaml``; an image without boxes has no label file."""
    for split, pictures in splits.items():
        for picture in pictures:
            write_image(root / "images" / split / f"{picture.name}.png", picture)
            if picture.boxes:
                path = root / "labels" / split / f"{picture.name}.txt"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("".join(yolo_line(picture, box) for box in picture.boxes))
    paths = {split: f"images/{split}" for split in splits}
    data = {"path": str(root), "train": "images/train", "val": "images/val", **paths, "names": list(NAMES)}
    (root / "data.yaml").write_text(yaml.safe_dump(data))
    return root


def yolo_line(picture: Picture, box: Box) -> str:
    """Write a box as class, centre and sides in fractions, with all digits."""
    right, bottom = box.x + box.width, box.y + box.height
    centre = (box.x + right) / 2 / picture.width, (box.y + bottom) / 2 / picture.height
    sides = (right - box.x) / picture.width, (bottom - box.y) / picture.height
    return " ".join(map(repr, (NAMES.index(box.name), *centre, *sides))) + "\n"


POSE: Final[Mapping[str, object]] = {
    "names": ["disc"],
    "kpt_shape": [3, 3],
    "flip_idx": [1, 0, 2],
    "kpt_names": {0: ["left", "right", "top"]},
    "kpt_oks_sigmas": [0.1, 0.2, 0.3],
}
"""What a description says of objects with three keypoints."""

POSE_LINE: Final = "0 .5 .5 .4 .6 .35 .6 2 .65 .6 1 0 0 0\n"


def write_pose(root: Path, text: str = POSE_LINE, train: str = POSE_LINE, **changes: object) -> Path:
    """YOLO with keypoints: a picture in ``train``, one in val whose labels are ``text``; None leaves out a key."""
    for split, name, labels in (("train", "a", train), ("val", "x", text)):
        write_image(root / "images" / split / f"{name}.png", Picture(name, 40, 50))
        (root / "labels" / split).mkdir(parents=True, exist_ok=True)
        (root / "labels" / split / f"{name}.txt").write_text(labels)
    said = {"path": str(root), "train": "images/train", "val": "images/val", **POSE, **changes}
    (root / "data.yaml").write_text(yaml.safe_dump({key: value for key, value in said.items() if value is not None}))
    return root


def pose_json(category: Mapping[str, object], *annotations: Mapping[str, object]) -> dict[str, Any]:
    """COCO JSON of one picture, ``a.png``, of 40 by 50 pixels."""
    return {
        "images": [{"id": 7, "file_name": "a.png", "height": 40, "width": 50}],
        "categories": [{"id": 1, "name": "disc", **category}],
        "annotations": [
            {"id": index, "image_id": 7, "category_id": 1, "bbox": [10, 10, 20, 20], **annotation}
            for index, annotation in enumerate(annotations)
        ],
    }


WRITERS: Final[dict[str, Callable[..., Path]]] = {"YOLO": write_yolo, "COCO": write_coco, "Pascal VOC": write_voc}
