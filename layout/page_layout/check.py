"""What could be wrong with boxes, found in the PDF: text without a box, boxes in each other or off the page."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Final

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from .render import Element, Rect, elements

# Letters inside these belong to them; a list's item may hold nothing else.
_ALONE: Final = 0.15  # share of the smaller box that may lie in another


def faults(pdf: bytes) -> list[str]:
    """One line for each fault, with its page and what is there."""
    document = pdfium.PdfDocument(pdf)
    found: list[str] = []
    for number in range(len(document)):
        page = document[number]
        parts = elements(document, page)
        found += [
            f"page {number + 1}: {fault}"
            for fault in (*_unlabelled(page, parts), *_outside(page, parts), *_overlapping(parts))
        ]
    return found


def _unlabelled(page: pdfium.PdfPage, parts: Sequence[Element]) -> list[str]:
    """Runs of letters whose middles lie in no element."""
    text = page.get_textpage()
    height = page.get_height()
    box = [ctypes.c_double() for _ in range(4)]
    boxes = [part.box for part in parts]
    runs: list[str] = []
    last = -2
    for index in range(text.count_chars()):
        letter = chr(raw.FPDFText_GetUnicode(text.raw, index))
        if (
            letter.isspace()
            or not letter.isprintable()
            or not raw.FPDFText_GetCharBox(text.raw, index, box[0], box[1], box[2], box[3])
        ):
            continue
        x, y = (box[0].value + box[1].value) / 2, height - (box[2].value + box[3].value) / 2
        if any(left - 1 <= x <= right + 1 and top - 3 <= y <= bottom + 3 for left, top, right, bottom in boxes):
            continue
        if not (-5 < x < page.get_width() + 5 and -5 < y < height + 5) and letter in "‎‏":
            continue
        if index > last + 2 or not runs:
            runs.append(f"no box around text at {x:.0f}, {y:.0f}: ")
        runs[-1] += letter
        last = index
    return runs


def _outside(page: pdfium.PdfPage, parts: Sequence[Element]) -> list[str]:
    width, height = page.get_size()
    found = []
    for part in parts:
        left, top, right, bottom = part.box
        if part.cls != "nothing" and (left < -1 or top < -1 or right > width + 1 or bottom > height + 1):
            found.append(f"{part.name} leaves the page: {_show(part.box)} of {width:.0f} {height:.0f}")
    return found


def _overlapping(parts: Sequence[Element]) -> list[str]:
    found = []
    parts = [part for part in parts if part.cls != "nothing"]
    for index, first in enumerate(parts):
        for second in parts[index + 1 :]:
            share = _common(first.box, second.box) / max(1e-6, min(_area(first.box), _area(second.box)))
            if share > _ALONE:
                boxes = f"{_show(first.box)}, {_show(second.box)}"
                found.append(f"{first.name} and {second.name} share {share:.0%} of the smaller: {boxes}")
    return found


def _show(box: Rect) -> str:
    return " ".join(f"{value:.0f}" for value in box)


def _area(box: Rect) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _common(first: Rect, second: Rect) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return max(0.0, width) * max(0.0, height)
