"""The demo's page: typst's own fonts, always the same, nearly every class."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest

from page_layout import check, render
from page_layout.classes import NAMES
from page_layout.demo_page import demo_page

COMMITTED = Path(__file__).parents[2] / "examples" / "demo_page.pdf"


def test_it_is_one_page_with_every_class_and_without_a_fault():
    pdf = demo_page()
    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == 1
    assert {element.cls for element in render.elements(document, document[0])} == set(NAMES)
    assert check.faults(pdf) == []


def test_it_is_always_the_same():
    assert demo_page() == demo_page()


def test_it_is_the_page_of_the_demo():
    """Written by whichever typst: the same elements in the same places, not the same bytes."""
    documents = map(pypdfium2.PdfDocument, (demo_page(), COMMITTED))
    drawn, committed = (render.elements(document, document[0]) for document in documents)
    assert [element.name for element in drawn] == [element.name for element in committed]
    for here, there in zip(drawn, committed, strict=True):
        assert here.box == pytest.approx(there.box, abs=1), here.name
