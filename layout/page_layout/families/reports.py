"""Reports of firms and offices: a cover or a large title, coloured headings, charts, tables, key figures."""

from __future__ import annotations

import random

from ..blocks import admonition, beside
from ..markup import BOLD, PAGE_NUMBER, PAGE_OF_PAGES, box, em, pile, pt, quote, side_by_side
from ..pool import Pool
from ..splits import Split
from ..style import sample
from ..writer import Writer, not_first


def report(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A report in one or two columns; some have a watermark or a coloured edge."""
    style = sample(
        split,
        rng,
        columns=1 if rng.random() < 0.7 else 2,
        kinds=("sans", "sans", "serif"),
        sizes=(9, 11.5),
        margins=(50, 85),
    )
    if rng.random() < 0.08:
        style.paper = style.paper[::-1]
    style.indent, style.spacing = 0.0, rng.uniform(0.4, 0.9)
    for look in style.heads:
        look.ink = style.accent if rng.random() < 0.8 else "black"
    writer = Writer(style, rng, pool)
    covered = rng.random() < 0.3
    body = [_cover(writer)] if covered else [_opening(writer)]
    for _ in range(rng.randint(2, 5)):
        body.append(writer.heading(0))
        for _ in range(rng.randint(2, 6)):
            body += _piece(writer)
    header, footer = _running(writer)
    if covered:
        header, footer = not_first(header), not_first(footer)
    extra: dict[str, str] = {}
    if rng.random() < 0.15:
        edge = f"rect(width: {pt(style.margin[0] * 0.3)}, height: 100%, fill: {style.accent})"
        extra["background"] = f"place(top + left, {edge})"
    elif rng.random() < 0.05:
        word = quote(rng.choice(("DRAFT", "COPY", "CONFIDENTIAL")))
        extra["background"] = f'rotate(-50deg, text(size: 70pt, fill: luma(232), el("nothing:w", {word})))'
    return writer, writer.source(writer.page(header, footer, **extra), body)


def _piece(writer: Writer) -> list[str]:
    rng = writer.rng
    roll = rng.random()
    if roll < 0.45:
        return [writer.paragraph(2, 6)]
    if roll < 0.55:
        return writer.items(rng.randint(3, 6))
    if roll < 0.67:
        return [writer.table_figure()]
    if roll < 0.79:
        return [writer.figure(kind=rng.choice(("chart", "chart", "photo", "drawing")))]
    if roll < 0.86:
        return [writer.heading(1), writer.paragraph(1, 4)]
    if roll < 0.92:
        return [admonition(writer)]
    if roll < 0.96 or writer.style.columns > 1:
        return [_key_figures(writer)]
    return [beside(writer)]


def _running(writer: Writer) -> tuple[str, str]:
    rng, words, accent = writer.rng, writer.words, writer.style.accent
    firm, grey = quote(words.company()), rng.choice(("black", "luma(90)"))
    label = f"{quote(words.phrase(1, 1) + ' ')} + {PAGE_NUMBER}"
    number = rng.choice((PAGE_NUMBER, PAGE_OF_PAGES, label))
    header = "none"
    roll = rng.random()
    if roll < 0.3:
        rule = rng.choice(("none", f"0.6pt + {accent}"))
        pieces = (firm, None, quote(words.headline(2, 4)))
        header = writer.running("page_header", pieces, rule, 0.8, fill=rng.choice(("luma(90)", accent)))
    elif roll < 0.6:
        header = writer.running("page_header", (None, None, quote(words.headline(2, 5))), "none", 0.8, fill="luma(100)")
    elif roll < 0.7:
        mark = writer.logo(90, writer.style.margin[2] * 0.5)
        piece = f"par(el({writer.id('page_header')}, {quote(words.headline(2, 5))}))"
        header = side_by_side("(1fr, auto)", f"text(size: 0.8em, {piece})", mark, align="(start + horizon, end)")
    copyright_ = quote(f"© {rng.randint(1999, 2026)}")
    pieces = rng.choice(((firm, None, number), (None, number, None), (None, None, number), (copyright_, firm, number)))
    footer = writer.running("page_footer", pieces, rng.choice(("none", "0.5pt + luma(150)")), 0.8, fill=grey)
    return header, footer


def _cover(writer: Writer) -> str:
    """A first page of its own."""
    rng, style, words = writer.rng, writer.style, writer.words
    band = rng.random() < 0.4
    ink = "white" if band else style.accent
    parts = [writer.line("title", quote(words.headline(2, 7)), size=em(rng.uniform(2.4, 3.6)), weight=BOLD, fill=ink)]
    if rng.random() < 0.7:
        parts.append(writer.line("text", quote(words.headline(3, 8)), size="1.4em", fill=ink))
    head = box(pile(1.0, *parts), fill=style.accent, inset="24pt") if band else pile(1.0, *parts)
    picture = writer.picture(style.width, style.height * 0.35, "photo") if rng.random() < 0.5 else ""
    facts = [writer.line("text", quote(text)) for text in (words.company(), words.date(), words.name())]
    page = box(
        f"v({rng.uniform(8, 45):.0f}%)",
        head,
        "v(6%)",
        picture,
        "v(1fr)",
        pile(0.8, *facts[: rng.randint(1, 3)]),
        height=pt(style.height * 0.98),
    )
    if style.columns > 1:
        return f'place(top, scope: "parent", float: true, {page})\ncolbreak(weak: true)'
    return f"{page}\npagebreak(weak: true)"


def _opening(writer: Writer) -> str:
    """The title over the first page's text, on a band or beside a mark."""
    rng, style, words = writer.rng, writer.style, writer.words
    band = rng.random() < 0.4
    ink = "white" if band else rng.choice((style.accent, "black"))
    size, weight = em(rng.uniform(1.8, 2.8)), rng.choice((BOLD, '"regular"'))
    parts = [writer.line("title", quote(words.headline(2, 8)), size=size, weight=weight, fill=ink)]
    if rng.random() < 0.6:
        parts.append(writer.line("text", quote(f"{words.phrase(1, 4)} · {words.date()}"), size="1.05em", fill=ink))
    dress = {"fill": style.accent, "inset": "16pt"} if band else {}
    body = box(pile(0.8, *parts), below="1.6em", **dress)
    if not band and rng.random() < 0.3:
        body = side_by_side("(1fr, auto)", body, writer.logo(style.width * 0.25), align="(start, end)")
    return f'place(top, scope: "parent", float: true, clearance: 1.4em, {body})' if style.columns > 1 else body


def _key_figures(writer: Writer) -> str:
    """Large numbers beside each other, each with what it counts."""
    rng, style, words = writer.rng, writer.style, writer.words
    cells = []
    for _ in range(rng.randint(2, 4) if style.columns == 1 else 2):
        number = writer.line("text", quote(words.number()), size="2em", weight=BOLD, fill=style.accent)
        cells.append(pile(0.6, number, writer.line("text", quote(words.phrase(1, 3)), size="0.85em")))
    return box(side_by_side(f"(1fr,) * {len(cells)}", *cells, gutter="12pt"), breakable="false")
