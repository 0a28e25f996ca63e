"""The result of reading one format, not yet checked: classes, and the records of each split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from yolonas_plugin.data.samples import Record
from yolonas_plugin.data.text import read_text
from yolonas_plugin.errors import DataNotFoundError, SourceError
from yolonas_plugin.skeleton import Skeleton

_LARGEST: Final = 256 << 20

SPLIT_FOLDERS: Final = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
"""Names of folders for splits, and what the engine calls these splits."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Contents of a data set as its reader of one format returns them, not checked.

    Attributes:
        format: Its name.
        root: Folder that paths in messages are relative to.
        names: The classes in the order of their indices.
        records: The images of each split that was read.
        settings: Further keys for the engine's description of the data.
        skeleton: What keypoints the labels have; None where none were read.
        category_ids: What the annotations of a split call each class, None those that they don't have; empty where
            they number no classes.
    """

    format: str
    root: str
    names: tuple[str, ...]
    records: dict[str, list[Record]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    category_ids: Mapping[str, tuple[int | str | None, ...]] = field(default_factory=dict)
    skeleton: Skeleton | None = None


def read_lines(path: Path) -> list[str]:
    """Read the lines of a list that aren't empty, without the space around them.

    Raises:
        SourceError: It isn't text.
    """
    try:
        text = read_text(path, _LARGEST)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: this list can't be read: {error}; it must be UTF-8 text") from error
    return [line.strip() for line in text.split("\n") if line.strip()]


def known_size(height: Any, width: Any) -> tuple[int, int] | None:
    """Return the size that an annotation gives, or None if these are no numbers of pixels."""
    if all(isinstance(side, int) and 0 < side < 1 << 31 for side in (height, width)):
        return height, width
    return None


def choose(available: Iterable[str], wanted: tuple[str, ...] | None, source: str) -> tuple[str, ...]:
    """Return the splits to read.

    Raises:
        DataNotFoundError: A wanted one isn't there.
    """
    available = tuple(available)
    for split in wanted or ():
        if split not in available:
            raise DataNotFoundError(f"{source}: there is no split {split!r}; it has {', '.join(available)}")
    return available if wanted is None else wanted
