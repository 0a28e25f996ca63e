"""From typst source to a PDF, from its links to boxes, from its pages to images."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as raw
import typst
from numpy.typing import NDArray

from .classes import INDEX

Rect = tuple[float, float, float, float]  # left, top, right, bottom in pt, from the page's upper left corner

# Its number stands in a column of its own, but never apart from it.
_WHOLE: Final = ("formula",)


class DocumentError(RuntimeError):
    """Typst did not take a document's source, which is a mistake of this program."""


@dataclass(frozen=True)
class Element:
    """One box of a page: its class and the rectangles that it is made of, mostly lines of text."""

    cls: str
    name: str
    rects: tuple[Rect, ...]

    @property
    def box(self) -> Rect:
        left, top, right, bottom = zip(*self.rects, strict=True)
        return min(left), min(top), max(right), max(bottom)


def compile_pdf(source: str, compiler: typst.Compiler) -> bytes:
    """The PDF; links are kept, tags are not, which saves a third of the time."""
    try:
        return compiler.compile(source.encode(), format="pdf", pdf_tags=False, timestamp=0)
    except typst.TypstError as error:
        raise DocumentError(f"{error.message}\n{error.diagnostic}") from error


def elements(document: pdfium.PdfDocument, page: pdfium.PdfPage) -> list[Element]:
    """The elements of a page, whole or in as many boxes as columns they stand in."""
    parts: dict[str, list[Rect]] = {}
    last = ""
    for address, rect in _links(document, page):
        if not address:  # typst's own link from a footnote's mark: it belongs to the text before it
            if last and parts[last] and _touches(parts[last][-1], rect):
                parts[last].append(rect)
            continue
        if not address.startswith("b:"):
            continue
        last = address[2:]
        parts.setdefault(last, []).append(rect)
    found: list[Element] = []
    for name, rects in parts.items():
        cls = name.split(":")[0]
        groups = [rects] if cls in _WHOLE else _columns(rects)
        found += [Element(cls, name, tuple(group)) for group in groups if group]
    return found


def _links(document: pdfium.PdfDocument, page: pdfium.PdfPage) -> Iterator[tuple[str, Rect]]:
    height = page.get_height()
    position, link, rect = ctypes.c_int(0), raw.FPDF_LINK(), raw.FS_RECTF()
    text = ctypes.create_string_buffer(256)
    while raw.FPDFLink_Enumerate(page.raw, position, link):
        raw.FPDFLink_GetAnnotRect(link, rect)
        length = raw.FPDFAction_GetURIPath(document.raw, raw.FPDFLink_GetAction(link), text, len(text))
        address = text.raw[: max(0, length - 1)].decode() if length else ""
        yield address, (rect.left, height - rect.top, rect.right, height - rect.bottom)


def _touches(first: Rect, second: Rect) -> bool:
    beside = abs(second[0] - first[2]) < 1 or abs(first[0] - second[2]) < 1
    return beside and second[1] < first[3] and first[1] < second[3]


def _columns(rects: list[Rect]) -> list[list[Rect]]:
    """Lines in reading order, cut where the text jumps up or aside into another column."""
    groups: list[list[Rect]] = []
    for rect in rects:
        if rect[2] - rect[0] < 0.01 or rect[3] - rect[1] < 0.01:
            continue
        before = groups[-1][-1] if groups else rect
        up = rect[1] < before[1] - 0.5 * (before[3] - before[1])
        aside = (rect[0] > before[2] or rect[2] < before[0]) and rect[1] > before[3]
        if not groups or up or aside:
            groups.append([])
        groups[-1].append(rect)
    # a raised index jumps up too, and a short line lies aside of a word's rest, but between their column's edges
    merged: list[list[Rect]] = []
    for group in groups:
        left, right = min(rect[0] for rect in group), max(rect[2] for rect in group)
        beside = [
            other for other in merged if min(right, max(r[2] for r in other)) - max(left, min(r[0] for r in other)) > 1
        ]
        for other in beside:
            group = other + group
            merged.remove(other)
        merged.append(group)
    return merged


def raster(page: pdfium.PdfPage, scale: float) -> NDArray[np.uint8]:
    """The page as [height, width, 3] in RGB, `scale` pixels per pt."""
    bitmap = page.render(scale=scale, may_draw_forms=False, rev_byteorder=True)
    return np.ascontiguousarray(bitmap.to_numpy()[..., :3])


def label(cls: str, box: Rect, width: float, height: float) -> str:
    """A line of a YOLO label file; the box is in the units of the width and height."""
    left, right = max(0.0, box[0]) / width, min(width, box[2]) / width
    top, bottom = max(0.0, box[1]) / height, min(height, box[3]) / height
    return f"{INDEX[cls]} {(left + right) / 2:.6f} {(top + bottom) / 2:.6f} {right - left:.6f} {bottom - top:.6f}"
