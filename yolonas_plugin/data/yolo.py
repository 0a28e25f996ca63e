"""YOLO: a text file of labels for each image, and a YAML file that says where the images are.

Images and label files are found by the rules of the Ultralytics engine, and the labels read by its rules, but line by
line: the engine leaves out an image with all its labels when one of them is wrong. In a folder named ``images`` the
engine looks for labels in ``labels`` only; here they may also lie beside the images, where super-gradients' users and
others have them.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from yolonas_plugin.data.contents import Contents, choose, read_lines
from yolonas_plugin.data.image_files import is_image
from yolonas_plugin.data.keypoints import described_skeleton, keypoint_shape, no_keypoints
from yolonas_plugin.data.report import Kind, Notes
from yolonas_plugin.data.samples import Array, Record
from yolonas_plugin.data.text import legible, read_bytes, read_text
from yolonas_plugin.data.unused import find_unused, looks_like_labels
from yolonas_plugin.data.yaml_file import engine_settings, load_yaml, locate
from yolonas_plugin.errors import DataNotFoundError, SourceError
from yolonas_plugin.files.paths import walk

FORMAT: Final = "YOLO"

_LARGEST: Final = 64 << 20
_MOST_LABELS: Final = 100_000
"""Of an image."""


def read_yolo(
    source: str | Mapping[str, Any], wanted: tuple[str, ...] | None, notes: Notes, keypoints: bool | None = False
) -> Contents:
    """Read what the engine takes for ``data``. A download that a description asks for is noted and not run.

    Args:
        source: A YAML file, a data set's name such as ``"coco8"``, a URL, an archive, or what a YAML file would say.
        wanted: The splits to read; None reads all.
        notes: Gets what was found.
        keypoints: Whether keypoints are needed, or left out; None reads them where there are any.

    Raises:
        DataNotFoundError: The file, a folder that it names, or a wanted split isn't there.
        SourceError: It can't be read, or describes no data set.
    """
    if isinstance(source, Mapping):
        title, described, home = "the data given as a dict", dict(source), Path.cwd()
    else:
        title = source
        file, unpacked = locate(source)
        described, home = load_yaml(file), file.absolute().parent
        if unpacked is not None:
            described["path"] = str(unpacked)
    settings, listed = engine_settings(described, home, title)
    root, names = settings["path"], tuple(settings["names"].values())
    chosen = choose(listed, wanted, title)
    hint = ""
    if described.get("download"):
        notes.add(Kind.DOWNLOAD, "", legible(described["download"]))
        hint = "; what its 'download' asks for isn't run here: fetch the images yourself"
    images = {split: _images(split, listed[split], title, hint, missing_is_fault=split in chosen) for split in listed}
    readers = {split: _label_files(split, images[split], root, notes if split in chosen else None) for split in images}
    unused = find_unused({image: file for files in readers.values() for image, file in files.items()}, root)
    labels = _labels_with(described, keypoints, settings, title, notes)
    records = {}
    for split in chosen:
        files = readers[split]
        for image in [image for image in files if image in unused.lost]:
            place, expected = (os.path.relpath(file, root) for file in (unused.lost[image], files.pop(image)))
            notes.add(Kind.LABELS_UNUSED, split, f"{place}, and not {expected}")
        records[split] = _records(split, images[split], files, root, labels, notes)
        _note_strays(split, listed[split], files, set(unused.lost.values()), root, notes)
    folders = {os.path.dirname(file) for files in readers.values() for file in files.values()}
    for stray in unused.strays:
        if os.path.dirname(stray) not in folders:
            notes.add(Kind.LABEL_STRAY, "", os.path.relpath(stray, root))
    skeleton = described_skeleton(described, labels.keypoints, title) if labels.keypoints else None
    return Contents(FORMAT, root, names, records, settings, skeleton=skeleton)


class _Labels(NamedTuple):
    """Form of the labels: ``keypoints`` that are read, of so many ``numbers`` each; numbers that are left out."""

    keypoints: int = 0
    numbers: int = 0
    left_out: int = 0


def _labels_with(
    described: Mapping[str, Any], keypoints: bool | None, settings: Mapping[str, Any], title: str, notes: Notes
) -> _Labels:
    """Tell what the labels hold besides class and box.

    Raises:
        SourceError: They have no keypoints, and these are needed; or what is said of them is wrong.
    """
    if keypoints is False:
        left_out = int(np.prod(settings.get("kpt_shape") or 0))
        if left_out:
            notes.add(Kind.KEYPOINTS_UNUSED, "", f"kpt_shape: {legible(described['kpt_shape'])}")
        return _Labels(left_out=left_out)
    shape = keypoint_shape(described, title)
    if shape is None:
        if keypoints:
            raise no_keypoints(title, "it has no 'kpt_shape'")
        return _Labels()
    if shape[1] == 2:
        notes.add(Kind.KEYPOINTS_BARE, "", f"kpt_shape: {list(shape)}")
    return _Labels(*shape)


def _images(split: str, entries: Sequence[str], title: str, hint: str, *, missing_is_fault: bool) -> list[str]:
    images = []
    for entry in entries:
        if os.path.exists(entry):
            try:
                images += [os.path.abspath(image) for image in _image_files(entry)]
            except SourceError as error:
                raise SourceError(f"{title}: {split!r}: {error}") from error
        elif missing_is_fault:
            raise DataNotFoundError(f"{title}: images not found: those of {split!r} should be in {entry}{hint}")
    return images


def _image_files(entry: str) -> list[str]:
    """List the images of a folder and those within, or of a text file that names them; the engine's rules."""
    if os.path.isdir(entry):
        files = list(walk(entry))
    else:
        home = os.path.dirname(entry)
        files = [os.path.join(home, line[2:]) if line.startswith("./") else line for line in read_lines(Path(entry))]
    return sorted(file for file in files if is_image(file))


def _label_files(split: str, images: Sequence[str], root: str, notes: Notes | None) -> dict[str, str]:
    """Tell which file the labels of each image are read from, whether it is there or not."""
    files: dict[str, str] = {}
    users: dict[str, str] = {}
    real = functools.cache(os.path.realpath)
    for image in images:
        if image in files:
            continue
        stem = os.path.splitext(image)[0]
        file, beside = f"{_label_stem(stem)}.txt", f"{stem}.txt"
        if not os.path.isfile(file):  # in a folder that is a link they may also lie where that leads
            behind = f"{_label_stem(os.path.join(real(os.path.dirname(image)), os.path.basename(stem)))}.txt"
            file = behind if os.path.isfile(behind) else file
        if file != beside and os.path.isfile(beside) and looks_like_labels(beside):
            shown = os.path.relpath(beside, root)
            kind: Kind | None = Kind.LABELS_TWICE
            if not os.path.isfile(file):
                file, kind = beside, Kind.LABELS_BESIDE
            elif _same(file, beside):
                kind = None
            if notes is not None and kind is not None:
                notes.add(kind, split, shown)
        if users.setdefault(file, image) != image and notes is not None:
            notes.add(Kind.NAME_SHARED, split, f"{os.path.relpath(file, root)}: {users[file]}, {image}")
        files[image] = file
    return files


def _label_stem(stem: str) -> str:
    """Return the path without ending of an image's labels: the last folder named ``images`` becomes ``labels``."""
    return f"{os.sep}labels{os.sep}".join(stem.rsplit(f"{os.sep}images{os.sep}", 1))


def _same(file: str, other: str) -> bool:
    try:
        return read_bytes(file, _LARGEST) == read_bytes(other, _LARGEST)
    except (OSError, ValueError):
        return False


def _records(
    split: str, images: Sequence[str], files: Mapping[str, str], root: str, labels: _Labels, notes: Notes
) -> list[Record]:
    records = [_record(split, image, files[image], root, labels, notes) for image in images if image in files]
    return [record for record in records if record is not None]


def _note_strays(
    split: str, entries: Sequence[str], files: Mapping[str, str], noted: set[str], root: str, notes: Notes
) -> None:
    """Note the labels without an image, but for those ``noted``, where a split is made of folders and not of lists."""
    if not all(map(os.path.isdir, entries)):
        return
    used = noted | set(files.values())
    for folder in dict.fromkeys(map(os.path.dirname, files.values())):
        if not os.path.isdir(folder):
            continue
        for stray in sorted(
            {os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".txt")} - used
        ):
            if looks_like_labels(stray):  # not a list of classes or a README
                notes.add(Kind.LABEL_STRAY, split, os.path.relpath(stray, root))


def _record(split: str, image: str, file: str, root: str, labels: _Labels, notes: Notes) -> Record | None:
    shown = os.path.relpath(file, root)
    record = Record(image, [], [], shown, [], in_pixels=False)
    try:
        text = read_text(file, _LARGEST)
    except FileNotFoundError:
        return record
    except (OSError, ValueError) as error:
        notes.add(Kind.LABELS_UNREADABLE, split, f"{shown}: {error}")
        return None
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        if len(record.labels) + record.unreadable >= _MOST_LABELS:
            notes.add(Kind.LABELS_UNREADABLE, split, f"{shown}: more than {_MOST_LABELS:,} labels")
            return None
        try:
            points = _parse_keypoints(words, labels) if labels.keypoints else None
            bare = points is not None or (labels.left_out and len(words) == 5 + labels.left_out)
            label, box, polygon = _parse(words[:5] if bare else words)
        except ValueError as error:
            notes.add(Kind.LABEL_UNREADABLE, split, f"{shown}:{number}: {error}")
            record.unreadable += 1
            continue
        record.labels.append(label)
        record.boxes.append(box)
        record.polygons.append(polygon)
        if points is not None:
            record.keypoints.append(points)
        record.marks.append(f":{number} (class {label})")
    return record


def _parse_keypoints(words: Sequence[str], labels: _Labels) -> Array:
    """Read the keypoints of a label, [K, 3]: zeros where it is a mere box.

    Without visibilities a keypoint with a negative place isn't there, which is the engine's rule.
    """
    count, numbers = labels.keypoints, labels.numbers
    if len(words) == 5:
        return np.zeros((count, 3))
    if len(words) != 5 + count * numbers:
        raise ValueError(
            f"{len(words)} numbers; with 'kpt_shape: [{count}, {numbers}]' a label has {5 + count * numbers}, or 5 of "
            "a mere box"
        )
    points = np.array(list(map(float, words[5:]))).reshape(count, numbers)
    if numbers == 2:
        points = np.column_stack((points, np.where((points < 0).any(axis=1), 0, 2)))
    return points


def _parse(words: Sequence[str]) -> tuple[int, list[float], Array | None]:
    """Read one label: a class and a box, or a class and an outline, whose box is then taken."""
    values = [float(word) for word in words]
    if not values[0].is_integer():
        raise ValueError(f"class {words[0]} is not a whole number")
    if len(values) == 5:
        return int(values[0]), values[1:], None
    if len(values) < 7 or len(values) % 2 == 0:
        raise ValueError(f"{len(values)} numbers, neither a box (5) nor an outline (7, 9, ...)")
    polygon = np.array(values[1:], dtype=np.float32).reshape(-1, 2)
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    return int(values[0]), [*((low + high) / 2).tolist(), *(high - low).tolist()], polygon
