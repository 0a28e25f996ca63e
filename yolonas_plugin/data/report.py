"""Findings of reading a data set: faults, with their counts and first places, and facts worth knowing."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from yolonas_plugin.data.text import legible

EXAMPLES: Final = 5
"""Places that are kept of each kind of finding."""

_SHOWN: Final = 3
_LOGGER: Final = logging.getLogger("yolonas_plugin")


class Kind(Enum):
    """Kinds of findings: what it is, what is done about it, and whether it is a fault or a mere fact."""

    IMAGE_MISSING = "image missing", "image left out", True
    IMAGE_UNREADABLE = "image unreadable", "image left out", True
    IMAGE_REPEATED = "image listed twice in a split", "used once", True
    NAME_SHARED = "images of one name share their labels", "kept", True
    PICTURE_REPEATED = "same picture twice in a split", "kept", True
    PICTURE_SHARED = "same picture in two splits", "kept", True
    LABELS_MISSING = "annotation file missing", "image left out", True
    LABELS_UNREADABLE = "annotation file unreadable", "image left out", True
    LABELS_UNUSED = "labels where they are not looked for", "image left out", True
    LABELS_TWICE = "other labels beside the image", "those in the labels folder used", True
    LABELS_LOST = "image with no usable label among those it has", "image left out", True
    SIZE_WRONG = "annotation made for an image of another shape", "image left out", True
    SIZE_SCALED = "annotation made for an image of another size", "boxes scaled", True
    LABEL_UNREADABLE = "label unreadable", "label left out", True
    LABEL_OUTSIDE = "label outside the classes", "label left out", True
    LABEL_STRAY = "labels without an image", "left out", True
    LABEL_REPEATED = "label given twice", "used once", True
    BOX_EMPTY = "box of no area", "label left out", True
    BOX_OUTSIDE = "box outside the image", "label left out", True
    KEYPOINT_UNREADABLE = "keypoint that is no number", "taken for not labelled", True
    KEYPOINT_VISIBILITY = "keypoint with a visibility other than 0, 1 and 2", "taken for not labelled", True
    KEYPOINT_OUTSIDE = "keypoint outside the image", "taken for not labelled", True
    CLASS_REPEATED = "class name given twice", "kept", True
    NO_BOX = "split without a box", "not to be trained on", True
    NO_KEYPOINT = "split without a labelled keypoint", "not to be trained on", True
    BOX_OVER = "box reaches out of the image", "kept as it is", False
    LABELS_BESIDE = "labels beside the image, in a folder named images", "used", False
    CROWD = "crowd box", "left out", False
    DIFFICULT = "box marked difficult", "left out", False
    BACKGROUND = "image without labels", "kept as background", False
    UNLABELLED = "object without a labelled keypoint", "used for its box", False
    KEYPOINTS_BARE = "keypoints without visibilities", "taken for visible", False
    KEYPOINTS_UNUSED = "keypoints in data for a detector", "left out", False
    FLIP_UNKNOWN = "no flip_idx, which says what a mirror swaps", "not to be mirrored in training", False
    CLASS_BARE = "label of a class without keypoints", "left out", False
    CLASS_UNUSED = "class without a box", "kept", False
    CLASS_GROUP = "category that only groups others", "left out", False
    DOWNLOAD = "download that the description asks for", "not run", False

    def __init__(self, title: str, outcome: str, is_fault: bool) -> None:
        self.title = title
        self.outcome = outcome
        self.is_fault = is_fault

    @property
    def loses_image(self) -> bool:
        """Whether an image that is listed can't be used."""
        return self.is_fault and self.outcome == "image left out"


@dataclass(frozen=True, slots=True)
class Finding:
    """Number of occurrences of a kind in a split (``""``: in all splits), and the first places."""

    kind: Kind
    split: str
    count: int
    places: tuple[str, ...]

    def __str__(self) -> str:
        where = f" in {self.split}" if self.split else ""
        first = "; ".join(self.places[:_SHOWN]) + ("; ..." if self.count > _SHOWN else "")
        return f"{self.count} x {self.kind.title}{where}, {self.kind.outcome}: {first}"


class Notes:
    """Collects findings while data is read."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[Kind, str]] = Counter()
        self._places: defaultdict[tuple[Kind, str], list[str]] = defaultdict(list)

    def add(self, kind: Kind, split: str, place: str) -> None:
        """Add an occurrence at ``place``: a file, with the line or the object where that is known."""
        self._counts[kind, split] += 1
        if len(self._places[kind, split]) < EXAMPLES:
            self._places[kind, split].append(legible(place))

    def findings(self) -> tuple[Finding, ...]:
        """Return the findings in the order of :class:`Kind`."""
        order = list(Kind)
        keys = sorted(self._counts, key=lambda key: order.index(key[0]))  # stable: splits stay in the order read
        return tuple(Finding(*key, self._counts[key], tuple(self._places[key])) for key in keys)


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """What can be used of a split: numbers of images, of those without labels, and of boxes by class index.

    And, of data with keypoints, the number of labelled ones by their index.
    """

    images: int
    backgrounds: int
    boxes: tuple[int, ...]
    keypoints: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold; without ``keypoints`` for data that have none."""
        counts: dict[str, Any] = {"images": self.images, "backgrounds": self.backgrounds, "boxes": list(self.boxes)}
        return counts | ({"keypoints": list(self.keypoints)} if self.keypoints else {})


@dataclass(frozen=True, slots=True)
class DataReport:
    """What a data set holds and what is wrong with it.

    Attributes:
        source: What was given, as text.
        format: ``"YOLO"``, ``"COCO"`` or ``"Pascal VOC"``.
        names: The classes in the order of their indices.
        splits: What can be used of each split that was read.
        findings: Faults, then facts, by kind and split.
        keypoints: Names of the keypoints that each object may have; empty for data of boxes alone.
    """

    source: str
    format: str
    names: tuple[str, ...]
    splits: dict[str, SplitSummary]
    findings: tuple[Finding, ...]
    keypoints: tuple[str, ...] = ()

    @property
    def faults(self) -> tuple[Finding, ...]:
        """What is wrong; facts are left out."""
        return tuple(finding for finding in self.findings if finding.kind.is_fault)

    @property
    def facts(self) -> tuple[Finding, ...]:
        """What is worth knowing, and no fault."""
        return tuple(finding for finding in self.findings if not finding.kind.is_fault)

    @property
    def images_lost(self) -> int:
        """Number of images that are listed but can't be used."""
        return sum(finding.count for finding in self.findings if finding.kind.loses_image)

    def counts(self) -> dict[str, int]:
        """Return the occurrences of each kind in all splits together, by the name of :class:`Kind` in lower case."""
        counts: Counter[str] = Counter()
        for finding in self.findings:
            counts[finding.kind.name.lower()] += finding.count
        return dict(counts)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as what JSON can hold."""
        return {
            "source": self.source,
            "format": self.format,
            "names": list(self.names),
            **({"keypoints": list(self.keypoints)} if self.keypoints else {}),
            "splits": {name: split.to_dict() for name, split in self.splits.items()},
            "findings": [
                {
                    "kind": finding.kind.name.lower(),
                    "fault": finding.kind.is_fault,
                    "split": finding.split or None,
                    "count": finding.count,
                    "outcome": finding.kind.outcome,
                    "places": list(finding.places),
                }
                for finding in self.findings
            ],
        }

    def log(self) -> None:
        """Warn of the faults, and of a download that isn't run, in one message; say nothing when there are none."""
        said = [finding for finding in self.findings if finding.kind.is_fault or finding.kind is Kind.DOWNLOAD]
        if said:
            title = "faults in the data" if self.faults else "about the data"
            _LOGGER.warning("%s", describe(f"{self.source}: {title}", said))


def describe(title: str, findings: Iterable[Finding]) -> str:
    """Put a title above findings, one a line."""
    return "\n  ".join([f"{title}:", *map(str, findings)])
