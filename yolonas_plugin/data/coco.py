"""COCO JSON: one file for each split, and folders of images.

Categories become classes in the order of their ids, as pycocotools and super-gradients have it. Crowd boxes are left
out: Ultralytics' converter does so, and super-gradients takes none for an object. Outlines are dropped while the file
is parsed: one of 446 MB, the size of COCO's own training set, takes 1.1 GB of memory and not 2.9.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from yolonas_plugin.data.contents import SPLIT_FOLDERS, Contents, choose, known_size
from yolonas_plugin.data.keypoints import check_same, coco_skeleton, keypoint_shape, no_keypoints, with_description
from yolonas_plugin.data.report import Kind, Notes
from yolonas_plugin.data.samples import Record
from yolonas_plugin.data.text import legible, read_text
from yolonas_plugin.data.yaml_file import SPLITS, class_names, is_json
from yolonas_plugin.errors import SourceError
from yolonas_plugin.skeleton import Skeleton

FORMAT: Final = "COCO"

_LARGEST: Final = 4 << 30

_PATTERNS: Final = (
    "instances*.json",
    "*annotations*.json",
    "*coco*.json",
    "labels*.json",
    "train*.json",
    "val*.json",
    "test*.json",
    "*keypoints*.json",
)
_NOTHING: Final = ("none", "", None)
_OTHERS: Final = ("captions", "panoptic", "stuff", "image_info")
_SPLIT: Final = re.compile(r"(?<![a-z])(train|valid|validation|val|test)(?![a-z])")


@dataclass(frozen=True, slots=True)
class CocoFiles:
    """Where the parts of a data set lie.

    Attributes:
        root: Folder that paths in messages are relative to.
        annotations: The JSON file of each split.
        images: The folder of images of each split, where it is known.
        names: The classes, where somebody has said them; they win over the categories.
        described: What else somebody has said, of the keypoints.
    """

    root: Path
    annotations: Mapping[str, Path]
    images: Mapping[str, Path]
    names: tuple[str, ...] = ()
    described: Mapping[str, Any] = field(default_factory=dict)


def find_coco(root: Path, keypoints: bool | None = False) -> CocoFiles | None:
    """Find the JSON files of each split in a folder, in its ``annotations``, or in a folder for each split.

    COCO has a file of keypoints besides that of instances, taken where keypoints are needed or where there is no other.

    Raises:
        SourceError: Two files claim to be the same split.
    """
    folders = [root, root / "annotations", *(root / name for name in SPLIT_FOLDERS)]
    found = {path for folder in folders for pattern in _PATTERNS for path in folder.glob(pattern)}
    files = sorted(path for path in found if not path.stem.startswith(_OTHERS) and split_of(path))
    of_keypoints = {path for path in files if "keypoints" in path.stem}
    files = [path for path in files if (path in of_keypoints) == bool(keypoints)] or files
    files = [path for path in files if path.stem.startswith("instances")] or files
    splits: dict[str, Path] = {}
    for path in files:
        split = str(split_of(path))
        if splits.setdefault(split, path) != path:
            raise SourceError(
                f"{root}: both {splits[split].name} and {path.name} could be the annotations of {split!r}; say which "
                "in a YAML file, such as 'train: annotations/a.json', and give that as the data"
            )
    order = dict.fromkeys(SPLIT_FOLDERS.values())
    return CocoFiles(root, {split: splits[split] for split in order if split in splits}, {}) if splits else None


def split_of(path: Path) -> str | None:
    """Tell which split a JSON file is by its name, or else by its folder's."""
    for name in (path.stem, path.parent.name):
        if match := _SPLIT.search(name.lower()):
            return SPLIT_FOLDERS[match[1]]
    return None


def described_coco(described: Mapping[str, Any], home: Path) -> CocoFiles:
    """Understand a description such as ``{"path": ..., "train": "a.json", "val": "b.json", "images": ...}``.

    ``images`` is a folder, or a folder for each split; without it the images are looked for. ``names`` may give the
    classes and their order.

    Args:
        described: What it says; a split is a JSON file.
        home: The folder that it is in.

    Raises:
        SourceError: Something in it isn't what it should be.
    """
    given = described.get("path") or "."
    images = described.get("images") or {}
    if not isinstance(images, Mapping):
        images = dict.fromkeys(SPLITS, images)
    splits = {split: described[split] for split in SPLITS if is_json(described.get(split))}
    for key, value in {"path": given, **{f"images of {split}": folder for split, folder in images.items()}}.items():
        if not isinstance(value, (str, Path)):
            raise SourceError(f"{home}: in the description {key!r} must be a folder, found {legible(value)!r}")
    try:
        root = (home / Path(given).expanduser()).resolve()
    except (ValueError, RuntimeError, OSError) as error:
        raise SourceError(f"{home}: 'path' of the description can't be found: {error}") from error
    names = class_names(described, str(home)) if described.get("names") else ()
    files = {split: root / str(name) for split, name in splits.items()}
    return CocoFiles(root, files, {split: root / str(folder) for split, folder in images.items()}, names, described)


def read_coco(
    files: CocoFiles, wanted: tuple[str, ...] | None, notes: Notes, keypoints: bool | None = False
) -> Contents:
    """Read the JSON files of the splits that are wanted; None reads all.

    Args:
        files: Where they are.
        wanted: The splits.
        notes: Gets what was found.
        keypoints: Whether keypoints are needed, or left out; None reads them where there are any.

    Raises:
        SourceError: A file isn't COCO JSON, there is no such split, none of its images can be found, or there are no
            keypoints, or contradictory ones, where they are needed.
    """
    chosen = choose(files.annotations, wanted, str(files.root))
    loaded = {split: _load(files.annotations[split], keypoints) for split in chosen}
    names = files.names or _names(loaded, notes)
    skeletons = _skeletons(loaded, names, files, keypoints, notes)
    skeleton = None
    if skeletons:
        title = str(files.root)
        check_same(skeletons, title)
        names = tuple(name for name in names if name in skeletons)
        skeleton = with_description(skeletons[names[0]], files.described, title)
        shape = keypoint_shape(files.described, title)
        if shape is not None and shape[0] != len(skeleton):
            raise SourceError(f"{title}: 'kpt_shape' says {shape[0]} keypoints, and the JSON file has {len(skeleton)}")
    records = {split: _records(split, data, names, files, notes, skeleton) for split, data in loaded.items()}
    ids = {split: _category_ids(data, names) for split, data in loaded.items()}
    return Contents(FORMAT, str(files.root), names, records, category_ids=ids, skeleton=skeleton)


def _skeletons(
    loaded: Mapping[str, dict[str, Any]],
    names: Sequence[str],
    files: CocoFiles,
    keypoints: bool | None,
    notes: Notes,
) -> dict[str, Skeleton]:
    """Return the keypoints of each class that has some, none where they are left out or no label has any.

    Raises:
        SourceError: There are none, and they are needed; or the splits, or parts of one, contradict each other.
    """
    found: dict[str, Skeleton] = {}
    for split, data in loaded.items():
        for category in data["categories"]:
            name = category["name"]
            title = f"{files.annotations[split]}: category {legible(name)!r}"
            if name in names and category.get("keypoints"):
                if keypoints is False:
                    notes.add(Kind.KEYPOINTS_UNUSED, split, name)
                elif skeleton := coco_skeleton(category, title):
                    check_same({name: found.setdefault(name, skeleton), f"{name} of {split}": skeleton}, title)
    items = (item for data in loaded.values() for item in data["annotations"])
    labelled = any(isinstance(item, dict) and item.get("keypoints") for item in items)
    if keypoints and not (found and labelled):
        raise no_keypoints(str(files.root), "no annotation has keypoints" if found else "no category has keypoints")
    return found if labelled else {}


def _load(path: Path, keypoints: bool | None) -> dict[str, Any]:
    try:
        data = json.loads(
            read_text(path, _LARGEST), object_hook=_only_boxes if keypoints is False else _without_outlines
        )
    except json.JSONDecodeError as error:
        raise SourceError(f"{path}: line {error.lineno} is no JSON: {error.msg}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(f"{path}: can't be read as UTF-8 JSON: {error}") from error
    keys = ("images", "annotations", "categories")
    if not isinstance(data, dict) or not all(isinstance(data.get(key), list) for key in keys):
        raise SourceError(f"{path}: this JSON isn't COCO's; that has the lists {', '.join(keys)}")
    called: dict[Any, str] = {}
    for category in data["categories"]:
        number = _scalar(category, "id")
        if number is None or not isinstance(category.get("name"), str):
            raise SourceError(f"{path}: a category needs an id and a name, found {legible(repr(category))}")
        category["id"] = number
        if called.setdefault(number, category["name"]) != category["name"]:
            both = f"{legible(called[number])!r} and {legible(category['name'])!r}"
            raise SourceError(f"{path}: two categories have the id {legible(number)}: {both}; number them apart")
    return data


def _without_outlines(item: dict[str, Any]) -> dict[str, Any]:
    item.pop("segmentation", None)
    return item


def _only_boxes(item: dict[str, Any]) -> dict[str, Any]:
    item.pop("segmentation", None)
    if "bbox" in item:
        item.pop("keypoints", None)
    return item


def _names(loaded: Mapping[str, dict[str, Any]], notes: Notes) -> tuple[str, ...]:
    """Order the categories of all splits by id; take those of one name for one, and leave out a mere heading.

    Roboflow writes the heading of all others as the first category, and no box has it.
    """
    categories, used = [], set()
    for split, data in loaded.items():
        own = sorted(data["categories"], key=lambda category: (isinstance(category["id"], str), category["id"]))
        numbers = {_scalar(item, "category_id") for item in data["annotations"]}
        categories += own
        used |= {category["name"] for category in own if category["id"] in numbers}
        for name, count in Counter(category["name"] for category in own).items():
            if count > 1:
                notes.add(Kind.CLASS_REPEATED, split, name)
    groups = [_scalar(category, "supercategory") for category in categories]
    headings = {c["name"] for c, group in zip(categories, groups, strict=True) if group in _NOTHING}
    headings &= set(groups) - used
    for name in sorted(headings):
        notes.add(Kind.CLASS_GROUP, "", name)
    return tuple(dict.fromkeys(category["name"] for category in categories if category["name"] not in headings))


def _category_ids(data: dict[str, Any], names: Sequence[str]) -> tuple[int | str | None, ...]:
    ids = {category["name"]: _scalar(category, "id") for category in reversed(data["categories"])}
    return tuple(ids.get(name) for name in names)


def _records(
    split: str,
    data: dict[str, Any],
    names: Sequence[str],
    files: CocoFiles,
    notes: Notes,
    skeleton: Skeleton | None = None,
) -> list[Record]:
    path = files.annotations[split]
    shown = os.path.relpath(path, files.root)
    index = {name: i for i, name in reversed(list(enumerate(names)))}
    categories = {category["id"]: category["name"] for category in data["categories"]}
    bare = set(categories.values()) - set(names) if skeleton else set()
    images = _images(split, data, shown, notes)
    locate = _find_images(split, [name for name, _ in images.values()], files)
    by_path: dict[str, Record] = {}
    by_id: dict[Any, Record] = {}
    for number, (name, size) in images.items():
        file = os.path.abspath(locate(name))
        if file in by_path:
            notes.add(Kind.IMAGE_REPEATED, split, f"{shown}: image {number} ({name})")
        by_id[number] = by_path.setdefault(file, Record(file, [], [], shown, [], size=size, id=number))
    for item in data["annotations"]:
        mark, image = f": annotation {_scalar(item, 'id')}", _scalar(item, "image_id")
        record, box = by_id.get(image), _box(item)
        mark = legible(mark)
        if record is None:
            notes.add(Kind.LABEL_STRAY, split, f"{shown}{mark}: image {image}")
        elif box is None:
            notes.add(Kind.LABEL_UNREADABLE, split, f"{shown}{mark}: bbox is {item.get('bbox')!r:.60}")
            record.unreadable += 1
        elif item.get("iscrowd"):
            notes.add(Kind.CROWD, split, f"{shown}{mark}")
            record.set_aside += 1
            if skeleton:
                record.crowds.append([*box, _area(item)])
        elif (title := categories.get(category := _scalar(item, "category_id"), f"category {category}")) in bare:
            notes.add(Kind.CLASS_BARE, split, f"{shown}{mark} ({title})")
            record.set_aside += 1
        elif skeleton and (points := _keypoints(item, len(skeleton))) is None:
            given = item["keypoints"]
            found = f"has {len(given)} entries" if isinstance(given, list) else f"is {given!r:.60}"
            notes.add(
                Kind.LABEL_UNREADABLE,
                split,
                f"{shown}{mark}: 'keypoints' {found}; {3 * len(skeleton)} numbers belong to {len(skeleton)} keypoints",
            )
            record.unreadable += 1
        else:
            if skeleton and points is not None:
                record.keypoints.append(points)
                record.areas.append(_area(item))
            record.labels.append(index.get(title, -1) if category in categories else -1)
            record.boxes.append(box)
            record.marks.append(f"{mark} ({title})")
    return list(by_path.values())


def _scalar(item: Any, key: str) -> Any:
    """Return a number or a string; None for all else, because a file may hold anything anywhere."""
    value = item.get(key) if isinstance(item, dict) else None
    if isinstance(value, float) and value.is_integer():  # as pandas writes numbers
        return int(value)
    return value if isinstance(value, (int, str)) else None


def _images(split: str, data: dict[str, Any], shown: str, notes: Notes) -> dict[Any, tuple[str, Any]]:
    """Map the id of each image to its file name and size."""
    images: dict[Any, tuple[str, Any]] = {}
    for place, item in enumerate(data["images"]):
        number, name = _scalar(item, "id"), _scalar(item, "file_name")
        if number is None or not name:
            notes.add(Kind.LABELS_UNREADABLE, split, f"{shown}: images[{place}] has no id or no file_name")
        elif number in images:
            notes.add(Kind.IMAGE_REPEATED, split, f"{shown}: image {number} ({name})")
        else:
            images[number] = str(name).replace("\\", "/"), known_size(item.get("height"), item.get("width"))
    return images


def _box(item: Any) -> list[float] | None:
    """Turn x, y, width, height into x1, y1, x2, y2; None for what is no box."""
    box = item.get("bbox") if isinstance(item, dict) else None
    if not isinstance(box, list) or not all(isinstance(side, (int, float)) for side in box):
        return None
    try:
        x, y, width, height = map(float, box)
    except (ValueError, OverflowError):  # not four, or too large
        return None
    return [x, y, x + width, y + height]


def _area(item: dict[str, Any]) -> float:
    """Return the area of an object in square pixels, 0 where it isn't said."""
    area = item.get("area")
    try:
        return float(area) if isinstance(area, (int, float)) else 0.0
    except OverflowError:
        return 0.0


def _keypoints(item: dict[str, Any], count: int) -> np.ndarray | None:
    """Return x, y and visibility [K, 3] of a label; zeros where it has none, None where it has other than K."""
    given = item.get("keypoints") or [0] * 3 * count
    if not isinstance(given, list) or len(given) != 3 * count:
        return None
    if not all(isinstance(number, (int, float)) for number in given):
        return None
    try:
        return np.array(given, dtype=np.float64).reshape(count, 3)
    except OverflowError:
        return None


def _find_images(split: str, names: Sequence[str], files: CocoFiles) -> Callable[[str], Path]:
    """Find where the images lie: of the likely folders the one that has most of some of them.

    Returns:
        A function from an image's ``file_name`` to its path.

    Raises:
        SourceError: No likely folder has any.
    """
    path = files.annotations[split]
    title = re.sub(r"^(instances|annotations|person_keypoints)_", "", path.stem)
    spellings = [title, *(name for name, meant in SPLIT_FOLDERS.items() if meant == split)]
    within = [".", "images", *spellings, *(f"images/{name}" for name in spellings), "data", "JPEGImages"]
    bases = [path.parent, path.parent.parent, files.root]
    likely = [files.images[split]] if split in files.images else [base / name for base in bases for name in within]
    some = names[:: len(names) // 20 + 1]
    # the second, because a JSON file that was moved still names the folder that its images were in
    ways: list[Callable[[Path, str], Path]] = [
        lambda folder, name: folder / name,
        lambda folder, name: folder / os.path.basename(name),
    ]
    hits = [
        (sum(os.path.isfile(way(folder, name)) for name in some), way, folder)
        for way in ways
        for folder in dict.fromkeys(likely)
    ]
    count, way, folder = max(hits, key=lambda hit: hit[0])
    if some and not count:
        raise SourceError(
            f"{path}: none of its images was found, the first is {legible(names[0])!r}; looked in "
            f"{', '.join(dict.fromkeys(map(str, likely)))}. Name their folder in a YAML file: 'images: folder'"
        )
    return lambda name: way(folder, name)
