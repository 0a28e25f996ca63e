"""YOLO: a text file of labels for each image, and a YAML file that the Ultralytics engine reads.

Which images and label files there are is left to the engine's own functions. The labels are read here by its rules,
but line by line: the engine leaves out an image with all its labels when one of them is wrong.
"""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from yolonas_plugin.data.contents import Contents, choose, read_lines
from yolonas_plugin.data.report import Kind, Notes
from yolonas_plugin.data.samples import Array, Record
from yolonas_plugin.errors import DataNotFoundError, SourceError

FORMAT: Final = "YOLO"

_SPLITS: Final = ("train", "val", "test")

_COMPLAINTS: Final = (
    OSError,
    SyntaxError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    AssertionError,
    yaml.YAMLError,
)
"""What the engine raises about a YAML file, depending on its version."""


def read_yolo(
    source: str | Mapping[str, Any], wanted: tuple[str, ...] | None, notes: Notes, *, download: bool
) -> Contents:
    """Read what the engine takes for ``data``.

    Args:
        source: A YAML file, a data set's name such as ``"coco8"``, a URL, an archive, or what a YAML file would say.
        wanted: The splits to read; None reads all.
        notes: Gets what was found.
        download: Let the engine download images that aren't there, if the YAML file says from where.

    Raises:
        DataNotFoundError: The file, a folder that it names, or a wanted split isn't there.
        SourceError: The engine can't make sense of it.
    """
    settings = _engine_settings(source, download)
    settings["path"] = os.path.abspath(settings["path"])
    listed = {split: settings[split] for split in _SPLITS if settings.get(split)}
    chosen = choose(listed, wanted, _title(source))
    root, names = settings["path"], tuple(settings["names"][i] for i in sorted(settings["names"]))
    keypoints = int(np.prod(settings.get("kpt_shape") or 0))
    records = {split: _records(split, listed[split], root, keypoints, notes) for split in chosen}
    kept = {key: value for key, value in settings.items() if key not in {"yaml_file", "download"}}
    return Contents(FORMAT, root, names, records, kept)


def _title(source: str | Mapping[str, Any]) -> str:
    return source if isinstance(source, str) else "the data given as a dict"


def _engine_settings(source: str | Mapping[str, Any], download: bool) -> dict[str, Any]:
    import torch  # noqa: F401  before ultralytics, which on import limits a torch that isn't loaded yet to one thread
    from ultralytics.data.utils import check_det_dataset

    from yolonas_plugin.engine import session

    with tempfile.TemporaryDirectory() as folder, session():
        path = source
        if isinstance(source, Mapping):
            path = os.path.join(folder, "data.yaml")
            described = {**source, "path": os.path.abspath(source.get("path") or ".")}
            Path(path).write_text(yaml.safe_dump(described), encoding="utf-8")
        try:
            return check_det_dataset(path, autodownload=download)
        except FileNotFoundError as error:
            raise DataNotFoundError(f"{_title(source)}: {error}") from error
        except _COMPLAINTS as error:
            raise SourceError(f"{_title(source)}: the engine can't read this as a data set: {error}") from error


def _records(split: str, listed: str | list[str], root: str, keypoints: int, notes: Notes) -> list[Record]:
    from ultralytics.data.utils import img2label_paths

    entries = listed if isinstance(listed, list) else [listed]
    images = [os.path.abspath(image) for entry in entries for image in _image_files(entry, split)]
    files = img2label_paths(images)
    users: dict[str, str] = {}
    records = []
    for image, file in zip(images, files, strict=True):
        if users.setdefault(file, image) != image:
            notes.add(Kind.NAME_SHARED, split, f"{os.path.relpath(file, root)}: {users[file]}, {image}")
        record = _record(split, image, file, root, keypoints, notes)
        if record is not None:
            records.append(record)
    if all(os.path.isdir(entry) for entry in entries):
        for folder in dict.fromkeys(map(os.path.dirname, files)):
            for stray in sorted(set(glob.glob(os.path.join(glob.escape(folder), "*.txt"))) - set(files)):
                if _has_labels(stray):  # not a list of classes or a README
                    notes.add(Kind.LABEL_STRAY, split, os.path.relpath(stray, root))
    return records


def _image_files(entry: str, split: str) -> list[str]:
    """List the images of a folder and those within, or of a text file that names them; the engine's rules."""
    from ultralytics.data.utils import IMG_FORMATS

    if os.path.isdir(entry):
        files = glob.glob(os.path.join(glob.escape(entry), "**", "*.*"), recursive=True)
    elif os.path.isfile(entry):
        home = os.path.dirname(entry)
        files = [os.path.join(home, line[2:]) if line.startswith("./") else line for line in read_lines(Path(entry))]
    else:
        raise DataNotFoundError(f"{entry}: the images of {split!r} are not there")
    return sorted(file for file in files if file.rpartition(".")[-1].lower() in IMG_FORMATS)


def _record(split: str, image: str, file: str, root: str, keypoints: int, notes: Notes) -> Record | None:
    shown = os.path.relpath(file, root)
    record = Record(image, [], [], shown, [], in_pixels=False)
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return record
    except (OSError, UnicodeDecodeError) as error:
        notes.add(Kind.LABELS_UNREADABLE, split, f"{shown}: {error}")
        return None
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            label, box, polygon = _parse(words[:5] if keypoints and len(words) == 5 + keypoints else words)
        except ValueError as error:
            notes.add(Kind.LABEL_UNREADABLE, split, f"{shown}:{number}: {error}")
            record.unreadable += 1
            continue
        record.labels.append(label)
        record.boxes.append(box)
        record.polygons.append(polygon)
        record.marks.append(f":{number} (class {label})")
    return record


def _parse(words: Sequence[str]) -> tuple[int, list[float], Array | None]:
    """Read one label: a class and a box, or a class and an outline, whose box is then taken."""
    values = [float(word) for word in words]
    if not values[0].is_integer():
        raise ValueError(f"class {words[0]} is not a whole number")
    if len(values) == 5:
        return int(values[0]), values[1:], None
    if len(values) < 7 or len(values) % 2 == 0:
        raise ValueError(f"{len(values)} numbers, neither a box (5) nor an outline (7, 9, ...)")
    from ultralytics.utils.ops import segments2boxes

    polygon = np.array(values[1:], dtype=np.float32).reshape(-1, 2)
    return int(values[0]), segments2boxes([polygon])[0].tolist(), polygon


def _has_labels(file: str) -> bool:
    """Whether the first line of a text file is a label."""
    try:
        with open(file, encoding="utf-8-sig") as lines:
            _parse(next(lines, "").split() or ["?"])
    except (OSError, ValueError):
        return False
    return True
