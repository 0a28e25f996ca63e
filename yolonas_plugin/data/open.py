"""Opening a data set: its format is recognised, then it is read and checked."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from yolonas_plugin.data.by_reference import ask_engine
from yolonas_plugin.data.coco import CocoFiles, described_coco, find_coco, read_coco, split_of
from yolonas_plugin.data.contents import Contents
from yolonas_plugin.data.image_files import same_content
from yolonas_plugin.data.keypoints import no_keypoints
from yolonas_plugin.data.report import DataReport, Kind, Notes, SplitSummary, describe
from yolonas_plugin.data.samples import Sample, make_samples
from yolonas_plugin.data.text import legible
from yolonas_plugin.data.voc import is_voc, read_voc
from yolonas_plugin.data.yaml_file import YAML_ENDINGS, find_description, has_json, load_yaml
from yolonas_plugin.data.yolo import read_yolo
from yolonas_plugin.errors import CheckpointError, DataNotFoundError, SourceError
from yolonas_plugin.names import checked_names
from yolonas_plugin.skeleton import Skeleton
from yolonas_plugin.tasks import TASKS

Source: TypeAlias = str | Path | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set that has been read and checked; it can be pickled, and opened again from ``source``.

    Attributes:
        source: What was given.
        names: The classes in the order of their indices.
        splits: The samples of each split that was read, in the order of their paths.
        settings: The engine's description of the data: ``path``, ``train``, ``val``, ``test``, ``names``, ``nc``,
            ``channels``, and what a YAML file has besides.
        report: What was found.
        category_ids: What COCO annotations call each class, for each split; None a class that they don't have. Empty
            for other formats.
        skeleton: What keypoints the labels have; None where none were read.
    """

    source: Source
    names: tuple[str, ...]
    splits: dict[str, list[Sample]]
    settings: dict[str, Any]
    report: DataReport
    category_ids: Mapping[str, tuple[int | str | None, ...]] = field(default_factory=dict)
    skeleton: Skeleton | None = None

    def require_labels(self, split: str) -> None:
        """Refuse a split that nothing can be learnt from.

        Raises:
            SourceError: No image of it has a box that can be used or, of data with keypoints, a labelled keypoint.
        """
        if not any(self.report.splits[split].boxes):
            raise SourceError(describe(f"{self.report.source}: {split!r} has no box", self.report.findings))
        if self.skeleton is not None and not any(self.report.splits[split].keypoints):
            raise SourceError(
                describe(f"{self.report.source}: {split!r} has no labelled keypoint", self.report.findings)
            )

    @property
    def name(self) -> str:
        """What people call it, the name of its folder or file."""
        if isinstance(self.source, Mapping):
            return Path(self.settings["path"]).name
        path = Path(self.source).expanduser().absolute()
        return path.parent.name if path.stem in {"data", "dataset", "_annotations.coco"} else path.stem


def check_data(source: Source, splits: Sequence[str] | None = None, task: str | None = None) -> DataReport:
    """Read a data set, and report what it holds and what is wrong with it.

    Args:
        source: See :func:`open_data`.
        splits: The splits to read; None reads all.
        task: See :func:`open_data`.

    Raises:
        DataNotFoundError, SourceError: As :func:`open_data` does.
    """
    return open_data(source, splits, task).report


def open_data(source: Source, splits: Sequence[str] | None = None, task: str | None = None) -> DataSet:
    """Read a data set and keep what can be used. No download that a YAML file asks for is run.

    Args:
        source: What the engine takes (a YAML file, a name such as ``"coco8"``, a URL, an archive); a folder of Pascal
            VOC, COCO or YOLO with its YAML file; a COCO JSON file; or what a YAML file would say, as a dict.
        splits: The splits to read: ``train``, ``val``, ``test``. None reads all that there are.
        task: The task that the data are for, a name of :data:`~yolonas_plugin.tasks.TASKS`: where it has keypoints, the
            data must have them; where it has none, those of the data are left out. None reads what there is.

    Raises:
        DataNotFoundError: The source, a wanted split, or a folder of images isn't there.
        SourceError: The format can't be recognised, there are no classes, nothing of a split can be used, or the
            keypoints that ``task`` needs are missing or contradict each other.
    """
    if not isinstance(source, (str, Path, Mapping)) or source == "":
        raise SourceError(f"data is a path, a name or a dict, found {type(source).__name__} {legible(source)!r}")
    title = "the data given as a dict" if isinstance(source, Mapping) else legible(source)
    notes = Notes()
    try:
        keypoints = None if task is None else TASKS[task].has_keypoints
        contents = _read(source, None if splits is None else tuple(splits), notes, keypoints)
    except SourceError:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # no permission; a path that can be none; nobody's home
        raise SourceError(f"{title}: this can't be read: {error}") from error
    if not contents.names:
        raise SourceError(f"{title}: it has no classes, because no annotation has a box")
    try:
        checked_names(contents.names, title)
    except CheckpointError as error:  # weights that are trained on such data couldn't be read again
        raise SourceError(str(error)) from error
    for name, count in Counter(contents.names).items():
        if count > 1:
            notes.add(Kind.CLASS_REPEATED, "", name)
    num_keypoints = 0 if contents.skeleton is None else len(contents.skeleton)
    if contents.skeleton is not None and contents.skeleton.flip_index is None:
        notes.add(Kind.FLIP_UNKNOWN, "", f"{num_keypoints} keypoints: {', '.join(contents.skeleton.names[:10])}")
    samples: dict[str, list[Sample]] = {}
    sizes: dict[str, dict[str, int]] = {}
    with _quietly():
        for split, records in contents.records.items():
            samples[split], sizes[split] = make_samples(
                split, records, contents.names, contents.root, notes, num_keypoints
            )
    _compare(sizes, contents.root, notes)
    summaries = {split: _summary(found, contents.names, num_keypoints) for split, found in samples.items()}
    for split, summary in summaries.items():
        for name, count in zip(contents.names, summary.boxes, strict=True):
            if not count:
                notes.add(Kind.CLASS_UNUSED, split, name)
        if summary.images and not any(summary.boxes) and split in {"train", "val"}:
            notes.add(Kind.NO_BOX, split, f"{summary.images} images")
        elif num_keypoints and any(summary.boxes) and not any(summary.keypoints):
            notes.add(Kind.NO_KEYPOINT, split, f"{sum(summary.boxes)} objects")
    kinds = () if contents.skeleton is None else contents.skeleton.names
    report = DataReport(title, contents.format, contents.names, summaries, notes.findings(), kinds)
    for split, found in samples.items():
        if not found:
            raise SourceError(describe(f"{title}: no image of {split!r} can be used", report.findings))
    settings = _settings(contents)
    return DataSet(source, contents.names, samples, settings, report, contents.category_ids, contents.skeleton)


def _read(source: Source, wanted: tuple[str, ...] | None, notes: Notes, keypoints: bool | None) -> Contents:
    if isinstance(source, Mapping):
        if has_json(source):
            return _read_described_coco(source, Path.cwd(), wanted, notes, keypoints)
        return read_yolo(source, wanted, notes, keypoints)
    path = Path(source).expanduser()
    path = path.resolve() if path.exists() else path
    if path.is_dir():
        if (description := find_description(path)) is None:
            return _read_folder(path, wanted, notes, keypoints)
        path = description
    if path.suffix.lower() == ".json":
        return read_coco(_alone(path, wanted), wanted, notes, keypoints)
    if path.suffix.lower() in YAML_ENDINGS and path.exists() and has_json(described := load_yaml(path)):
        return _read_described_coco(described, path.parent, wanted, notes, keypoints)
    return read_yolo(str(path if path.exists() else source), wanted, notes, keypoints)


def _read_described_coco(
    described: Mapping[str, Any], root: Path, wanted: tuple[str, ...] | None, notes: Notes, keypoints: bool | None
) -> Contents:
    if described.get("download"):
        notes.add(Kind.DOWNLOAD, "", legible(described["download"]))
    return read_coco(described_coco(described, root), wanted, notes, keypoints)


def _read_folder(root: Path, wanted: tuple[str, ...] | None, notes: Notes, keypoints: bool | None) -> Contents:
    if files := find_coco(root, keypoints):
        return read_coco(files, wanted, notes, keypoints)
    if is_voc(root):
        if keypoints:
            raise no_keypoints(str(root), "Pascal VOC has no keypoints")
        return read_voc(root, wanted, notes)
    raise SourceError(
        f"{root}: this folder holds none of the formats that can be read: a YAML file with train, val and names "
        "(YOLO), annotations/instances_train.json and the like or train/_annotations.coco.json (COCO), or "
        "Annotations/*.xml with ImageSets/Main/train.txt (Pascal VOC)"
    )


def _alone(path: Path, wanted: tuple[str, ...] | None) -> CocoFiles:
    """Take a JSON file that is given by itself for the split that is asked for."""
    if not path.is_file():
        raise DataNotFoundError(f"{path}: there is no such file")
    if wanted is not None and len(wanted) != 1:
        raise SourceError(
            f"{path}: one JSON file is one split, and {' and '.join(wanted)} are needed; give their folder, or a YAML "
            "file such as 'train: a.json' and 'val: b.json'"
        )
    return CocoFiles(path.parent, {wanted[0] if wanted else split_of(path) or "train": path}, {})


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep the engine, where it is loaded, from installing a package when Pillow is given what is no image.

    Pillow's warnings of odd EXIF data and of many pixels are left out, here because threads share what is left out.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        if "ultralytics" in sys.modules:
            stack.enter_context(ask_engine("installing_nothing")())
        yield


def _compare(sizes: Mapping[str, Mapping[str, int]], root: str, notes: Notes) -> None:
    """Note the pictures that are there twice: the same file in two splits, or the same bytes in two files."""
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for split, paths in sizes.items():
        for path in paths:
            owners[path].append(split)
    groups = [[path] for path, splits in owners.items() if len(splits) > 1]
    groups += same_content({path: size for paths in sizes.values() for path, size in paths.items()})
    for group in groups:
        uses = [(path, split) for path in group for split in owners[path]]
        place = ", ".join(f"{os.path.relpath(path, root)} ({split})" for path, split in uses)
        splits = {split for _, split in uses}
        if len(splits) > 1:
            notes.add(Kind.PICTURE_SHARED, "", place)
        else:
            notes.add(Kind.PICTURE_REPEATED, uses[0][1], place)


def _summary(samples: Sequence[Sample], names: Sequence[str], num_keypoints: int) -> SplitSummary:
    counts = np.zeros(len(names), dtype=int)
    labelled = np.zeros(num_keypoints, dtype=int)
    for sample in samples:
        counts += np.bincount(sample.classes.astype(int), minlength=len(names))
        if sample.keypoints is not None:
            labelled += (sample.keypoints[..., 2] > 0).sum(axis=0)
    empty = sum(not len(sample.classes) for sample in samples)
    return SplitSummary(len(samples), empty, tuple(counts.tolist()), tuple(labelled.tolist()))


def _settings(contents: Contents) -> dict[str, Any]:
    splits = dict.fromkeys(("train", "val", *contents.records), contents.root)  # the engine wants the first two
    names = {"names": dict(enumerate(contents.names)), "nc": len(contents.names), "channels": 3}
    return {"path": contents.root, **splits, **names, **contents.settings, **_keypoint_settings(contents.skeleton)}


def _keypoint_settings(skeleton: Skeleton | None) -> dict[str, Any]:
    """Return what the engine's description says of keypoints, which have a visibility once they are read."""
    if skeleton is None:
        return {}
    said: dict[str, Any] = {"kpt_shape": [len(skeleton), 3]}
    if skeleton.flip_index is not None:
        said["flip_idx"] = list(skeleton.flip_index)
    if skeleton.sigmas is not None:
        said["kpt_oks_sigmas"] = list(skeleton.sigmas)
    return said
