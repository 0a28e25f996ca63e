"""Opening what a user gives as ``data``: recognise the format, read it, check it."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import yaml

from yolonas_plugin.data.coco import CocoFiles, described_coco, find_coco, read_coco, split_of
from yolonas_plugin.data.contents import Contents
from yolonas_plugin.data.images import same_content
from yolonas_plugin.data.report import DataReport, Kind, Notes, SplitSummary, describe
from yolonas_plugin.data.samples import Sample, make_samples
from yolonas_plugin.data.voc import is_voc, read_voc
from yolonas_plugin.data.yolo import read_yolo
from yolonas_plugin.errors import DataNotFoundError, SourceError

Source: TypeAlias = str | Path | Mapping[str, Any]

_YAML: Final = (".yaml", ".yml")


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
    """

    source: Source
    names: tuple[str, ...]
    splits: dict[str, list[Sample]]
    settings: dict[str, Any]
    report: DataReport

    @property
    def name(self) -> str:
        """What people call it, the name of its folder or file."""
        if isinstance(self.source, Mapping):
            return Path(self.settings["path"]).name
        path = Path(self.source).expanduser().absolute()
        return path.parent.name if path.stem in {"data", "dataset", "_annotations.coco"} else path.stem


def check_data(source: Source, splits: Sequence[str] | None = None) -> DataReport:
    """Read a data set, and report what it holds and what is wrong with it.

    No download that a YAML file asks for is run.

    Args:
        source: See :func:`open_data`.
        splits: The splits to read; None reads all.

    Raises:
        DataNotFoundError, SourceError: As :func:`open_data` does.
    """
    return open_data(source, splits, download=False).report


def open_data(source: Source, splits: Sequence[str] | None = None, *, download: bool = True) -> DataSet:
    """Read a data set and keep what can be used.

    Args:
        source: What the engine takes (a YAML file, a name such as ``"coco8"``, a URL, an archive); a folder of Pascal
            VOC, COCO or YOLO with its YAML file; a COCO JSON file; or what a YAML file would say, as a dict.
        splits: The splits to read: ``train``, ``val``, ``test``. None reads all that there are.
        download: Let the engine download images that aren't there, if its YAML file says from where.

    Raises:
        DataNotFoundError: The source, a wanted split, or a folder of images isn't there.
        SourceError: The format can't be recognised, there are no classes, or nothing of a split can be used.
    """
    title = "the data given as a dict" if isinstance(source, Mapping) else str(source)
    notes = Notes()
    contents = _read(source, None if splits is None else tuple(splits), notes, download)
    if not contents.names:
        raise SourceError(f"{title}: it has no classes, because no annotation has a box")
    for name, count in Counter(contents.names).items():
        if count > 1:
            notes.add(Kind.CLASS_REPEATED, "", name)
    samples: dict[str, list[Sample]] = {}
    sizes: dict[str, dict[str, int]] = {}
    with _without_installing():
        for split, records in contents.records.items():
            samples[split], sizes[split] = make_samples(split, records, contents.names, contents.root, notes)
    _compare(sizes, contents.root, notes)
    summaries = {split: _summary(found, contents.names) for split, found in samples.items()}
    for split, summary in summaries.items():
        for name, count in zip(contents.names, summary.boxes, strict=True):
            if not count:
                notes.add(Kind.CLASS_UNUSED, split, name)
    report = DataReport(title, contents.format, contents.names, summaries, notes.findings())
    for split, found in samples.items():
        if not found:
            raise SourceError(describe(f"{title}: no image of {split!r} can be used", report.findings))
    return DataSet(source, contents.names, samples, _settings(contents), report)


def _read(source: Source, wanted: tuple[str, ...] | None, notes: Notes, download: bool) -> Contents:
    if isinstance(source, Mapping):
        files = described_coco(source, Path.cwd())
        return read_coco(files, wanted, notes) if files else read_yolo(source, wanted, notes, download=download)
    path = Path(source).expanduser()
    path = path.resolve() if path.exists() else path
    if path.is_dir():
        if (described := _description(path)) is None:
            return _read_folder(path, wanted, notes)
        path = described
    if path.suffix.lower() == ".json":
        return read_coco(_alone(path, wanted), wanted, notes)
    if path.suffix.lower() in _YAML and (files := described_coco(_load_yaml(path), path.parent)):
        return read_coco(files, wanted, notes)
    return read_yolo(str(path if path.exists() else source), wanted, notes, download=download)


def _read_folder(root: Path, wanted: tuple[str, ...] | None, notes: Notes) -> Contents:
    if files := find_coco(root):
        return read_coco(files, wanted, notes)
    if is_voc(root):
        return read_voc(root, wanted, notes)
    raise SourceError(
        f"{root}: this folder holds none of the formats that can be read: a YAML file with train, val and names "
        "(YOLO), annotations/instances_train.json and the like or train/_annotations.coco.json (COCO), or "
        "Annotations/*.xml with ImageSets/Main/train.txt (Pascal VOC)"
    )


def _description(root: Path) -> Path | None:
    """Find the YAML file that describes the data in a folder.

    Raises:
        SourceError: There are several.
    """
    files = [path for path in sorted(root.iterdir()) if path.suffix.lower() in _YAML and _describes(_load_yaml(path))]
    preferred = [path for path in files if path.stem in {"data", "dataset", root.name}]
    files = preferred[:1] or files
    if len(files) > 1:
        names = ", ".join(path.name for path in files)
        raise SourceError(f"{root}: several YAML files describe data here: {names}; give the path of one")
    return files[0] if files else None


def _describes(content: Mapping[str, Any]) -> bool:
    return "names" in content or "nc" in content or described_coco(content, Path()) is not None


def _load_yaml(path: Path) -> Mapping[str, Any]:
    """Read a YAML file; what can't be read, or is no mapping, is left to the engine to complain of."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8", errors="ignore"))
    except (OSError, yaml.YAMLError):
        return {}
    return content if isinstance(content, Mapping) else {}


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
def _without_installing() -> Iterator[None]:
    """Keep the engine, where it is loaded, from installing a package when Pillow is given what is no image."""
    if "ultralytics" not in sys.modules:
        yield
        return
    from yolonas_plugin.engine import quiet, session

    with session(), quiet(logging.ERROR):
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


def _summary(samples: Sequence[Sample], names: Sequence[str]) -> SplitSummary:
    counts = np.zeros(len(names), dtype=int)
    for sample in samples:
        counts += np.bincount(sample.classes.astype(int), minlength=len(names))
    empty = sum(not len(sample.classes) for sample in samples)
    return SplitSummary(len(samples), empty, tuple(counts.tolist()))


def _settings(contents: Contents) -> dict[str, Any]:
    splits = dict.fromkeys(("train", "val", *contents.records), contents.root)  # the engine wants the first two
    names = {"names": dict(enumerate(contents.names)), "nc": len(contents.names), "channels": 3}
    return {"path": contents.root, **splits, **names, **contents.settings}
