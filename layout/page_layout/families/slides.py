"""Slides, 16:9 and 4:3: few words, large, with pictures; as beamer and office programs make them."""

from __future__ import annotations

import random

from ..markup import BOLD, PAGE_NUMBER, PAGE_OF_PAGES, block, box, em, pile, pt, quote, side_by_side
from ..pool import Pool
from ..splits import Split
from ..style import sample
from ..writer import Writer


def slides(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A talk: a title slide, then bullets, pictures, tables, formulas, code."""
    style = sample(
        split,
        rng,
        papers=("slide169", "slide169", "slide43"),
        kinds=("sans", "sans", "sans", "serif"),
        sizes=(14, 21),
        margins=(34, 60),
    )
    dark = rng.random() < 0.15
    grounds = ("white", "white", "white", "luma(248)", f"{style.accent}.lighten(93%)")
    style.ground = rng.choice((f"{style.accent}.darken(60%)", "luma(30)", 'rgb("#10243e")') if dark else grounds)
    style.ink = "white" if dark else "black"
    style.justify, style.hyphenate = False, False
    style.indent, style.spacing = 0.0, rng.uniform(0.3, 0.7)
    style.item_gap = rng.uniform(0.25, 0.8)
    style.notes = rng.choice((0.0, 0.0, 0.1))
    style.bullets = rng.choice((("•", "–", "·"), ("▪", "–", "·"), ("‣", "•", "–"), ("■", "□", "–")))
    if dark:
        style.code_fill = "luma(235)"
    bar = style.size * rng.uniform(2.2, 2.8) if rng.random() < 0.35 else 0.0
    style.margin = (style.margin[0], style.margin[0], bar + 12 if bar else rng.uniform(24, 40), rng.uniform(26, 40))
    writer = Writer(style, rng, pool)
    words = writer.words
    ink = "white" if bar or dark else rng.choice(("black", style.accent, style.accent))
    size, align = rng.uniform(1.25, 1.4 if bar else 1.75), rng.choice(("start", "start", "center"))
    weight = rng.choice((BOLD, BOLD, '"regular"'))
    face = f"set text({style.heading.typst()}, hyphenate: false)"
    rule = f"line(length: 100%, stroke: 1pt + {style.accent})" if rng.random() < 0.2 else ""

    def head() -> str:
        text = quote(words.headline(1, 6))
        line = writer.line("section_header", text, align, size=em(size), weight=weight, fill=ink)
        if not bar:
            return box(face, pile(0.4, line, rule), below="0.9em")
        left, top = pt(-style.margin[0]), pt(-style.margin[2])
        strip = (
            f"width: {pt(style.paper[0])}, height: {pt(bar)}, fill: {style.accent}, inset: (x: {pt(style.margin[0])})"
        )
        return f"place(top + left, dx: {left}, dy: {top}, block({strip}, {block(face, 'set align(horizon)', line)}))"

    body: list[str] = []
    count = rng.randint(2, 6)
    for number in range(count):
        if number == 0 and rng.random() < 0.6:
            body.append(_title(writer, style.accent if bar else ink))
        else:
            body += [head(), f"within({pt(style.height - 2.9 * style.size)}, {block(*_content(writer))})"]
        if number < count - 1:
            body.append("pagebreak()")
    footers = (
        writer.running("page_footer", (None, None, PAGE_NUMBER), "none", 0.5),
        writer.running("page_footer", (quote(words.name()), quote(words.headline(2, 5)), PAGE_OF_PAGES), "none", 0.48),
        writer.running("page_footer", (quote(words.company()), None, PAGE_NUMBER), "none", 0.5, fill="luma(130)"),
    )
    footer = rng.choice(footers) if rng.random() < 0.75 else "none"
    extra: dict[str, str] = {}
    if footer == footers[1] and rng.random() < 0.6:  # on a band, as beamer has it
        extra["background"] = f"place(bottom, rect(width: 100%, height: {pt(style.margin[3])}, fill: {style.accent}))"
        extra["footer_descent"] = "40%"
        footer = f"text(fill: white, {footer})"
    return writer, writer.source(writer.page("none", footer, **extra), body)


def _title(writer: Writer, ink: str) -> str:
    rng, words = writer.rng, writer.words
    align = rng.choice(("center", "center", "start"))
    size = em(rng.uniform(1.6, 2.3))
    parts = [writer.line("title", quote(words.headline(2, 7)), align, size=size, weight=BOLD, fill=ink)]
    facts = (words.headline(3, 7), words.name(), words.company(), words.date())
    for text in facts[rng.randint(0, 1) : rng.randint(2, 4)]:
        parts.append(writer.line("text", quote(text), align, size=em(rng.uniform(0.8, 1.1))))
    mark = f"align({align}, {writer.logo(120, 50)})" if rng.random() < 0.2 else ""
    return f"v({rng.uniform(0.4, 1.2):.2f}fr)\n{pile(0.9, *parts, mark)}\nv(1fr)"


def _content(writer: Writer) -> list[str]:
    rng, style, words = writer.rng, writer.style, writer.words
    writer.height = left = style.height - 3.2 * style.size
    roll = rng.random()
    if roll < 0.3:
        return writer.items(rng.randint(3, 7), ordered=rng.random() < 0.15)
    if roll < 0.53:
        return [_beside(writer)]
    if roll < 0.66:
        picture = writer.picture(writer.room * rng.uniform(0.6, 1.0), left * 0.78)
        caption = writer.caption("figure", words.phrase(2, 6)) if rng.random() < 0.5 else ""
        return [writer.together(picture, caption)]
    if roll < 0.76:
        rows = max(2, min(7, int(left / (style.size * 2.4)) - 1))
        return [f"align(center, {writer.table(rows=rng.randint(2, rows), columns=rng.randint(2, 5))})"]
    if roll < 0.84:
        return [writer.paragraph(1, 1), writer.formula(), writer.paragraph(1, 1)]
    if roll < 0.91:
        return [writer.paragraph(1, 1), writer.code(rng.randint(3, 8))]
    if roll < 0.95:
        return [writer.paragraph(1, 2), writer.paragraph(1, 1)]
    ink = style.accent if style.ink == "black" else "white"
    heads = [writer.line("section_header", quote(words.headline(1, 3)), weight=BOLD, fill=ink) for _ in range(2)]
    lists = [block(*writer.items(rng.randint(2, 4), ordered=False)) for _ in range(2)]
    return [side_by_side("(1fr, 1fr)", *heads, *lists, gutter="18pt", row_gutter="10pt")]


def _beside(writer: Writer) -> str:
    """Bullets beside a picture."""
    rng, room = writer.rng, writer.room
    share = rng.uniform(0.4, 0.58)
    writer.room = room * share - 10
    points = block(*writer.items(rng.randint(2, 4), ordered=False))
    writer.room = room * (1 - share) - 10
    picture = writer.picture(writer.room, writer.height * 0.8)
    if rng.random() < 0.35:
        picture = writer.together(picture, writer.caption("figure", writer.words.phrase(2, 5)))
    writer.room = room
    if rng.random() < 0.7:
        return side_by_side(f"({share:.3f}fr, {1 - share:.3f}fr)", points, picture, gutter="16pt")
    return side_by_side(f"({1 - share:.3f}fr, {share:.3f}fr)", picture, points, gutter="16pt")
