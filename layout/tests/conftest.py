"""Pages in typst's own fonts alone, so that these tests need no font of the system."""

from __future__ import annotations

import os

import pytest

os.environ["YOLONAS_OFFLINE"] = "1"


@pytest.fixture(scope="session")
def press(tmp_path_factory):
    from page_layout.document import Press
    from page_layout.splits import Split

    return Press(tmp_path_factory.mktemp("press"), Split.embedded("train"), seed=0, share=0.01)


@pytest.fixture(scope="session")
def set_page(press):
    """Sets a page from typst's source, and gives its elements and its image at `scale` pixels per pt."""
    import pypdfium2

    from page_layout import render
    from page_layout.writer import prelude

    def set_page(source: str, number: int = 0, scale: float = 1.0):
        document = pypdfium2.PdfDocument(press.compile(f"{prelude()}\n{source}"))
        page = document[number]
        return render.elements(document, page), render.raster(page, scale)

    return set_page
