"""Label files that exist and that nothing reads: a misspelt folder, another case, annotations of another format.

An image without labels is background, which is a thing to learn from; an image whose labels lie where they aren't
looked for is not. So the labels of every image without any are searched for in the whole data set.
"""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from yolonas_plugin.data.image_files import is_image
from yolonas_plugin.files.paths import open_regular, walk

_ENOUGH: Final = 1 << 16
_LEAVE_OUT: Final = frozenset({"runs"})
"""Where the engine writes what it predicts."""


class Unused(NamedTuple):
    """Label files that nothing reads: that of each image that has no other, and those that belong to no image."""

    lost: dict[str, str]
    strays: list[str]


def find_unused(label_files: Mapping[str, str], root: str) -> Unused:
    """Search a data set for the labels of its images without any.

    Args:
        label_files: The file that the labels of each image are read from, whether there is one or not; of all splits.
        root: The data set's folder.
    """
    bare = {image for image, file in label_files.items() if not os.path.isfile(file)}
    if not bare:
        return Unused({}, [])
    used = set(label_files.values())
    found: list[str] = []
    pictures: dict[str, str] = {}
    for base in _bases(label_files, root):
        for path in walk(base, leave_out=_LEAVE_OUT):
            stem, suffix = os.path.splitext(path)
            if is_image(path):
                pictures[stem] = path
            elif suffix.lower() in {".txt", ".xml", ".json"} and path not in used:
                found.append(path)
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for image in bare:
        owners[_alike(Path(image).stem)].append(image)
        owners[_alike(Path(image).name)].append(image)  # image.jpg.txt
    known = {_alike(Path(image).stem) for image in label_files}
    lost: dict[str, str] = {}
    strays = []
    for path in found:
        stem = os.path.splitext(path)[0]
        own = next((picture for picture in (_image_stem(stem), stem) if picture in pictures), None)
        called = _alike(Path(stem).name)
        mine = [image for image in owners.get(called, []) if own is None or _is_same(pictures[own], image)]
        if mine:
            closest = max(_common_tail(path, image) for image in mine)
            mine = [image for image in mine if image not in lost and _common_tail(path, image) == closest]
            if mine and looks_like_labels(path):
                lost.update(dict.fromkeys(mine, path))
        elif own is None and path.endswith(".txt") and called not in known and looks_like_labels(path):
            strays.append(path)
    return Unused(lost, strays)


def _bases(label_files: Mapping[str, str], root: str) -> list[str]:
    """Return the folders to search: the data set's own, and those of images that lie elsewhere."""
    home = os.path.expanduser("~")
    bases = set() if os.path.realpath(home).startswith(os.path.join(os.path.realpath(root), "")) else {root}
    bases -= {home}
    for folder in {os.path.dirname(image) for image in label_files}:
        if not any(_is_within(folder, base) for base in bases):
            before, images, _ = f"{folder}{os.sep}".rpartition(f"{os.sep}images{os.sep}")
            bases.add(before if images and before else folder)
    return sorted(base for base in bases if not any(base != other and _is_within(base, other) for other in bases))


def _is_within(folder: str, base: str) -> bool:
    return os.path.join(folder, "").startswith(os.path.join(base, ""))


def _image_stem(stem: str) -> str:
    """Return the path, without ending, of the image that a file of a folder named labels is read for."""
    return f"{os.sep}images{os.sep}".join(stem.rsplit(f"{os.sep}labels{os.sep}", 1))


def _is_same(path: str, image: str) -> bool:
    """Whether two paths are one picture, reached by different links."""
    return os.path.splitext(path)[0] == os.path.splitext(image)[0] or os.path.realpath(path) == os.path.realpath(image)


def _alike(name: str) -> str:
    """Return what names share that differ in case or in how accents are written, as systems copy them."""
    return unicodedata.normalize("NFC", name).casefold()


def _common_tail(path: str, other: str) -> int:
    """Return how many folders above two files have the same names."""
    folders = zip(reversed(Path(path).parts[:-1]), reversed(Path(other).parts[:-1]), strict=False)
    return next((count for count, (a, b) in enumerate(folders) if a != b), 1000)


def looks_like_labels(path: str) -> bool:
    """Whether a file holds boxes: lines of a class and numbers, objects of Pascal VOC, shapes or boxes in JSON."""
    try:
        with open_regular(path) as file:
            content = file.read(_ENOUGH).replace(b"\0", b"")  # UTF-16 too
    except (OSError, ValueError):
        return False
    if path.lower().endswith(".xml"):
        return b"<bndbox" in content
    if path.lower().endswith(".json"):
        return any(key in content for key in (b'"shapes"', b'"bbox"', b'"annotations"'))
    words = next((line.split() for line in content.decode("latin-1").splitlines() if line.strip()), [])
    try:
        return len(words) >= 5 and len([float(word) for word in words[1:5]]) == 4
    except ValueError:
        return False
