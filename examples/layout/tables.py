"""Tables: what is in them, and the many ways to draw them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from .listings import identifier
from .markup import em, pt, quote
from .words import Words

_KINDS: Final = ("integer", "decimal", "percent", "money", "date", "short", "long", "mark", "code", "name", "range")
_NARROW: Final = {"integer": 40.0, "decimal": 44.0, "percent": 40.0, "mark": 34.0, "range": 62.0}
_NUMERIC: Final = ("integer", "decimal", "percent", "money", "range")


@dataclass(frozen=True)
class TableLook:
    """How the tables of a document are drawn."""

    rules: str  # grid, booktabs, rows, zebra, plain, frame, columns
    header_fill: str | None
    header_ink: str | None
    header_bold: bool
    zebra_fill: str
    stroke: float  # pt
    stroke_ink: str
    inset: tuple[float, float]  # em
    scale: float  # of the body's size
    pitch: float  # em between the lines of a cell
    stub_bold: bool
    full_width: bool

    @classmethod
    def sample(cls, rng: random.Random, accent: str) -> TableLook:
        """Any look; `accent` is the document's colour."""
        fill, ink = None, None
        if rng.random() < 0.4:
            fill = rng.choice(
                (accent, "luma(225)", "luma(210)", "luma(60)", f"{accent}.lighten(75%)", f"{accent}.lighten(85%)")
            )
            ink = "white" if fill in (accent, "luma(60)") else None
        return cls(
            rules=rng.choices(
                ("grid", "booktabs", "rows", "zebra", "plain", "frame", "columns"), (5, 5, 3, 3, 1.2, 1, 0.7)
            )[0],
            header_fill=fill,
            header_ink=ink,
            header_bold=rng.random() < 0.75,
            zebra_fill=rng.choice(("luma(240)", "luma(230)", f"{accent}.lighten(88%)", "luma(245)")),
            stroke=rng.choice((0.3, 0.4, 0.5, 0.5, 0.75, 1.0)),
            stroke_ink=rng.choice(("black", "black", "black", "luma(120)", "luma(180)", accent)),
            inset=(rng.uniform(0.35, 0.9), rng.uniform(0.15, 0.65)),
            scale=rng.choice((0.8, 0.85, 0.9, 0.9, 1.0, 1.0)),
            pitch=rng.uniform(1.12, 1.35),
            stub_bold=rng.random() < 0.15,
            full_width=rng.random() < 0.45,
        )


def table(
    rng: random.Random, words: Words, look: TableLook, width: float, size: float, rows: int, columns: int | None = None
) -> str:
    """A call of typst's `table` no wider than `width` pt, for text of `size` pt, with about so many rows."""
    small = size * look.scale
    unit = small / 9
    kinds = _columns(rng, width / unit, columns)
    long = any(kind == "long" for kind in kinds)
    header = rng.random() < 0.9
    spanning = header and len(kinds) >= 4 and rng.random() < 0.22
    stub = rng.random() < 0.75
    cells: list[str] = []
    heads = 0
    if spanning:
        first = rng.randint(1, 2)
        left = len(kinds) - first
        cut = rng.randint(2, left) if left > 2 else left
        spans = (
            [(1, "")] * first + [(cut, words.phrase(1, 2))] + ([(left - cut, words.phrase(1, 2))] if left > cut else [])
        )
        cells += [f"table.cell(colspan: {span}, align: center, {_head(look, text)})" for span, text in spans]
        heads += 1
    if header:
        cells += [_head(look, _heading(rng, words, kind)) for kind in kinds]
        heads += 1
    group_every = rng.randint(3, 5) if rows > 6 and rng.random() < 0.2 else 0
    total = rng.random() < 0.2 and sum(kind in _NUMERIC for kind in kinds) > 1
    drawn = heads
    for row in range(rows):
        if group_every and row % group_every == 0:
            cells.append(
                f"table.cell(colspan: {len(kinds)}, align: start, {rng.choice(('strong', 'emph'))}({quote(words.phrase(1, 3))}))"
            )
            drawn += 1
        entries = [_cell(rng, words, kind) for kind in kinds]
        if stub and kinds[0] not in ("long",):
            entries[0] = quote(words.phrase(1, 3) if kinds[0] != "code" else identifier(rng))
        if look.stub_bold:
            entries[0] = f"strong({entries[0]})"
        if rng.random() < 0.06:
            entries[rng.randrange(len(entries))] = quote(rng.choice(("–", "n/a", "", "—", "*")))
        cells += entries
        drawn += 1
    if total:
        cells += [f"table.hline(stroke: {pt(look.stroke)} + {look.stroke_ink})"] if look.rules != "plain" else []
        cells += [f"strong({quote(rng.choice(('Total', 'Σ', words.phrase(1, 1))))})"]
        cells += [f"strong({_cell(rng, words, kind)})" if kind in _NUMERIC else "none" for kind in kinds[1:]]
        drawn += 1
    aligns = [_align(rng, kind, index) for index, kind in enumerate(kinds)]
    if rng.random() < 0.15:
        aligns = ["center"] * len(kinds)
    if long or (look.full_width and rng.random() < 0.8):
        shares = [
            {"long": "2.4fr", "name": "1.4fr"}.get(kind, "1fr" if kind not in _NARROW else "0.8fr") for kind in kinds
        ]
    else:
        shares = ["auto"] * len(kinds)
    return _draw(look, small, shares, aligns, cells, heads, drawn)


def _columns(rng: random.Random, width: float, count: int | None) -> list[str]:
    """Kinds of columns that fit; `width` is in points of text of 9 pt."""
    kinds: list[str] = [rng.choice(("name", "short", "code", "short", "name"))]
    used = 80.0
    limit = count or rng.choices((2, 3, 4, 5, 6, 7, 8, 9, 10), (2, 4, 5, 5, 4, 3, 2, 1, 1))[0]
    main = rng.choice(_KINDS)
    while len(kinds) < limit:
        kind = main if rng.random() < 0.5 else rng.choice(_KINDS)
        if kind == "long" and ("long" in kinds or limit > 5):
            continue
        need = _NARROW.get(kind, 140.0 if kind == "long" else 100.0 if kind == "code" else 74.0)
        if used + need > width:
            break
        kinds.append(kind)
        used += need
    return kinds if len(kinds) > 1 else [*kinds, "integer"]


def _heading(rng: random.Random, words: Words, kind: str) -> str:
    if kind in _NARROW:
        return (
            words.phrase(1, 1)[:9]
            if rng.random() < 0.8
            else rng.choice(("%", "n", "No.", "F1", "mAP", "kg", "2024", "2025", "Q1"))
        )
    return words.phrase(1, 2)


def _head(look: TableLook, text: str) -> str:
    body = quote(text)
    if look.header_bold:
        body = f"strong({body})"
    return f"text(fill: {look.header_ink}, {body})" if look.header_ink else body


def _align(rng: random.Random, kind: str, index: int) -> str:
    if index == 0:
        return "start"
    if kind in _NUMERIC:
        return rng.choice(("right", "right", "center"))
    return "center" if kind == "mark" else "start"


def _cell(rng: random.Random, words: Words, kind: str) -> str:
    match kind:
        case "integer":
            text = str(rng.randint(0, rng.choice((9, 99, 999, 9999))))
        case "decimal":
            text = f"{rng.uniform(-1, 10 ** rng.randint(0, 3)):.{rng.randint(1, 3)}f}"
        case "percent":
            text = f"{rng.uniform(0, 100):.1f}{rng.choice(('%', '', '%'))}"
        case "money":
            text = f"{rng.choice(('$', '€', '', ''))}{rng.randint(1, 99)},{rng.randint(0, 999):03d}.{rng.randint(0, 99):02d}"
        case "date":
            text = words.date()
        case "mark":
            text = rng.choice(("✓", "✗", "×", "–", "+", "A", "B", "Y", "N"))
        case "code":
            return f"raw({quote(identifier(rng))})"
        case "name":
            text = words.name() if rng.random() < 0.3 else words.phrase(1, 3)
        case "range":
            low = rng.randint(0, 50)
            text = rng.choice(
                (
                    f"{low}–{low + rng.randint(1, 50)}",
                    f"{low}.{rng.randint(0, 9)} ± {rng.randint(0, 3)}.{rng.randint(0, 9)}",
                    f"[{low}, {low + 9}]",
                )
            )
        case "long":
            text = words.sentence(3, 16)
        case _:
            text = words.phrase(1, 2)
    return quote(text)


def _draw(
    look: TableLook, size: float, shares: list[str], aligns: list[str], cells: list[str], heads: int, rows: int
) -> str:
    line = f"{pt(look.stroke)} + {look.stroke_ink}"
    heavy = f"{pt(look.stroke * 1.8)} + {look.stroke_ink}"
    lines: list[str] = []
    stroke = "none"
    match look.rules:
        case "grid":
            stroke = line
        case "booktabs":
            lines = [f"table.hline(y: 0, stroke: {heavy})", f"table.hline(y: {rows}, stroke: {heavy})"]
            lines += [f"table.hline(y: {heads}, stroke: {line})"] if heads else []
        case "rows":
            stroke = f"(x, y) => (bottom: {line}, top: if y == 0 {{ {line} }})"
        case "frame":
            lines = [f"table.hline(y: {y}, stroke: {line})" for y in (0, heads, rows)]
            lines += [f"table.vline(x: {x}, stroke: {line})" for x in (0, len(shares))]
        case "columns":
            stroke = f"(x, y) => (left: if x > 0 {{ {line} }}, bottom: if y == {heads - 1} {{ {line} }})"
    fills = []
    if look.header_fill and heads:
        fills.append(f"if y < {heads} {{ {look.header_fill} }}")
    if look.rules == "zebra":
        fills.append(f"if calc.odd(y - {heads}) and y >= {heads} {{ {look.zebra_fill} }}")
    fill = f"(x, y) => {' else '.join(fills)}" if fills else "none"
    parts = [
        f"columns: ({', '.join(shares)},)",
        f"align: ({', '.join(f'{align} + horizon' for align in aligns)},)",
        f"inset: (x: {em(look.inset[0])}, y: {em(look.inset[1])})",
        f"stroke: {stroke}",
        f"fill: {fill}",
        *lines,
        *cells,
    ]
    return f"small({pt(size)}, {em(look.pitch)}, table({', '.join(parts)}))"
