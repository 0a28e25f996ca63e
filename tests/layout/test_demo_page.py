"""The demo's page: typst's own fonts, always the same, nearly every class."""

from __future__ import annotations

import pypdfium2

from examples.layout import check, render
from examples.layout.classes import NAMES
from examples.layout.demo_page import demo_page


def test_it_is_one_page_with_every_class_and_without_a_fault():
    pdf = demo_page()
    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == 1
    assert {element.cls for element in render.elements(document, document[0])} == set(NAMES)
    assert check.faults(pdf) == []


def test_it_is_always_the_same():
    assert demo_page() == demo_page()
