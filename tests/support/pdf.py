"""PDF files for tests: text in Helvetica and rectangles on pages of any size, and no more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Line(NamedTuple):
    """A line of text; points from the page's upper left corner to where its first letter stands, and its size."""

    x: float
    y: float
    text: str
    size: float = 10


class Box(NamedTuple):
    """A rectangle in points from the page's upper left corner, with a thin frame, filled with a grey from 0 to 1."""

    x: float
    y: float
    width: float
    height: float
    grey: float = 1


Part = Line | Box


def make_pdf(width: float, height: float, pages: Sequence[Iterable[Part]]) -> bytes:
    """Return a PDF whose pages have these parts, each over the ones before it."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    for parts in pages:
        drawn = "\n".join(_draw(part, height) for part in parts).encode("latin-1")
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %s %s] /Contents %d 0 R "
            b"/Resources << /Font << /F 3 0 R >> >> >>" % (_number(width), _number(height), len(objects))
        )
    numbers = b" ".join(b"%d 0 R" % number for number in range(5, len(objects) + 1, 2))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (numbers, len(pages))
    return _file(objects)


def lock(pdf: bytes) -> bytes:
    """Return a PDF as one that a password protects; there is none that opens it."""
    handler = b"/Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s>" % (b"5a" * 32, b"a5" * 32)
    return pdf.replace(b"/Root 1 0 R", b"/Root 1 0 R /ID [<00> <00>] /Encrypt << %s >>" % handler)


def _draw(part: Part, height: float) -> str:
    if isinstance(part, Line):
        text = part.text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        return f"BT 0 g /F {part.size:g} Tf {part.x:g} {height - part.y:g} Td ({text}) Tj ET"
    return f"{part.grey:g} g 0 G {part.x:g} {height - part.y - part.height:g} {part.width:g} {part.height:g} re B"


def _number(value: float) -> bytes:
    return f"{value:g}".encode()


def _file(objects: Sequence[bytes]) -> bytes:
    data, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    end = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(data))
    return data + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table) + end
