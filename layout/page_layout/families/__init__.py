"""The kinds of documents: those of training and validation, and those that only the test has."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from ..pool import Pool
from ..splits import Split
from ..writer import Writer
from . import books, handbooks, held_out, manuals, offices, papers, press, reports, slides, technical

Family = Callable[[Split, random.Random, Pool], tuple[Writer, str]]

# name: the function that writes one document's source, and how often it is drawn
TRAINING: Final[dict[str, tuple[Family, float]]] = {
    "two_column_paper": (papers.two_columns, 3),
    "article": (papers.article, 2.3),
    "sphinx_manual": (manuals.sphinx, 2.5),
    "reference_manual": (manuals.reference, 1.5),
    "docbook": (handbooks.docbook, 1.7),
    "texinfo": (handbooks.texinfo, 1.3),
    "textbook": (handbooks.textbook, 1.7),
    "web_page": (manuals.web_page, 1.5),
    "report": (reports.report, 2.5),
    "letter": (offices.letter, 1.5),
    "invoice": (offices.invoice, 1.7),
    "form": (offices.form, 1.2),
    "cv": (offices.cv, 1),
    "slides": (slides.slides, 2.5),
    "magazine": (press.magazine, 2),
    "newspaper": (press.newspaper, 1.6),
    "book": (books.book, 1.4),
    "datasheet": (technical.datasheet, 1.7),
    "contract": (technical.contract, 1.2),
    "worksheet": (technical.worksheet, 1.7),
}
HELD_OUT: Final[dict[str, tuple[Family, float]]] = {
    "thesis": (held_out.thesis, 1.3),
    "standard": (held_out.standard, 1.3),
    "brochure": (held_out.brochure, 1),
    "two_colours": (held_out.two_colours, 1),
    "catalogue": (held_out.catalogue, 1),
}
