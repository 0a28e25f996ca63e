"""What this package's own weight files say about themselves, in the same strings whether .safetensors or .pt.

A record is the two things that a file of ours holds: ``{"header": {name: text}, "state_dict": {name: tensor}}``. A .pt
file has it under the key :data:`RECORD`; for a safetensors file the reader makes one, so that it treats both alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from torch import Tensor

from yolonas_plugin.errors import CheckpointError, ProcessingError
from yolonas_plugin.names import GIVE_NAMES, check_text, checked_names
from yolonas_plugin.nn import CONFIGS, Size
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.version import __version__
from yolonas_plugin.weights.checkpoint import Checkpoint
from yolonas_plugin.weights.half import restore_unused

FORMAT_VERSION: Final = 1
"""Version of the header. It grows when a reader of today would misunderstand what is written tomorrow."""

VERSION_KEY: Final = "yolonas_format"
"""The name in a header that makes a file ours."""

RECORD: Final = "yolonas"
"""Under this key a .pt file holds its record."""

_SHOWN: Final = ("licence", "training_data", "package")
_MAX_TEXT: Final = 1 << 20
"""Longest entry that is read, in letters: JSON takes up to sixty times its length when it is taken apart."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """All that a weight file of ours says besides its tensors.

    Attributes:
        size: Which network.
        class_names: In the order of the scores.
        processing: How images are prepared, and the defaults of box selection.
        licence: Of the weights; None where nobody said it.
        training_data: What they were trained on, in free words.
        package: What wrote the file, as ``"yolonas-plugin 0.1.0"``.
    """

    size: Size
    class_names: tuple[str, ...]
    processing: ProcessingSpec
    licence: str | None = None
    training_data: str | None = None
    package: str = f"yolonas-plugin {__version__}"

    def to_metadata(self) -> dict[str, str]:
        """Return the strings that go into the file; what is unknown is left out.

        Raises:
            CheckpointError: A text is one that no file would be read with.
        """
        for name in _SHOWN:
            check_text(getattr(self, name) or "", name, "the model")
        metadata = {
            VERSION_KEY: str(FORMAT_VERSION),
            "size": self.size,
            "class_names": json.dumps(checked_names(self.class_names, "the model")),
            "processing": self.processing.to_json(),
            "licence": self.licence,
            "training_data": self.training_data,
            "package": self.package,
        }
        return {name: text for name, text in metadata.items() if text is not None}

    @classmethod
    def from_metadata(cls, metadata: Any, path: Path) -> Header:
        """Read the strings back; names that this version doesn't know are ignored.

        Raises:
            CheckpointError: A newer version wrote them, or they are damaged.
            ProcessingError: Their processing is damaged.
        """
        if not isinstance(metadata, Mapping) or not all(isinstance(text, str) for text in metadata.values()):
            raise CheckpointError(f"{path}: its header is damaged: it is no table of strings")
        if any(len(text) > _MAX_TEXT for text in metadata.values()):
            raise CheckpointError(f"{path}: its header is damaged: an entry has more than {_MAX_TEXT >> 20} MB")
        version = metadata.get(VERSION_KEY, "")
        if not (version.isascii() and version.isdecimal() and 1 <= len(version) <= 9 and int(version) > 0):
            raise CheckpointError(f"{path}: its header is damaged: {VERSION_KEY} is {version[:40]!r}")
        if int(version) > FORMAT_VERSION:
            raise CheckpointError(
                f"{path}: the file has format {version}, and this version reads up to {FORMAT_VERSION}; it was written "
                f"by {metadata.get('package', 'a newer yolonas-plugin')[:40]!r}: pip install -U yolonas-plugin"
            )
        missing = [name for name in ("size", "class_names", "processing", "package") if name not in metadata]
        if missing:
            raise CheckpointError(f"{path}: its header is damaged: {', '.join(missing)} is missing")
        for name in _SHOWN:
            check_text(metadata.get(name, ""), f"{name} in its header", path)
        if metadata["size"] not in CONFIGS:
            raise CheckpointError(f"{path}: its header is damaged: the size is {metadata['size'][:40]!r}")
        try:
            processing = ProcessingSpec.from_json(metadata["processing"])
        except ProcessingError as error:
            raise ProcessingError(f"{path}: its header is damaged: {error}") from error
        return cls(
            size=cast(Size, metadata["size"]),
            class_names=checked_names(_names(metadata["class_names"], path), path, GIVE_NAMES),
            processing=processing,
            licence=metadata.get("licence"),
            training_data=metadata.get("training_data"),
            package=metadata["package"],
        )

    def checkpoint(
        self, state_dict: Mapping[str, Tensor], path: Path, *, own_processing: bool = True, own_names: bool = True
    ) -> Checkpoint:
        """Put the header, or what is wanted of it, and the tensors of a file together.

        Raises:
            CheckpointError: They contradict each other, or the tensors are no YOLO-NAS.
        """
        checkpoint = Checkpoint.from_state_dict(
            restore_unused(state_dict),
            path,
            self.class_names if own_names else None,
            self.processing if own_processing else None,
            licence=self.licence,
            training_data=self.training_data,
        )
        if checkpoint.size != self.size:
            raise CheckpointError(
                f"{path}: its header is damaged: it says size {self.size}, the tensors are of {checkpoint.size}"
            )
        return checkpoint


def _names(text: str, path: Path) -> tuple[str, ...]:
    try:
        names = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: its header is damaged: the class names are not JSON: {error}") from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise CheckpointError(f"{path}: its header is damaged: the class names are no list of names")
    return tuple(names)
