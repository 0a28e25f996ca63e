"""What is found on a page: docling's names for the parts of a document, in the order of the labels' numbers."""

from __future__ import annotations

from typing import Final

from yolonas_plugin.cards import LAYOUT_CLASSES

NAMES: Final = LAYOUT_CLASSES
INDEX: Final = {name: index for index, name in enumerate(NAMES)}

# An element that is seen and known but has no class: watermarks, line numbers.
NOTHING: Final = "nothing"
