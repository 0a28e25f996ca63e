"""From annotations to usable labels: images are decoded, boxes checked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.pool import ThreadPool
from typing import Final, TypeAlias

import numpy as np
from tqdm import tqdm

from yolonas_plugin.data.image_files import Look, look_at
from yolonas_plugin.data.report import Kind, Notes
from yolonas_plugin.system.environment import is_terminal

Array: TypeAlias = np.ndarray

_THREADS: Final = min(8, os.cpu_count() or 1)


@dataclass(slots=True)
class Record:
    """An image as its annotation describes it, not checked.

    Attributes:
        image: Path of the image file.
        labels: Class indices, which may lie outside the classes.
        boxes: One for each label: x1, y1, x2, y2 in pixels where ``in_pixels``, else centre x, centre y, width, height
            as fractions of the image.
        annotation: The file that says it, relative to the data set's folder.
        marks: Where in that file each label stands, such as ``":3"``.
        unreadable: Number of further labels that could not be read.
        set_aside: Number of further labels that are no objects to be found: crowds, difficult ones.
        in_pixels: The unit of ``boxes``.
        size: Height and width of the image that the annotation was made for, or None where it doesn't say.
        polygons: One for each label, x, y as fractions [K, 2], or empty.
        id: What the annotations call the image, where they number images.
        keypoints: One array for each label, x, y and visibility [K, 3] in the unit of ``boxes``; or empty.
        areas: Of the object that each label is for, in square pixels, 0 where it isn't known; or empty.
        crowds: Regions of many objects, which are no labels: x1, y1, x2, y2 and area in pixels.
    """

    image: str
    labels: list[int]
    boxes: list[list[float]]
    annotation: str
    marks: list[str]
    unreadable: int = 0
    set_aside: int = 0
    in_pixels: bool = True
    size: tuple[int, int] | None = None
    polygons: list[Array | None] = field(default_factory=list)
    id: int | str | None = None
    keypoints: list[Array] = field(default_factory=list)
    areas: list[float] = field(default_factory=list)
    crowds: list[list[float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sample:
    """An image and its labels, fit for use.

    Attributes:
        image: Absolute path of the image file.
        shape: Height and width in pixels, turned as EXIF says.
        classes: Class indices, float32 [N].
        boxes: Centre x, centre y, width, height as fractions of the image, float32 [N, 4]. They may reach out of it.
        polygons: Outlines where all labels have one, x, y as fractions, float32 [K, 2] each; else empty.
        id: What the annotations call the image, where they number images.
        keypoints: x, y as fractions of the image and 1 or 2 where it is labelled, else zeros, float32 [N, K, 3]; None
            where none were read.
        areas: Of the objects, as fractions of the image, 0 where one isn't known, float32 [N]; None where none is.
        crowds: Regions of many objects, which are no labels: x1, y1, x2, y2 and area as fractions, float32 [M, 5].
    """

    image: str
    shape: tuple[int, int]
    classes: Array
    boxes: Array
    polygons: list[Array] = field(default_factory=list)
    id: int | str | None = None
    keypoints: Array | None = None
    areas: Array | None = None
    crowds: Array = field(default_factory=lambda: np.zeros((0, 5), np.float32))


def make_samples(
    split: str, records: Sequence[Record], names: Sequence[str], root: str, notes: Notes, num_keypoints: int = 0
) -> tuple[list[Sample], dict[str, int]]:
    """Check records and keep what can be used.

    Args:
        split: Its name, for the notes.
        records: What the annotations say.
        names: The classes.
        root: Folder that paths in notes are relative to.
        notes: Gets what was found.
        num_keypoints: Of each label; 0 where there are none.

    Returns:
        The samples in the order of their paths, and the size in bytes of each image file.
    """
    samples: list[Sample] = []
    sizes: dict[str, int] = {}
    for record, look in _look_at_all(_once_each(split, records, root, notes), split):
        shown = os.path.relpath(record.image, root)
        if look.problem is not None:
            notes.add(look.problem, split, f"{shown}{look.detail and ': '}{look.detail}")
            continue
        size = record.size or look.shape
        if size != look.shape:
            said = f"{record.annotation}: {size[1]}x{size[0]}, {shown}: {look.shape[1]}x{look.shape[0]}"
            if not _proportional(size, look.shape):
                notes.add(Kind.SIZE_WRONG, split, said)
                continue
            notes.add(Kind.SIZE_SCALED, split, said)
        kept, boxes = _check_labels(split, record, size, names, notes)
        if not kept and (record.labels or record.unreadable or record.set_aside):
            notes.add(Kind.LABELS_LOST, split, shown)
            continue
        if not kept:
            notes.add(Kind.BACKGROUND, split, shown)
        polygons = [polygon for i in kept if record.polygons and (polygon := record.polygons[i]) is not None]
        samples.append(
            Sample(
                record.image,
                look.shape,
                np.array([record.labels[i] for i in kept], dtype=np.float32),
                boxes[kept],
                polygons if len(polygons) == len(kept) else [],
                record.id,
                _check_keypoints(split, record, kept, size, num_keypoints, notes) if num_keypoints else None,
                _areas([record.areas[i] for i in kept], size) if record.areas else None,
                _crowds(record.crowds, size),
            )
        )
        sizes[record.image] = look.bytes
    return sorted(samples, key=lambda sample: sample.image), sizes


def _once_each(split: str, records: Iterable[Record], root: str, notes: Notes) -> Iterator[Record]:
    seen = set()
    for record in records:
        if record.image in seen:
            notes.add(Kind.IMAGE_REPEATED, split, os.path.relpath(record.image, root))
        else:
            seen.add(record.image)
            yield record


def _look_at_all(records: Iterable[Record], split: str) -> Iterator[tuple[Record, Look]]:
    """Pair records with a look at their images; in threads, because most of it is waiting for the disk."""
    records = list(records)
    with ThreadPool(_THREADS) as pool:
        looks = pool.imap(look_at, [record.image for record in records], chunksize=16)
        hidden = not is_terminal(sys.stderr)
        bar = tqdm(looks, desc=f"checking {split}", total=len(records), unit="image", leave=False, disable=hidden)
        yield from zip(records, bar, strict=True)


def _proportional(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether one size is the other scaled, give or take a pixel of rounding."""
    (height, width), (other_height, other_width) = sorted((a, b))
    return abs(height * other_width / width - other_height) <= max(1.0, other_width / width)


def _check_labels(
    split: str, record: Record, size: tuple[int, int], names: Sequence[str], notes: Notes
) -> tuple[list[int], Array]:
    """Return the indices of the labels that can be used, and all boxes as fractions of the image, float32 [N, 4]."""
    boxes = np.array(record.boxes, dtype=np.float64).reshape(-1, 4)
    pixel = 1 / np.array([size[1], size[0]])
    with np.errstate(invalid="ignore", over="ignore"):
        if record.in_pixels:
            boxes = _to_fractions(boxes, size)
        low, high = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
        stored = boxes.astype(np.float32)
    finite = np.all(np.isfinite(stored), axis=1)
    empty = ~np.all(stored[:, 2:] > 0, axis=1)
    outside = np.any((high <= 0) | (low >= 1), axis=1)
    over = np.any((low < -pixel / 2) | (high > 1 + pixel / 2), axis=1)
    kept, seen = [], set()
    for i, label in enumerate(record.labels):
        place = record.annotation + record.marks[i]
        shapes = (_bytes(parts[i]) for parts in (record.polygons, record.keypoints) if parts)
        key = (label, stored[i].tobytes(), *shapes)
        if not 0 <= label < len(names):
            notes.add(Kind.LABEL_OUTSIDE, split, place)
        elif not finite[i]:
            notes.add(Kind.LABEL_UNREADABLE, split, f"{place}: not a number, or one too large")
        elif empty[i]:
            notes.add(Kind.BOX_EMPTY, split, place)
        elif outside[i]:
            notes.add(Kind.BOX_OUTSIDE, split, place)
        elif key in seen:
            notes.add(Kind.LABEL_REPEATED, split, place)
        else:
            seen.add(key)
            kept.append(i)
            if over[i]:
                notes.add(Kind.BOX_OVER, split, place)
    return kept, stored


def _check_keypoints(
    split: str, record: Record, kept: Sequence[int], size: tuple[int, int], num_keypoints: int, notes: Notes
) -> Array:
    """Return the keypoints of the labels that are kept as fractions of the image, float32 [N, K, 3]."""
    found = np.array([record.keypoints[i] for i in kept], dtype=np.float64).reshape(-1, num_keypoints, 3)
    pixel = 1 / np.array([size[1], size[0]])
    with np.errstate(invalid="ignore", over="ignore"):
        places = found[..., :2] * pixel if record.in_pixels else found[..., :2]
        seen = found[..., 2]
        finite = np.isfinite(found).all(axis=2)
        known = np.isin(seen, (0, 1, 2))
        outside = ((places < -pixel / 2) | (places > 1 + pixel / 2)).any(axis=2)
    faults = {
        Kind.KEYPOINT_UNREADABLE: ~finite,
        Kind.KEYPOINT_VISIBILITY: finite & ~known,
        Kind.KEYPOINT_OUTSIDE: finite & known & (seen > 0) & outside,
    }
    for kind, wrong in faults.items():
        for label, keypoint in np.argwhere(wrong).tolist():
            notes.add(kind, split, f"{record.annotation}{record.marks[kept[label]]}: keypoint {keypoint}")
    labelled = np.nan_to_num(seen) * ~np.logical_or.reduce(list(faults.values()))
    for label in np.flatnonzero(~labelled.any(axis=1)).tolist():
        notes.add(Kind.UNLABELLED, split, record.annotation + record.marks[kept[label]])
    places = np.where(labelled[..., None] > 0, places, 0)
    return np.concatenate((places, labelled[..., None]), axis=2).astype(np.float32)


def _areas(areas: Sequence[float], size: tuple[int, int]) -> Array:
    """Turn square pixels into fractions of the image, float32 [N]; what is no area becomes 0."""
    found = np.array(areas, dtype=np.float64) / (size[0] * size[1])
    return np.where(np.isfinite(found) & (found > 0), found, 0).astype(np.float32)


def _crowds(crowds: Sequence[Sequence[float]], size: tuple[int, int]) -> Array:
    """Turn regions in pixels into fractions of the image, float32 [M, 5]."""
    found = np.array(crowds, dtype=np.float64).reshape(-1, 5)
    height, width = size
    return (found[np.isfinite(found).all(axis=1)] / [width, height, width, height, width * height]).astype(np.float32)


def _bytes(polygon: Array | None) -> bytes:
    return b"" if polygon is None else polygon.tobytes()


def _to_fractions(boxes: Array, size: tuple[int, int]) -> Array:
    """Turn x1, y1, x2, y2 in pixels into centre x, centre y, width, height as fractions."""
    scale = np.array([size[1], size[0]], dtype=np.float64)
    low, high = boxes[:, :2], boxes[:, 2:]
    return np.concatenate(((low + high) / 2 / scale, (high - low) / scale), axis=1)
