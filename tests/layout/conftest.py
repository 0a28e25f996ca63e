"""Pages in typst's own fonts alone, so that these tests need no font of the system."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

NEEDED = ("typst", "pypdfium2", "faker", "matplotlib")
missing = [name for name in NEEDED if find_spec(name) is None]


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Without the extra the modules here can't be imported; test_extra.py says so."""
    return (
        True if missing and collection_path.name.startswith("test_") and collection_path.stem != "test_extra" else None
    )


@pytest.fixture(scope="session")
def press(tmp_path_factory):
    from examples.layout.document import Press
    from examples.layout.splits import Split

    return Press(tmp_path_factory.mktemp("press"), Split.embedded("train"), seed=0, share=0.01)


@pytest.fixture(scope="session")
def set_page(press):
    """Sets a page from typst's source, and gives its elements and its image at `scale` pixels per pt."""
    import pypdfium2

    from examples.layout import render
    from examples.layout.writer import prelude

    def set_page(source: str, number: int = 0, scale: float = 1.0):
        document = pypdfium2.PdfDocument(press.compile(f"{prelude()}\n{source}"))
        page = document[number]
        return render.elements(document, page), render.raster(page, scale)

    return set_page
