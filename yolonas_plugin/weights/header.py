"""The record of a model as strings in this package's own weight files, the same in .safetensors and in .pt.

A record is the two things that a file of ours holds: ``{"header": {name: text}, "state_dict": {name: tensor}}``. A .pt
file has it under the key :data:`RECORD`; for a safetensors file the reader makes one, so that it treats both alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from yolonas_plugin.errors import CheckpointError, ProcessingError, SkeletonError
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.names import GIVE_NAMES, check_text, checked_names
from yolonas_plugin.nn import TASK_CONFIGS
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.skeleton import Skeleton
from yolonas_plugin.tasks import TASKS

FORMAT_VERSION: Final = 2
"""Version of the header. It grows when a reader of today would misunderstand what is written tomorrow.

A model gets the lowest that has what it needs: detection is in 1; 2 added ``task`` and ``skeleton``.
"""

VERSION_KEY: Final = "yolonas_format"
"""The name in a header that makes a file ours."""

RECORD: Final = "yolonas"
"""Under this key a .pt file holds its record."""

_WITHOUT_TASK: Final = "detect"
"""The task of files that don't say it."""

_SHOWN: Final = ("licence", "training_data", "package")
_MAX_TEXT: Final = 1 << 20
"""Longest entry that is read, in letters: JSON takes up to sixty times its length when it is taken apart."""


def to_header(info: ModelInfo) -> dict[str, str]:
    """Return the strings that go into a weight file; what is unknown is left out.

    Raises:
        CheckpointError: A text is one that no file would be read with.
    """
    for name in _SHOWN:
        check_text(getattr(info, name) or "", name, "the model")
    header = {
        VERSION_KEY: "1" if info.task == _WITHOUT_TASK else "2",
        "size": info.size,
        "class_names": json.dumps(checked_names(info.names, "the model")),
        "processing": info.processing.to_json(),
        "licence": info.licence,
        "training_data": info.training_data,
        "package": info.package,
        "task": None if info.task == _WITHOUT_TASK else info.task,
        "skeleton": None if info.skeleton is None else info.skeleton.to_json(),
    }
    return {name: text for name, text in header.items() if text is not None}


def from_header(header: Any, path: Path, channels: int = 3) -> ModelInfo:
    """Read the strings back; names that this version doesn't know are ignored.

    Args:
        header: What a file has in their place.
        path: The file, for messages.
        channels: Of the images, which the tensors tell.

    Raises:
        CheckpointError: A newer version wrote them, or they are damaged.
        ProcessingError: Their processing is damaged.
    """
    if not isinstance(header, Mapping) or not all(isinstance(text, str) for text in header.values()):
        raise CheckpointError(f"{path}: its header is damaged: it is no table of strings")
    if any(len(text) > _MAX_TEXT for text in header.values()):
        raise CheckpointError(f"{path}: its header is damaged: an entry has more than {_MAX_TEXT >> 20} MB")
    version = header.get(VERSION_KEY, "")
    if not (version.isascii() and version.isdecimal() and 1 <= len(version) <= 9 and int(version) > 0):
        raise CheckpointError(f"{path}: its header is damaged: {VERSION_KEY} is {version[:40]!r}")
    if int(version) > FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: the file has format {version}, and this version reads up to {FORMAT_VERSION}; it was written "
            f"by {header.get('package', 'a newer yolonas-plugin')[:40]!r}: pip install -U yolonas-plugin"
        )
    missing = [name for name in ("size", "class_names", "processing", "package") if name not in header]
    if missing:
        raise CheckpointError(f"{path}: its header is damaged: {', '.join(missing)} is missing")
    for name in _SHOWN:
        check_text(header.get(name, ""), f"{name} in its header", path)
    task = header.get("task", _WITHOUT_TASK)
    if task not in TASKS:
        raise CheckpointError(f"{path}: its header is damaged: the task is {task[:40]!r}; known are {', '.join(TASKS)}")
    if header["size"] not in TASK_CONFIGS[task]:
        raise CheckpointError(f"{path}: its header is damaged: the size is {header['size'][:40]!r}")
    try:
        processing = ProcessingSpec.from_json(header["processing"])
    except ProcessingError as error:
        raise ProcessingError(f"{path}: its header is damaged: {error}") from error
    try:
        return ModelInfo(
            size=header["size"],
            names=checked_names(_names(header["class_names"], path), path, GIVE_NAMES),
            processing=processing,
            channels=channels,
            task=task,
            skeleton=Skeleton.from_json(header["skeleton"]) if "skeleton" in header else None,
            licence=header.get("licence"),
            training_data=header.get("training_data"),
            package=header["package"],
        )
    except SkeletonError as error:
        raise CheckpointError(f"{path}: its header is damaged: {error}") from error


def _names(text: str, path: Path) -> tuple[str, ...]:
    try:
        names = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: its header is damaged: the class names are not JSON: {error}") from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise CheckpointError(f"{path}: its header is damaged: the class names are no list of names")
    return tuple(names)
