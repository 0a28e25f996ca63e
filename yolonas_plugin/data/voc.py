"""Pascal VOC: an XML file for each image, and lists of the images of each split.

Boxes are taken as they stand, x1, y1, x2, y2: super-gradients reads them so, and so do the tools that write the format
today. The original VOC data count pixels from 1, so that their boxes come out up to a pixel too small; supervision
takes 1 from the upper left corner, Ultralytics' script for these data from the centre. Objects marked ``difficult`` are
left out, as everywhere.
"""

from __future__ import annotations

import contextlib
import os
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from yolonas_plugin.data.contents import SPLIT_FOLDERS, Contents, choose, known_size, read_lines
from yolonas_plugin.data.image_files import is_image
from yolonas_plugin.data.report import Kind, Notes
from yolonas_plugin.data.samples import Record
from yolonas_plugin.data.text import read_bytes
from yolonas_plugin.errors import SourceError

FORMAT: Final = "Pascal VOC"

_IMAGE_FOLDERS: Final = ("JPEGImages", "images", "Images")
_CLASS_FILES: Final = ("labels.txt", "classes.txt")
_LARGEST: Final = 16 << 20
_DECLARED: Final = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([^"']+)["']""")
_CORNERS: Final = ("xmin", "ymin", "xmax", "ymax")


def is_voc(root: Path) -> bool:
    """Whether a folder has ``Annotations/*.xml``, or a folder for each split with images and XML files."""
    folders = [root / "Annotations", *(root / name for name in SPLIT_FOLDERS)]
    return any(next(folder.glob("*.xml"), None) for folder in folders)


def read_voc(root: Path, wanted: tuple[str, ...] | None, notes: Notes) -> Contents:
    """Read a folder of Pascal VOC.

    The classes are those of ``labels.txt`` or ``classes.txt``, one a line, in that order; without such a file all names
    that any annotation uses, sorted.

    Args:
        root: The folder with ``Annotations``, ``JPEGImages`` and ``ImageSets/Main``; or with a folder for each split.
        wanted: The splits to read; None reads all.
        notes: Gets what was found.

    Raises:
        SourceError: There are no lists of splits, no such split, or no classes.
    """
    splits = _listed_splits(root) or _split_folders(root)
    if not splits:
        raise SourceError(
            f"{root}: nothing says which images are for training and which for validation; write their names, one a "
            "line and without ending, into ImageSets/Main/train.txt and val.txt"
        )
    chosen = choose(splits, wanted, str(root))
    parsed = {path: _parse(path) for path in _annotation_files(splits)}
    names = _given_names(root) or sorted({name for found in parsed.values() for name in found.names})
    records = {}
    for split in chosen:
        entries = [_record(entry, parsed.get(entry.annotation), names, root, split, notes) for entry in splits[split]]
        records[split] = [record for record in entries if record is not None]
    return Contents(FORMAT, str(root), tuple(names), records)


@dataclass(frozen=True, slots=True)
class _Entry:
    """An image of a split, and its annotation."""

    image: str
    annotation: Path


@dataclass(slots=True)
class _Annotation:
    """What an XML file says, or why it can't be read; ``bad`` has the objects that can't be."""

    error: str = ""
    size: tuple[int, int] | None = None
    names: list[str] = field(default_factory=list)
    boxes: list[list[float]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    difficult: list[int] = field(default_factory=list)
    bad: list[tuple[int, str]] = field(default_factory=list)


def _listed_splits(root: Path) -> dict[str, list[_Entry]]:
    """Find the splits that ``ImageSets`` lists; ``trainval`` stands in where there is no ``train``."""
    folder = next((path for path in (root / "ImageSets" / "Main", root / "ImageSets") if path.is_dir()), None)
    lists = {name: folder / f"{name}.txt" for name in ("train", "val", "test", "trainval")} if folder else {}
    lists = {name: path for name, path in lists.items() if path.is_file()}
    trainval = lists.pop("trainval", None)
    if trainval and "train" not in lists:
        lists = {"train": trainval, **lists}
    images = next((root / name for name in _IMAGE_FOLDERS if (root / name).is_dir()), root / _IMAGE_FOLDERS[0])
    files = _images_by_stem(images)
    splits = {}
    for name, path in lists.items():
        stems = [_without_suffix(line) for line in read_lines(path)]
        splits[name] = [
            _Entry(files.get(stem, str(images / f"{stem}.jpg")), root / "Annotations" / f"{stem}.xml") for stem in stems
        ]
    return splits


def _split_folders(root: Path) -> dict[str, list[_Entry]]:
    """Find the splits that are folders of their own, with the XML files beside the images."""
    splits = {}
    for name, split in SPLIT_FOLDERS.items():
        files = _images_by_stem(root / name)
        stems = sorted({*files, *(path.stem for path in (root / name).glob("*.xml"))})
        if stems:
            splits[split] = [
                _Entry(files.get(stem, str(root / name / f"{stem}.jpg")), root / name / f"{stem}.xml") for stem in stems
            ]
    return splits


def _images_by_stem(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        return {}
    names = sorted(name for name in os.listdir(folder) if is_image(name))
    return {os.path.splitext(name)[0]: str(folder / name) for name in reversed(names)}


def _without_suffix(name: str) -> str:
    return os.path.splitext(name)[0] if is_image(name) else name


def _annotation_files(splits: dict[str, list[_Entry]]) -> list[Path]:
    """All annotations there are: a class may occur in a split that isn't read now, or in none."""
    folders = dict.fromkeys(entry.annotation.parent for entries in splits.values() for entry in entries)
    return [path for folder in folders for path in sorted(folder.glob("*.xml"))]


def _given_names(root: Path) -> list[str]:
    file = next((root / name for name in _CLASS_FILES if (root / name).is_file()), None)
    return read_lines(file) if file else []


class _Builder(ElementTree.TreeBuilder):
    """Builds a tree of what has no document type; one could define entities that grow without bound."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError(f"a document type, {name!r}, which annotations have no need of")


def _parse(path: Path) -> _Annotation:
    try:
        content = read_bytes(path, _LARGEST)
        _check_encoding(content)
        tree = ElementTree.fromstring(content, ElementTree.XMLParser(target=_Builder()))
        _check_place(tree)
    except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:  # the last two: an unknown encoding
        return _Annotation(error=re.sub(r"(.*): line (\d+), column \d+$", r"line \2: \1", str(error)))
    found = _Annotation(size=_size(tree))
    for number, item in enumerate(tree.findall("object"), start=1):
        try:
            name = (item.findtext("name") or "").strip()
            box = [float(item.findtext(f"bndbox/{corner}") or "") for corner in _CORNERS]
            if not name:
                raise ValueError("it has no name")
        except ValueError as error:
            found.bad.append((number, str(error)))
            continue
        if (item.findtext("difficult") or "0").strip() == "1":
            found.difficult.append(number)
            continue
        found.names.append(name)
        found.boxes.append(box)
        found.numbers.append(number)
    return found


def _check_encoding(content: bytes) -> None:
    """See that what calls itself Latin or the like isn't UTF-8, whose letters would be read as two or three others.

    Raises:
        ValueError: It is.
    """
    declared = _DECLARED.match(content)
    if declared is None or declared[1].lower().startswith((b"utf", b"us-ascii")) or content.isascii():
        return
    with contextlib.suppress(UnicodeDecodeError):
        content.decode("utf-8")
        raise ValueError(f"it says that it is {declared[1].decode('ascii', 'replace')}, and is UTF-8")


def _check_place(tree: ElementTree.Element) -> None:
    """See that there are no boxes elsewhere than where they are looked for.

    Raises:
        ValueError: There are.
    """
    if tree.find("object") is None:
        for element in tree.iter():
            if element.tag.rpartition("}")[2] in {"object", "bndbox"}:
                raise ValueError(f"<{element.tag}> isn't where Pascal VOC has it, in <annotation>")


def _size(tree: ElementTree.Element) -> tuple[int, int] | None:
    try:
        return known_size(*(int(float(tree.findtext(f"size/{side}") or 0)) for side in ("height", "width")))
    except (ValueError, OverflowError):
        return None


def _record(
    entry: _Entry, found: _Annotation | None, names: list[str], root: Path, split: str, notes: Notes
) -> Record | None:
    shown = os.path.relpath(entry.annotation, root)
    if found is None:
        notes.add(Kind.LABELS_MISSING, split, shown)
        return None
    if found.error:
        notes.add(Kind.LABELS_UNREADABLE, split, f"{shown}: {found.error}")
        return None
    for number, reason in found.bad:
        notes.add(Kind.LABEL_UNREADABLE, split, f"{shown}: object {number}: {reason}")
    for number in found.difficult:
        notes.add(Kind.DIFFICULT, split, f"{shown}: object {number}")
    index = {name: i for i, name in reversed(list(enumerate(names)))}
    return Record(
        entry.image,
        [index.get(name, -1) for name in found.names],
        found.boxes,
        shown,
        [f": object {number} ({name})" for number, name in zip(found.numbers, found.names, strict=True)],
        unreadable=len(found.bad),
        set_aside=len(found.difficult),
        size=found.size,
    )
