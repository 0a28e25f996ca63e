"""Slides, 16:9 and 4:3: few words, large, with pictures; as beamer and office programs make them."""

from __future__ import annotations

import random

from ..markup import em, pt, quote
from ..pool import Pool
from ..style import Split, sample
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
    style.ground = (
        rng.choice((f"{style.accent}.darken(60%)", "luma(30)", 'rgb("#10243e")'))
        if dark
        else rng.choice(("white", "white", "white", "luma(248)", f"{style.accent}.lighten(93%)"))
    )
    style.ink = "white" if dark else "black"
    style.justify, style.hyphenate = False, False
    style.indent, style.spacing = 0.0, rng.uniform(0.3, 0.7)
    style.item_gap = rng.uniform(0.25, 0.8)
    style.notes = rng.choice((0.0, 0.0, 0.1))
    style.bullets = rng.choice((("•", "–", "·"), ("▪", "–", "·"), ("‣", "•", "–"), ("■", "□", "–")))
    if dark:
        assert style.table is not None
        style.code_fill = "luma(235)"
    bar = rng.random() < 0.35
    bar_height = style.size * rng.uniform(2.2, 2.8)
    style.margin = (
        style.margin[0],
        style.margin[0],
        bar_height + 12 if bar else rng.uniform(24, 40),
        rng.uniform(26, 40),
    )
    writer = Writer(style, rng, pool)
    words = writer.words
    title_ink = "white" if bar or dark else rng.choice(("black", style.accent, style.accent))
    title_size = rng.uniform(1.25, 1.75)
    place_title = rng.choice(("start", "start", "center"))

    def head() -> str:
        line = writer.line(
            "section_header",
            quote(words.headline(1, 6)),
            size=em(title_size if not bar else min(title_size, 1.4)),
            weight=rng.choice(('"bold"', '"bold"', '"regular"')),
            fill=title_ink,
            align=place_title,
        )
        face = f"set text({style.heading.typst()}, hyphenate: false)"
        if bar:
            return f"place(top + left, dx: -{pt(style.margin[0])}, dy: -{pt(style.margin[2])}, block(width: {pt(style.paper[0])}, height: {pt(bar_height)}, fill: {style.accent}, inset: (x: {pt(style.margin[0])}), {{ {face}\nset align(horizon)\n{line} }}))"
        rule = rng.random() < 0.2
        return (
            f"block(width: 100%, below: {em(0.9)}, {{ {face}\n{line}"
            + (f"\nline(length: 100%, stroke: 1pt + {style.accent})" if rule else "")
            + "\n})"
        )

    body: list[str] = []
    count = rng.randint(2, 6)
    for number in range(count):
        if number == 0 and rng.random() < 0.6:
            body.append(_title(writer, title_ink if not bar else style.accent))
        else:
            body.append(head())
            body.append(f"within({pt(style.height - 2.9 * style.size)}, {{\n{_content(writer)}\n}})")
        if number < count - 1:
            body.append("pagebreak()")
    page_number = "context counter(page).display()"
    footer = rng.choice((
        "none",
        writer.running("page_footer", (None, None, page_number), "none", 0.5),
        writer.running("page_footer", (quote(words.name()), quote(words.headline(2, 5)), 'context counter(page).display("1 / 1", both: true)'), rng.choice(("none", "0.5pt + luma(160)")), 0.48),
        writer.running("page_footer", (quote(words.company()), None, page_number), "none", 0.5, fill="luma(130)"),
    ))  # fmt: skip
    return writer, writer.source(writer.page("none", footer), body)


def _title(writer: Writer, ink: str) -> str:
    rng, words = writer.rng, writer.words
    align = rng.choice(("center", "center", "start"))
    parts = [
        writer.line(
            "title", quote(words.headline(2, 7)), size=em(rng.uniform(1.6, 2.3)), weight='"bold"', fill=ink, align=align
        )
    ]
    for text in (words.headline(3, 7), words.name(), words.company(), words.date())[
        rng.randint(0, 1) : rng.randint(2, 4)
    ]:
        parts.append(writer.line("text", quote(text), size=em(rng.uniform(0.8, 1.1)), align=align))
    inner = "\n".join(parts)
    return f"v({rng.uniform(0.4, 1.2):.2f}fr)\nblock(width: 100%, {{ set par(spacing: 0.8em)\nset block(spacing: 0.9em)\n{inner}\n}})\nv(1fr)"


def _content(writer: Writer) -> str:
    rng, style = writer.rng, writer.style
    left_height = style.height - 3.2 * style.size
    writer.height = left_height
    roll = rng.random()
    room = writer.room
    if roll < 0.3:
        return "\n".join(writer.items(rng.randint(3, 7), ordered=rng.random() < 0.15))
    if roll < 0.55:  # bullets beside a picture
        share = rng.uniform(0.4, 0.58)
        writer.room = room * share - 10
        left = "{\n" + "\n".join(writer.items(rng.randint(2, 4), ordered=False)) + "\n}"
        writer.room = room * (1 - share) - 10
        right = writer.picture(writer.room, left_height * 0.8)
        if rng.random() < 0.35:
            right = writer.together(right, writer.caption("figure", writer.words.phrase(2, 5)))
        writer.room = room
        cells, shares = (
            ((left, right), (share, 1 - share)) if rng.random() < 0.7 else ((right, left), (1 - share, share))
        )
        return f"grid(columns: ({shares[0]:.3f}fr, {shares[1]:.3f}fr), gutter: 16pt, {cells[0]}, {cells[1]})"
    if roll < 0.68:
        picture = writer.picture(room * rng.uniform(0.6, 1.0), left_height * 0.78)
        return writer.together(
            picture, *([writer.caption("figure", writer.words.phrase(2, 6))] if rng.random() < 0.5 else [])
        )
    if roll < 0.78:
        rows = max(2, int(left_height / (style.size * 2.4)) - 1)
        return f"align(center, {writer.table(rows=rng.randint(2, max(2, min(7, rows))), columns=rng.randint(2, 5))})"
    if roll < 0.86:
        return "\n".join([writer.paragraph(1, 1), writer.formula(), writer.paragraph(1, 1)])
    if roll < 0.93:
        return "\n".join([writer.paragraph(1, 1), writer.code(rng.randint(3, 8))])
    left = "{\n" + "\n".join(writer.items(rng.randint(2, 4), ordered=False)) + "\n}"
    right = "{\n" + "\n".join(writer.items(rng.randint(2, 4), ordered=False)) + "\n}"
    heads = ", ".join(
        writer.line(
            "section_header",
            quote(writer.words.headline(1, 3)),
            weight='"bold"',
            fill=style.accent if style.ink == "black" else "white",
        )
        for _ in range(2)
    )
    return f"grid(columns: (1fr, 1fr), gutter: 18pt, row-gutter: 8pt, {heads}, {left}, {right})"
