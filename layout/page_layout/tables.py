"""Tables, and the many ways to draw them."""

from __future__ import annotations

import random
from dataclasses import dataclass

from . import cells
from .listings import identifier
from .markup import call, em, pt, quote
from .words import Words


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
            light = (f"{accent}.lighten(75%)", f"{accent}.lighten(85%)")
            fill = rng.choice((accent, "luma(225)", "luma(210)", "luma(60)", *light))
            ink = "white" if fill in (accent, "luma(60)") else None
        kinds = ("grid", "booktabs", "rows", "zebra", "plain", "frame", "columns")
        return cls(
            rules=rng.choices(kinds, (5, 5, 3, 3, 1.2, 1, 0.7))[0],
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

    @property
    def line(self) -> str:
        return f"{pt(self.stroke)} + {self.stroke_ink}"


def table(
    rng: random.Random, words: Words, look: TableLook, width: float, size: float, rows: int, columns: int | None = None
) -> str:
    """A call of typst's `table` no wider than `width` pt, for text of `size` pt, with about so many rows."""
    small = size * look.scale
    kinds = cells.columns(rng, width * 9 / small, columns)
    entries, heads = _head(rng, words, look, kinds)
    body, drawn = _body(rng, words, look, kinds, rows)
    aligns = ["center"] * len(kinds) if rng.random() < 0.15 else [_align(rng, kind) for kind in kinds]
    shares = ["auto"] * len(kinds)
    if "long" in kinds or (look.full_width and rng.random() < 0.8):
        wide = {"long": "2.4fr", "name": "1.4fr", **dict.fromkeys(cells.SHORT, "0.8fr")}
        shares = [wide.get(kind, "1fr") for kind in kinds]
    if look.rules == "plain":  # nothing is drawn to show how wide it is
        shares = ["1fr" if kind == "long" else "auto" for kind in kinds]
    rules, lines = _rules(look, len(kinds), heads, heads + drawn)
    body = call(
        "table",
        *lines,
        *entries,
        *body,
        columns=f"({', '.join(shares)},)",
        align=f"({', '.join(f'{align} + horizon' for align in aligns)},)",
        inset=_inset(look, len(kinds), heads, heads + drawn),
        stroke=rules,
        fill=_fill(look, heads),
    )
    return f"small({pt(small)}, {em(look.pitch)}, {body})"


def _head(rng: random.Random, words: Words, look: TableLook, kinds: list[str]) -> tuple[list[str], int]:
    """The cells above the columns, and how many rows they fill."""

    def show(text: str) -> str:
        body = f"strong({quote(text)})" if look.header_bold else quote(text)
        return call("text", body, fill=look.header_ink) if look.header_ink else body

    if rng.random() < 0.1:
        return [], 0
    names = [show(cells.heading(rng, words, kind)) for kind in kinds]
    if len(kinds) < 4 or rng.random() > 0.22:
        return names, 1
    first = rng.randint(1, 2)
    left = len(kinds) - first
    cut = rng.randint(2, left)
    spans = [(1, "")] * first + [(span, words.phrase(1, 2)) for span in (cut, left - cut) if span]
    upper = [f"table.cell(colspan: {span}, align: center, {show(text)})" for span, text in spans]
    return [*upper, *names], 2


def _body(rng: random.Random, words: Words, look: TableLook, kinds: list[str], rows: int) -> tuple[list[str], int]:
    """The cells below the heading, and how many rows they fill."""
    group = rng.randint(3, 5) if rows > 6 and rng.random() < 0.2 else 0
    named = rng.random() < 0.75
    body: list[str] = []
    drawn = 0
    for row in range(rows):
        if group and row % group == 0:
            name = f"{rng.choice(('strong', 'emph'))}({quote(words.phrase(1, 3))})"
            body.append(f"table.cell(colspan: {len(kinds)}, align: start, {name})")
            drawn += 1
        entries = [cells.cell(rng, words, kind) for kind in kinds]
        if named:
            entries[0] = quote(identifier(rng) if kinds[0] == "code" else words.phrase(1, 3))
        if look.stub_bold:
            entries[0] = f"strong({entries[0]})"
        if rng.random() < 0.06:
            entries[rng.randrange(1, len(entries))] = quote(rng.choice(("–", "n/a", "", "—", "*")))
        body += entries
        drawn += 1
    if sum(kind in cells.NUMERIC for kind in kinds) > 1 and rng.random() < 0.2:
        body += [f"table.hline(stroke: {look.line})"] if look.rules != "plain" else []
        body.append(f"strong({quote(rng.choice(('Total', 'Σ', words.phrase(1, 1))))})")
        for kind in kinds[1:]:
            body.append(f"strong({cells.cell(rng, words, kind)})" if kind in cells.NUMERIC else "none")
        drawn += 1
    return body, drawn


def _align(rng: random.Random, kind: str) -> str:
    if kind in cells.NUMERIC:
        return rng.choice(("right", "right", "center"))
    return "center" if kind == "mark" else "start"


def _rules(look: TableLook, columns: int, heads: int, rows: int) -> tuple[str, list[str]]:
    """The table's stroke, and the lines that it has besides."""
    line, heavy = look.line, f"{pt(look.stroke * 1.8)} + {look.stroke_ink}"
    match look.rules:
        case "grid":
            return line, []
        case "booktabs":
            ends = [f"table.hline(y: {y}, stroke: {heavy})" for y in (0, rows)]
            return "none", [*ends, f"table.hline(y: {heads}, stroke: {line})"] if heads else ends
        case "rows":
            return f"(x, y) => (bottom: {line}, top: if y == 0 {{ {line} }})", []
        case "frame":
            across = [f"table.hline(y: {y}, stroke: {line})" for y in sorted({0, heads, rows})]
            return "none", across + [f"table.vline(x: {x}, stroke: {line})" for x in (0, columns)]
        case "columns":
            return f"(x, y) => (left: if x > 0 {{ {line} }}, bottom: if y == {heads - 1} {{ {line} }})", []
    return "none", []


def _fill(look: TableLook, heads: int) -> str:
    fills = []
    if look.header_fill and heads:
        fills.append(f"if y < {heads} {{ {look.header_fill} }}")
    if look.rules == "zebra":
        fills.append(f"if calc.odd(y - {heads}) and y >= {heads} {{ {look.zebra_fill} }}")
    return f"(x, y) => {' else '.join(fills)}" if fills else "none"


def _inset(look: TableLook, columns: int, heads: int, rows: int) -> str:
    """Room around the cells; none at an edge that nothing is drawn at, since no one could tell where the table ends."""
    x, y = em(look.inset[0]), em(look.inset[1])
    if look.rules in ("grid", "booktabs", "rows", "frame"):
        return f"(x: {x}, y: {y})"
    filled = bool(look.header_fill and heads)
    striped = look.rules == "zebra"
    wide = filled or striped or (look.rules == "columns" and heads > 0)  # something is drawn from side to side
    bare = {
        "left": "" if wide else "x == 0",
        "right": "" if wide else f"x == {columns - 1}",
        "top": "" if filled else "y == 0",
        "bottom": "" if striped and (rows - 1 - heads) % 2 else f"y == {rows - 1}",
    }
    sides = []
    for side, condition in bare.items():
        room = x if side in ("left", "right") else y
        sides.append(f"{side}: if {condition} {{ 0pt }} else {{ {room} }}" if condition else f"{side}: {room}")
    return f"(x, y) => ({', '.join(sides)})"
