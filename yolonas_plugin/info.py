"""What a model says of itself: one record for weight files, exported files and modules. Without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.version import __version__

if TYPE_CHECKING:
    from yolonas_plugin.nn import Size

PACKAGE: Final = f"yolonas-plugin {__version__}"
"""What writes files here."""


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """A model.

    Attributes:
        names: Class names, in the order of the scores.
        processing: How images are prepared, and the defaults of box selection.
        size: Which network, ``"n"``, ``"s"``, ``"m"`` or ``"l"``; None for an exported file, which doesn't say it.
        channels: Of the images.
        task: ``"detect"``.
        licence: Of the weights; None where their file doesn't say it.
        training_data: What they were trained on, in free words, or None.
        package: What wrote the file.
    """

    names: tuple[str, ...]
    processing: ProcessingSpec
    size: Size | None = None
    channels: int = 3
    task: str = "detect"
    licence: str | None = None
    training_data: str | None = None
    package: str = PACKAGE
