"""Diagrams drawn by typst itself: boxes with arrows, bars, trees. Their letters are text of the PDF, as in real ones."""

from __future__ import annotations

import random

from .markup import pt, quote
from .words import Words


def drawing(rng: random.Random, words: Words, width: float, accent: str) -> tuple[str, float, float]:
    """A typst block that its picture fills, and the block's width and height in pt."""
    return rng.choice((_flow, _flow, _bars, _layers, _curve))(rng, words, width, accent)


def _place(x: float, y: float, body: str) -> str:
    return f"place(dx: {pt(x)}, dy: {pt(y)}, {body})"


def _label(rng: random.Random, words: Words, size: float) -> str:
    text = words.word()[:12] if rng.random() < 0.7 else words.phrase(1, 2)[:20]
    return f"text(size: {pt(size)}, {quote(text)})"


def _frame(width: float, height: float, parts: list[str]) -> tuple[str, float, float]:
    body = "\n".join(parts)
    return (
        f"block(width: {pt(width)}, height: {pt(height)}, {{ set text(dir: ltr)\nset par(leading: 0.3em, justify: false, first-line-indent: 0pt)\nset align(left)\n{body}\n}})",
        width,
        height,
    )


def _flow(rng: random.Random, words: Words, width: float, accent: str) -> tuple[str, float, float]:
    """Boxes in a grid; arrows to the right and down."""
    columns = max(2, min(5, int(width / rng.uniform(60, 110))))
    rows = rng.randint(1, 4)
    gap_x, gap_y = width * rng.uniform(0.05, 0.09), rng.uniform(14, 30)
    w, h = (width - gap_x * (columns - 1)) / columns, rng.uniform(20, 40)
    fill = rng.choice(("white", "luma(235)", f"{accent}.lighten(80%)", f"{accent}.lighten(60%)"))
    stroke = rng.choice(("0.6pt", f"1pt + {accent}", "0.8pt + luma(90)"))
    shape = rng.choice(("radius: 0pt", "radius: 4pt", "radius: 12pt"))
    size = max(4.5, min(14.0, w / 9))
    parts: list[str] = []
    for row in range(rows):
        for column in range(columns):
            x, y = column * (w + gap_x), row * (h + gap_y)
            edge = row in (0, rows - 1) or column in (0, columns - 1)
            if not edge and rng.random() < 0.2:
                continue
            parts.append(
                _place(
                    x,
                    y,
                    f"rect(width: {pt(w)}, height: {pt(h)}, fill: {fill}, stroke: {stroke}, {shape}, inset: 2pt, align(center + horizon, {_label(rng, words, size)}))",
                )
            )
            if column < columns - 1:
                parts += _arrow(x + w, y + h / 2, x + w + gap_x, y + h / 2)
            if row < rows - 1 and rng.random() < 0.6:
                parts += _arrow(x + w / 2, y + h, x + w / 2, y + h + gap_y)
    return _frame(width, rows * h + (rows - 1) * gap_y, parts)


def _arrow(x0: float, y0: float, x1: float, y1: float) -> list[str]:
    across = abs(x1 - x0) > abs(y1 - y0)
    head = f"({pt(-4)}, {pt(-2)}), ({pt(-4)}, {pt(2)})" if across else f"({pt(-2)}, {pt(-4)}), ({pt(2)}, {pt(-4)})"
    return [
        f"place(line(start: ({pt(x0)}, {pt(y0)}), end: ({pt(x1)}, {pt(y1)}), stroke: 0.6pt))",
        _place(x1, y1, f"polygon(fill: black, (0pt, 0pt), {head})"),
    ]


def _bars(rng: random.Random, words: Words, width: float, accent: str) -> tuple[str, float, float]:
    """A bar chart with its axes and numbers."""
    count = rng.randint(3, 9)
    height = width * rng.uniform(0.4, 0.7)
    size = max(5.0, width / 42)
    left, bottom = 4 * size, 2.4 * size
    step = (width - left) / count
    parts = [
        f"place(line(start: ({pt(left)}, 0pt), end: ({pt(left)}, {pt(height - bottom)}), stroke: 0.6pt))",
        f"place(line(start: ({pt(left)}, {pt(height - bottom)}), end: ({pt(width)}, {pt(height - bottom)}), stroke: 0.6pt))",
    ]
    for tick in range(5):
        y = (height - bottom) * tick / 4
        parts.append(
            _place(
                0,
                max(0.0, y - 0.6 * size),
                f"box(width: {pt(left - 4)}, align(right, text(size: {pt(size)}, {quote(str(100 - 25 * tick))})))",
            )
        )
        if rng.random() < 0.8:
            parts.append(
                f"place(line(start: ({pt(left)}, {pt(y)}), end: ({pt(width)}, {pt(y)}), stroke: 0.3pt + luma(190)))"
            )
    for index in range(count):
        bar = (height - bottom) * rng.uniform(0.15, 1.0)
        x = left + index * step + step * 0.15
        parts.append(
            _place(
                x,
                height - bottom - bar,
                f"rect(width: {pt(step * 0.7)}, height: {pt(bar)}, fill: {accent}{rng.choice(('', '.lighten(30%)', '.lighten(55%)'))})",
            )
        )
        parts.append(
            _place(
                left + index * step,
                height - bottom + 0.5 * size,
                f"box(width: {pt(step)}, align(center, text(size: {pt(size)}, {quote(words.word()[: max(2, int(step / size / 0.7))])})))",
            )
        )
    return _frame(width, height, parts)


def _layers(rng: random.Random, words: Words, width: float, accent: str) -> tuple[str, float, float]:
    """A stack of wide boxes, the last of them divided: an architecture."""
    parts: list[str] = []
    y, rows = 0.0, rng.randint(3, 6)
    for row in range(rows):
        h = rng.uniform(18, 34)
        cells = rng.choice((1, 1, 2, 3, 4)) if row else 1
        for cell in range(cells):
            w = (width - 4 * (cells - 1)) / cells
            fill = f"{accent}.lighten({rng.choice((40, 60, 75, 85))}%)"
            parts.append(
                _place(
                    cell * (w + 4),
                    y,
                    f"rect(width: {pt(w)}, height: {pt(h)}, fill: {fill}, stroke: 0.5pt, align(center + horizon, {_label(rng, words, max(5.0, min(14.0, w / 8)))}))",
                )
            )
        y += h + 4
    return _frame(width, y - 4, parts)


def _curve(rng: random.Random, words: Words, width: float, accent: str) -> tuple[str, float, float]:
    """Curves over two axes, with a legend."""
    height = width * rng.uniform(0.45, 0.75)
    size = max(5.0, width / 42)
    parts = [f"place(rect(width: {pt(width)}, height: {pt(height)}, stroke: 0.6pt))"]
    for index in range(rng.randint(1, 3)):
        y, points = rng.uniform(0.2, 0.8), []
        for step in range(16):
            y = min(0.95, max(0.05, y + rng.gauss(0, 0.08)))
            points.append(f"({pt(width * step / 15)}, {pt(height * y)})")
        dash = rng.choice(("solid", "dashed", "dotted"))
        ink = (accent, "black", "luma(120)")[index]
        parts.append(
            f'place(curve(stroke: (paint: {ink}, thickness: 1pt, dash: "{dash}"), curve.move({points[0]}), {", ".join(f"curve.line({point})" for point in points[1:])}))'
        )
        parts.append(
            _place(
                width * 0.65,
                5 + index * size * 1.4,
                f"text(size: {pt(size)}, fill: {ink}, {quote('— ' + words.word()[:12])})",
            )
        )
    return _frame(width, height, parts)
