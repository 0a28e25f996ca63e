"""Diagrams drawn by typst itself, so that their letters are text of the PDF, as in real ones."""

from __future__ import annotations

import random

from .markup import block, call, pt, quote
from .words import Words

Point = tuple[float, float]
Drawing = tuple[str, float]  # a block that its picture fills, and how high it is in pt


def drawing(rng: random.Random, words: Words, width: float, accent: str) -> Drawing:
    """A diagram `width` pt wide."""
    return rng.choice((_flow, _flow, _bars, _layers, _curves))(rng, words, width, accent)


def _at(x: float, y: float, body: str) -> str:
    return f"place(dx: {pt(x)}, dy: {pt(y)}, {body})"


def _line(start: Point, end: Point, stroke: str = "0.6pt") -> str:
    points = [f"({pt(x)}, {pt(y)})" for x, y in (start, end)]
    return f"place(line(start: {points[0]}, end: {points[1]}, stroke: {stroke}))"


def _box(x: float, y: float, width: float, height: float, body: str = "", **look: str | None) -> str:
    inside = [f"align(center + horizon, {body})"] if body else []
    return _at(x, y, call("rect", *inside, width=pt(width), height=pt(height), **look))


def _text(text: str, size: float, ink: str = "black") -> str:
    return f"text(size: {pt(size)}, fill: {ink}, {quote(text)})"


def _label(rng: random.Random, words: Words, size: float) -> str:
    return _text(words.word()[:12] if rng.random() < 0.7 else words.phrase(1, 2)[:20], size)


def _frame(width: float, height: float, parts: list[str]) -> Drawing:
    rules = "set text(dir: ltr)\nset par(leading: 0.3em, justify: false, first-line-indent: 0pt)\nset align(left)"
    return f"block(width: {pt(width)}, height: {pt(height)}, {block(rules, *parts)})", height


def _flow(rng: random.Random, words: Words, width: float, accent: str) -> Drawing:
    """Boxes in a grid; arrows to the right and down."""
    columns, rows = max(2, min(5, int(width / rng.uniform(60, 110)))), rng.randint(1, 4)
    gap_x, gap_y = width * rng.uniform(0.05, 0.09), rng.uniform(14, 30)
    w, h = (width - gap_x * (columns - 1)) / columns, rng.uniform(20, 40)
    look = {
        "fill": rng.choice(("white", "luma(235)", f"{accent}.lighten(80%)", f"{accent}.lighten(60%)")),
        "stroke": rng.choice(("0.6pt", f"1pt + {accent}", "0.8pt + luma(90)")),
        "radius": rng.choice(("0pt", "4pt", "12pt")),
        "inset": "2pt",
    }
    size = max(4.5, min(14.0, w / 9))
    parts: list[str] = []
    for row in range(rows):
        for column in range(columns):
            x, y = column * (w + gap_x), row * (h + gap_y)
            edge = row in (0, rows - 1) or column in (0, columns - 1)
            if not edge and rng.random() < 0.2:
                continue
            parts.append(_box(x, y, w, h, _label(rng, words, size), **look))
            if column < columns - 1:
                parts += _arrow((x + w, y + h / 2), (x + w + gap_x, y + h / 2))
            if row < rows - 1 and rng.random() < 0.6:
                parts += _arrow((x + w / 2, y + h), (x + w / 2, y + h + gap_y))
    return _frame(width, rows * h + (rows - 1) * gap_y, parts)


def _arrow(start: Point, end: Point) -> list[str]:
    across = abs(end[0] - start[0]) > abs(end[1] - start[1])
    head = "(-4pt, -2pt), (-4pt, 2pt)" if across else "(-2pt, -4pt), (2pt, -4pt)"
    return [_line(start, end), _at(*end, f"polygon(fill: black, (0pt, 0pt), {head})")]


def _bars(rng: random.Random, words: Words, width: float, accent: str) -> Drawing:
    """A bar chart with its axes and numbers."""
    count, height = rng.randint(3, 9), width * rng.uniform(0.4, 0.7)
    size = max(5.0, width / 42)
    left, low = 2.4 * size, height - 1.5 * size
    step = (width - left) / count
    parts = [_line((left, 0), (left, low)), _line((left, low), (width, low))]
    for tick in range(5):
        y = low * tick / 4
        number = f"box(width: {pt(left - 0.5 * size)}, align(right, {_text(str(100 - 25 * tick), size)}))"
        parts.append(_at(0, max(0.0, y - 0.6 * size), number))
        if rng.random() < 0.8:
            parts.append(_line((left, y), (width, y), "0.3pt + luma(190)"))
    for index in range(count):
        bar, x = low * rng.uniform(0.15, 1.0), left + index * step
        fill = accent + rng.choice(("", ".lighten(30%)", ".lighten(55%)"))
        parts.append(_box(x + step * 0.15, low - bar, step * 0.7, bar, fill=fill))
        name = _text(words.word()[: max(2, int(step / size / 0.7))], size)
        parts.append(_at(x, low + 0.5 * size, f"box(width: {pt(step)}, align(center, {name}))"))
    return _frame(width, height, parts)


def _layers(rng: random.Random, words: Words, width: float, accent: str) -> Drawing:
    """A stack of wide boxes, some of them divided: an architecture."""
    parts: list[str] = []
    y = 0.0
    for row in range(rng.randint(3, 6)):
        h = rng.uniform(18, 34)
        cells = rng.choice((1, 1, 2, 3, 4)) if row else 1
        w = (width - 4 * (cells - 1)) / cells
        for cell in range(cells):
            fill = f"{accent}.lighten({rng.choice((40, 60, 75, 85))}%)"
            label = _label(rng, words, max(5.0, min(14.0, w / 8)))
            parts.append(_box(cell * (w + 4), y, w, h, label, fill=fill, stroke="0.5pt"))
        y += h + 4
    return _frame(width, y - 4, parts)


def _curves(rng: random.Random, words: Words, width: float, accent: str) -> Drawing:
    """Curves in a frame, with a legend."""
    height, size = width * rng.uniform(0.45, 0.75), max(5.0, width / 42)
    parts = [_box(0, 0, width, height, stroke="0.6pt")]
    for index, ink in enumerate((accent, "black", "luma(120)")[: rng.randint(1, 3)]):
        y, points = rng.uniform(0.2, 0.8), []
        for step in range(16):
            y = min(0.95, max(0.05, y + rng.gauss(0, 0.08)))
            points.append(f"({pt(width * step / 15)}, {pt(height * y)})")
        dash = rng.choice(("solid", "dashed", "dotted"))
        lines = [f"curve.line({point})" for point in points[1:]]
        stroke = f'(paint: {ink}, thickness: 1pt, dash: "{dash}")'
        parts.append(f"place({call('curve', f'curve.move({points[0]})', *lines, stroke=stroke)})")
        parts.append(_at(width * 0.65, 5 + index * size * 1.4, _text("— " + words.word()[:12], size, ink)))
    return _frame(width, height, parts)
