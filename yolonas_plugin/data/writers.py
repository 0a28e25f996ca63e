"""Detections as a data set to be corrected by hand: YOLO, COCO JSON or Pascal VOC, with copies of the images.

Keypoints go with their boxes in YOLO and COCO; one that no picture would show isn't labelled.

What is written here is read without a fault by :func:`yolonas_plugin.data.open_data`. supervision's writers leave out
the scores, and refuse images whose names differ in folder or ending only.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import yaml

from yolonas_plugin.boxes.clipping import clip_boxes, have_area
from yolonas_plugin.boxes.image_boxes import as_arrays, skeleton_of
from yolonas_plugin.data.contents import read_lines
from yolonas_plugin.data.image_files import SUFFIXES, is_image
from yolonas_plugin.data.yaml_file import class_names, load_yaml
from yolonas_plugin.errors import CheckpointError, SourceError
from yolonas_plugin.files.whole import whole_folder
from yolonas_plugin.images import log_unreadable
from yolonas_plugin.names import as_file_name, checked_names
from yolonas_plugin.skeleton import Skeleton


class Written(NamedTuple):
    """Where a data set was written, its number of images, and its number of boxes by class name."""

    folder: Path
    images: int
    boxes: Counter[str]


class _Labels(NamedTuple):
    """What is on one image: its name in the data set, its size, and boxes x1, y1, x2, y2 in pixels, inside it.

    Keypoints are x, y in pixels, and score, of each box; those that aren't labelled are -1, -1, and their score.
    """

    name: str
    height: int
    width: int
    boxes: list[list[float]]
    scores: list[float]
    classes: list[int]
    keypoints: list[list[list[float]]]


def write_labels(found: Iterable[Any], folder: str | Path, format: str) -> Written:
    """Write detections in image files as a data set, which appears whole or not at all.

    Boxes are cut at the image's edges. Images keep their names, but for what not every system or format can write,
    which is escaped; where two of them differ in folder or ending only, the second is called ``name-2``. An image that
    comes twice is written once.

    Args:
        found: What ``NAS.predict`` gives, or a predictor of the contract; a stream is read as it is written. Images
            that couldn't be read are logged.
        folder: A new or empty folder.
        format: ``"yolo"``, ``"coco"``, which keeps the scores, or ``"voc"``.

    Raises:
        SourceError: The format is unknown, the folder has files, a detection isn't from an image file, or there is none
            at all; or a class can't be named in this format, or it has no place for keypoints.
        ExportError: It can't be written.
    """
    if format not in FORMATS:
        raise SourceError(f"format={format!r} is unknown; there are {', '.join(FORMATS)}")
    target = Path(folder).expanduser().absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise SourceError(f"{target}: there is something here already; name a new folder")
    place, write = FORMATS[format]
    images: dict[str, _Labels] = {}
    stems: set[str] = set()
    names: Mapping[int, str] = {}
    skeleton: Skeleton | None = None
    with whole_folder(target) as temporary:
        (temporary / place).mkdir()
        for result in found:
            if getattr(result, "error", None):
                log_unreadable(result.path)
                continue
            skeleton = skeleton or skeleton_of(result)
            if skeleton is not None and format not in WITH_KEYPOINTS:
                raise SourceError(
                    f"format={format!r} has no place for keypoints, which this model finds; take "
                    f"{' or '.join(map(repr, WITH_KEYPOINTS))}"
                )
            source = os.path.abspath(result.path)
            if source not in images:
                name = _free_name(source, stems)
                shutil.copyfile(source, temporary / place / name)
                images[source] = _labels(name, result)
            names = result.names
        if not images:
            raise SourceError("there is no image to write labels for")
        named = [str(names[index]) for index in sorted(names)]
        _write_checked(write, skeleton, temporary, list(images.values()), named, format)
    boxes = Counter(names[index] for image in images.values() for index in image.classes)
    return Written(target, len(images), boxes)


def _free_name(source: str, stems: set[str]) -> str:
    """Return a file name whose stem no other image has, in letters of either case."""
    path = Path(source)
    if not is_image(source) or not path.is_file():
        raise SourceError(f"{source}: labels are for image files: {', '.join(sorted(SUFFIXES))}")
    first = stem = _plain(path.stem)
    number = 1
    while stem.lower() in stems:
        number += 1
        stem = f"{first}-{number}"
    stems.add(stem.lower())
    return stem + path.suffix


def _plain(stem: str) -> str:
    """Return a name that any of the formats can write, the same unless it has to be another."""
    plain = stem.isprintable() and stem == stem.strip() and "\\" not in stem and not stem.startswith((".", "~"))
    return stem if plain and len(stem.encode()) < 200 else as_file_name(stem)


Write: TypeAlias = "Callable[[Skeleton | None, Path, Sequence[_Labels], Sequence[str]], Callable[[], Sequence[str]]]"
"""Writes the annotations, and returns what reads the names of the classes from them."""


def _write_checked(
    write: Write,
    skeleton: Skeleton | None,
    root: Path,
    images: Sequence[_Labels],
    names: Sequence[str],
    format: str,
) -> None:
    """Write the annotations, and see that the classes are read from them as they are.

    Raises:
        SourceError: They aren't.
    """
    try:
        checked_names(names, f"format={format!r}")
        found = list(write(skeleton, root, images, names)())
    except (CheckpointError, UnicodeError, ValueError) as error:
        raise SourceError(f"the classes can't be named in this format: {error}") from error
    different = [name for name, other in itertools.zip_longest(names, found) if name != other]
    if repeated := [name for name, count in Counter(names).items() if count > 1 and format != "yolo"]:
        raise SourceError(
            f"two classes are called {repeated[0]!r}, and format={format!r} tells them apart by their names; give the "
            "classes other names, or take format='yolo'"
        )
    if different:
        raise SourceError(
            f"format={format!r} names classes one a line, and has no place for {different[0]!r}; give the class "
            "another name, or take another format"
        )


def _labels(name: str, result: Any) -> _Labels:
    found = as_arrays(result)
    boxes = clip_boxes(found.boxes.astype(float).reshape(-1, 4), found.height, found.width).round(2)
    inside = have_area(boxes)
    points = np.zeros((len(boxes), 0, 3))
    if found.keypoints is not None:
        points = found.keypoints.astype(float)
        points[..., :2] = np.where(found.shown_keypoints()[..., None], points[..., :2].round(2), -1)
    rows = (values[inside].tolist() for values in (boxes, found.scores, found.labels, points))
    return _Labels(name, found.height, found.width, *rows)


def _is_labelled(point: Sequence[float]) -> bool:
    return point[0] >= 0


def _write_yolo(
    skeleton: Skeleton | None, root: Path, images: Sequence[_Labels], names: Sequence[str]
) -> Callable[[], Sequence[str]]:
    (root / "labels").mkdir()
    for image in images:
        lines = []
        for (x1, y1, x2, y2), index, points in zip(image.boxes, image.classes, image.keypoints, strict=True):
            centre = (x1 + x2) / 2 / image.width, (y1 + y2) / 2 / image.height
            sides = (x2 - x1) / image.width, (y2 - y1) / image.height
            text = " ".join(f"{value:.7f}" for value in (*centre, *sides))
            for point in points:
                x, y = point[0] / image.width, point[1] / image.height
                text += f" {x:.7f} {y:.7f} 2" if _is_labelled(point) else " 0 0 0"
            lines.append(f"{index} {text}\n")
        (root / "labels" / Path(image.name).with_suffix(".txt")).write_text("".join(lines), encoding="utf-8")
    data: dict[str, Any] = {"train": "images", "val": None, "names": dict(enumerate(names))}  # the engine wants both
    if skeleton is not None:
        data["kpt_shape"] = [len(skeleton), 3]
        data["kpt_names"] = {index: list(skeleton.names) for index in range(len(names))}
        if skeleton.flip_index is not None:
            data["flip_idx"] = list(skeleton.flip_index)
    path = root / "data.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return lambda: class_names(load_yaml(path), str(path))


def _write_coco(
    skeleton: Skeleton | None, root: Path, images: Sequence[_Labels], names: Sequence[str]
) -> Callable[[], Sequence[str]]:
    annotations: list[dict[str, Any]] = []
    for number, image in enumerate(images, start=1):
        rows = zip(image.boxes, image.scores, image.classes, image.keypoints, strict=True)
        for (x1, y1, x2, y2), score, index, points in rows:
            width, height = round(x2 - x1, 2), round(y2 - y1, 2)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": index + 1,
                    "bbox": [x1, y1, width, height],
                    "area": round(width * height, 2),
                    "iscrowd": 0,
                    "segmentation": [],
                    "score": round(score, 5),
                    **({} if skeleton is None else _coco_keypoints(points)),
                }
            )
    kind: dict[str, Any] = {}
    if skeleton is not None:
        bones = [[start + 1, end + 1] for start, end in skeleton.edges]
        kind = {"keypoints": list(skeleton.names), "skeleton": bones}
    content = {
        "images": [
            {"id": number, "file_name": image.name, "height": image.height, "width": image.width}
            for number, image in enumerate(images, start=1)
        ],
        "annotations": annotations,
        "categories": [{"id": number, "name": name, **kind} for number, name in enumerate(names, start=1)],
    }
    (root / "annotations").mkdir()
    path = root / "annotations" / "instances_train.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return lambda: [category["name"] for category in json.loads(path.read_text(encoding="utf-8"))["categories"]]


def _coco_keypoints(points: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Return the keypoints of an object, with visibility 2 or 0, and their scores, which COCO hasn't."""
    labelled = [_is_labelled(point) for point in points]
    rows = [(*point[:2], 2) if seen else (0, 0, 0) for point, seen in zip(points, labelled, strict=True)]
    return {
        "keypoints": [value for row in rows for value in row],
        "num_keypoints": sum(labelled),
        "keypoint_scores": [round(point[2], 5) for point in points],
    }


def _write_voc(
    skeleton: Skeleton | None, root: Path, images: Sequence[_Labels], names: Sequence[str]
) -> Callable[[], Sequence[str]]:
    assert skeleton is None
    for folder in ("Annotations", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    stems = []
    for image in images:
        stem = Path(image.name).stem
        stems.append(image.name if is_image(stem) else stem)  # else a.jpg.png would be a
        file = root / "Annotations" / f"{stem}.xml"
        file.write_bytes(ElementTree.tostring(_voc_tree(image, names), encoding="utf-8"))
    for name, lines in (("ImageSets/Main/train.txt", stems), ("labels.txt", names)):
        (root / name).write_bytes("".join(f"{line}\n" for line in lines).encode())
    return lambda: [name for name in read_lines(root / "labels.txt") if _in_xml(name) == name]


def _voc_tree(image: _Labels, names: Sequence[str]) -> ElementTree.Element:
    tree = ElementTree.Element("annotation")
    _add(tree, filename=image.name)
    _add(ElementTree.SubElement(tree, "size"), width=image.width, height=image.height, depth=3)
    for box, index in zip(image.boxes, image.classes, strict=True):
        item = ElementTree.SubElement(tree, "object")
        _add(item, name=names[index], difficult=0)
        corners = dict(zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
        _add(ElementTree.SubElement(item, "bndbox"), **corners)
    ElementTree.indent(tree)
    return tree


def _in_xml(name: str) -> str:
    """Return what is read of a name from XML."""
    element = ElementTree.Element("name")
    element.text = name
    try:
        return (ElementTree.fromstring(ElementTree.tostring(element, encoding="utf-8")).text or "").strip()
    except ElementTree.ParseError:
        return ""


def _add(element: ElementTree.Element, **values: Any) -> None:
    for name, value in values.items():
        ElementTree.SubElement(element, name).text = str(value)


FORMATS: Final[dict[str, tuple[str, Write]]] = {
    "yolo": ("images", _write_yolo),
    "coco": ("images", _write_coco),
    "voc": ("JPEGImages", _write_voc),
}
"""The folder of the images, and what writes the annotations, of each format."""

WITH_KEYPOINTS: Final = ("yolo", "coco")
"""The formats that have a place for keypoints."""
