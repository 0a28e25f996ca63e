"""What is found on a page: docling's names for the parts of a document, in the order of the labels' numbers."""

from __future__ import annotations

from typing import Final

NAMES: Final = (
    "title",
    "section_header",
    "text",
    "list_item",
    "table",
    "picture",
    "caption",
    "formula",
    "code",
    "page_header",
    "page_footer",
    "footnote",
)
INDEX: Final = {name: index for index, name in enumerate(NAMES)}

# An element that is seen and known but has no class: watermarks, line numbers.
NOTHING: Final = "nothing"
