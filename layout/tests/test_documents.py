"""Every kind of document can be set, all that it says is labelled, and the same number gives the same document."""

from __future__ import annotations

import random

import pypdfium2
import pytest

from page_layout import check, render
from page_layout.classes import NAMES
from page_layout.families import HELD_OUT, TRAINING

FAMILIES = {**TRAINING, **HELD_OUT}


@pytest.fixture(scope="module")
def documents(press):
    """One document of each family, in typst's own fonts."""
    made = {}
    for name, (family, _) in FAMILIES.items():
        _, source = family(press.split, random.Random(f"{name} 3"), press.pool)
        made[name] = press.compile(source)
    return made


@pytest.mark.parametrize("family", FAMILIES)
def test_no_text_is_unlabelled_and_no_box_lies_in_another(documents, family):
    assert check.faults(documents[family]) == []


def test_every_class_appears(documents):
    found = set()
    for pdf in documents.values():
        document = pypdfium2.PdfDocument(pdf)
        for page in document:
            found.update(element.cls for element in render.elements(document, page))
    assert found >= set(NAMES)


def test_the_same_number_is_the_same_document(press):
    first, second = press.document(4), press.document(4)
    assert first.source == second.source
    assert first.pdf == second.pdf
    assert press.document(5).source != first.source


def test_a_source_that_typst_refuses_is_an_error(press):
    with pytest.raises(render.DocumentError, match="unknown variable"):
        press.compile("#nowhere")
