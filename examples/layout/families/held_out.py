"""Documents that training never sees: a thesis, a standard, a brochure, a two-coloured report, a catalogue, recipes."""

from __future__ import annotations

import random

from ..markup import em, pt, quote
from ..pool import Pool
from ..style import Split, sample
from ..writer import Writer


def thesis(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A chapter of a thesis: wide margins, large leading, a running chapter name, figures and tables in place."""
    style = sample(split, rng, kinds=("serif",), heading_kinds=("serif", "sans"), sizes=(10.5, 12), margins=(70, 115))
    style.justify, style.hyphenate = True, True
    style.pitch = rng.uniform(1.4, 1.75) + max(0.0, style.body.height - 1.0) * 0.5
    style.notes = rng.choice((0.05, 0.2))
    for level, look in enumerate(style.heads):
        look.numbered, look.mark, look.ink = True, "none", "black"
        look.size, look.case, look.align = (1.5, 1.25, 1.05)[level], "none", "start"
    writer = Writer(style, rng, pool)
    words = writer.words
    chapter = words.headline(2, 5)
    number = str(rng.randint(1, 9))
    align = rng.choice(("start", "end"))
    inner = [
        writer.line(
            "section_header",
            f'text(size: 3.2em, fill: luma(120), {quote(number)}) + h(0.5em) + text(size: 1.9em, weight: "bold", {quote(chapter)})',
            align=align,
        )
    ]
    body = [
        f"block(width: 100%, above: 0pt, below: 3em, inset: (top: {pt(rng.uniform(10, 90))}), stroke: (bottom: 0.5pt), {{ set text({style.heading.typst()})\n"
        + "\n".join(inner)
        + "\nv(6pt) })"
    ]
    for _ in range(rng.randint(2, 4)):
        for _ in range(rng.randint(1, 4)):
            body.append(writer.paragraph(3, 7))
            roll = rng.random()
            if roll < 0.15:
                body.append(writer.formula())
            elif roll < 0.3:
                body.append(writer.figure(writer.room * rng.uniform(0.55, 0.95)))
            elif roll < 0.42:
                body.append(writer.table_figure())
            elif roll < 0.5:
                body.append(writer.code(rng.randint(4, 12)))
            elif roll < 0.6:
                body += writer.items(rng.randint(2, 5))
        body.append(writer.heading(rng.choice((0, 0, 1))))
    body.append(writer.paragraph(2, 5))
    page = "context counter(page).display()"
    header = writer.running(
        "page_header",
        rng.choice(((quote(f"{number}  {chapter}"), None, page), (page, None, quote(chapter.upper()[:45])))),
        "0.5pt",
        0.85,
    )
    return writer, writer.source(writer.page(header, "none"), body, rng.randint(5, 180))


def standard(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A technical standard: clauses with numbers in the margin, notes in small type, definitions, tables, formulas."""
    style = sample(split, rng, papers=("a4",), kinds=("sans", "serif"), sizes=(9, 10.5), margins=(55, 75))
    style.indent, style.spacing = 0.0, rng.uniform(0.5, 0.8)
    style.caption_align, style.caption_label, style.caption_separator = "center", "strong", " — "
    style.formula_left = rng.random() < 0.5
    for level, look in enumerate(style.heads):
        look.numbered, look.mark, look.ink, look.case, look.italic = True, "none", "black", "none", False
        look.size, look.weight = (1.2, 1.08, 1.0)[level], "bold"
    writer = Writer(style, rng, pool)
    words = writer.words
    code = (
        f"{words.word()[:3].upper()} {rng.randint(100, 60000)}-{rng.randint(1, 9)}:{rng.randint(1995, 2026)}"
        if style.language.cased
        else f"KS {rng.randint(100, 60000)}:{rng.randint(1995, 2026)}"
    )
    body: list[str] = []
    if rng.random() < 0.6:
        body.append(writer.line("title", quote(words.headline(4, 10)), size=em(rng.uniform(1.4, 1.8)), weight='"bold"'))
    for _ in range(rng.randint(3, 6)):
        body.append(writer.heading(0))
        for _ in range(rng.randint(1, 4)):
            roll = rng.random()
            if roll < 0.35:
                body.append(writer.paragraph(1, 4))
            elif roll < 0.55:
                body.append(writer.heading(rng.choice((1, 2))))
                body.append(writer.paragraph(1, 3))
            elif roll < 0.65:  # a note, as standards have them
                body.append(
                    f"text(size: 0.86em, p({writer.id('text')}, {quote(rng.choice(('NOTE', 'NOTE 1', 'EXAMPLE')))} + h(1.2em) + {writer.rich(writer.sentences(1, 2), 0)}))"
                )
            elif roll < 0.75:
                body += writer.items(rng.randint(3, 6))
            elif roll < 0.84:
                body.append(writer.table_figure(rows=rng.randint(4, 12)))
            elif roll < 0.91:
                body.append(writer.formula())
                body.append(writer.paragraph(1, 2))
            elif roll < 0.96:
                body.append(writer.figure(writer.room * rng.uniform(0.5, 0.9), kind=rng.choice(("drawing", "chart"))))
            else:
                body.append(writer.code(rng.randint(3, 9)))
    page = "context counter(page).display()"
    header = writer.running("page_header", (None, None, quote(code)), "none", 1.0, weight='"bold"')
    footer = writer.running(
        "page_footer",
        rng.choice(
            (
                (quote(f"© {words.company()} {rng.randint(2000, 2026)}"), None, page),
                (page, quote(f"© {words.company()}"), None),
            )
        ),
        "none",
        0.8,
    )
    return writer, writer.source(writer.page(header, footer), body, rng.randint(1, 60))


def brochure(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A folded leaflet: three panels on a wide sheet, coloured grounds, large pictures, little text."""
    style = sample(split, rng, papers=("a4",), kinds=("sans", "sans", "serif"), sizes=(9.5, 12), margins=(24, 40))
    style.paper = (style.paper[1], style.paper[0]) if rng.random() < 0.7 else (420.0, 595.0)
    style.justify = rng.random() < 0.2
    style.indent, style.spacing = 0.0, rng.uniform(0.5, 0.9)
    style.caption_label = "plain"
    panels = 3 if style.paper[0] > style.paper[1] else 1
    gap = 30.0
    for look in style.heads:
        look.numbered, look.ink = False, style.accent
        look.size = max(look.size, 1.25)
    writer = Writer(style, rng, pool)
    writer.room = (style.width - gap * (panels - 1)) / panels
    words = writer.words
    body: list[str] = []
    for side in range(rng.randint(1, 2) if panels == 3 else rng.randint(2, 3)):
        columns = []
        for panel in range(panels):
            colour = rng.random() < 0.35
            ink = "white" if colour else "black"
            parts: list[str] = []
            room, inset = writer.room, 12.0 if colour else 0.0
            writer.room = room - 2 * inset
            if side == 0 and panel == panels - 1:
                parts.append(writer.picture(writer.room, style.height * 0.4, "photo"))
                parts.append(
                    writer.line(
                        "title",
                        quote(words.headline(2, 6)),
                        size=em(rng.uniform(1.9, 2.7)),
                        weight='"bold"',
                        fill="white" if colour else style.accent,
                    )
                )
                parts.append(writer.line("text", quote(words.headline(3, 8)), size="1.15em"))
                if rng.random() < 0.5:
                    parts.append(writer.logo(writer.room * 0.6))
            else:
                for _ in range(rng.randint(2, 4)):
                    roll = rng.random()
                    if roll < 0.5:
                        saved = style.heads[0].ink
                        style.heads[0].ink = "white" if colour else saved
                        parts += [writer.heading(0), writer.paragraph(1, 3, notes=False)]
                        style.heads[0].ink = saved
                    elif roll < 0.75:
                        parts.append(
                            writer.together(
                                writer.picture(writer.room, style.height * 0.26, "photo"),
                                *([writer.caption("figure", words.phrase(2, 6))] if rng.random() < 0.5 else []),
                            )
                        )
                    else:
                        parts += writer.items(rng.randint(2, 5), ordered=False)
            writer.room = room
            fill = f"fill: {style.accent}.darken(10%), inset: {pt(inset)}, " if colour else ""
            inner = "\n".join(parts)
            columns.append(
                f"block(width: 100%, height: {pt(style.height * 0.995)}, {fill}{{ set text(fill: {ink})\nwithin({pt(style.height * 0.99 - 2 * inset)}, {{\n{inner}\n}})\n}})"
            )
        if side:
            body.append("pagebreak(weak: true)")
        body.append(f"grid(columns: (1fr,) * {panels}, gutter: {pt(gap)}, {', '.join(columns)})")
    return writer, writer.source(writer.page("none", "none"), body)


def two_colours(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A report like a poster: headings in a column of their own beside the text, large numbers, one colour."""
    style = sample(
        split,
        rng,
        papers=("a4", "letter", "b5"),
        kinds=("sans",),
        heading_kinds=("serif", "sans"),
        sizes=(8.8, 10.5),
        margins=(36, 60),
    )
    style.justify = False
    style.indent, style.spacing = 0.0, rng.uniform(0.4, 0.8)
    for look in style.heads:
        look.numbered, look.mark, look.align = False, "none", "start"
        look.ink = style.accent
    share = rng.uniform(0.24, 0.34)
    writer = Writer(style, rng, pool)
    words = writer.words
    narrow, wide = style.width * share - 10, style.width * (1 - share) - 10
    body = [
        f"block(width: 100%, fill: {style.accent}, inset: {pt(rng.uniform(18, 40))}, below: 2em, {{ set text({style.heading.typst()}, fill: white, hyphenate: false)\nset par(spacing: 1em)\nset block(spacing: 1em)\n{writer.line('title', quote(words.headline(2, 6)), size=em(rng.uniform(2.4, 3.6)), weight=chr(34) + 'bold' + chr(34))}\n{writer.line('text', quote(words.headline(4, 9)), size='1.3em')} }})"
    ]
    for _ in range(rng.randint(3, 6)):
        writer.room = narrow
        left = [writer.heading(1)]
        if rng.random() < 0.4:
            left.append(writer.line("text", quote(words.number()), size="2.6em", weight='"bold"', fill=style.accent))
            left.append(writer.line("text", quote(words.phrase(2, 5)), size="0.85em"))
        elif rng.random() < 0.3:
            left.append(writer.picture(narrow, narrow, "photo"))
        writer.room = wide
        right: list[str] = []
        for _ in range(rng.randint(1, 4)):
            roll = rng.random()
            if roll < 0.55:
                right.append(writer.paragraph(2, 5))
            elif roll < 0.7:
                right += writer.items(rng.randint(2, 5))
            elif roll < 0.85:
                right.append(writer.figure(kind=rng.choice(("chart", "photo", "drawing"))))
            else:
                right.append(writer.table_figure())
        cells = ", ".join("{\n" + "\n".join(part) + "\n}" for part in (left, right))
        body.append(f"grid(columns: ({pt(narrow)}, {pt(wide)}), gutter: 20pt, {cells})")
        body.append(f"line(length: 100%, stroke: 0.8pt + {style.accent})")
    page = "context counter(page).display()"
    footer = writer.running("page_footer", (quote(words.company()), None, page), "none", 0.8, fill=style.accent)
    return writer, writer.source(writer.page("none", footer), body)


def catalogue(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """Wares or recipes in a grid: a picture, a name, a few lines, a price or the ingredients."""
    style = sample(
        split, rng, papers=("a4", "letter", "b5"), kinds=("sans", "serif"), sizes=(8.5, 10.5), margins=(34, 58)
    )
    style.justify = False
    style.indent, style.spacing = 0.0, rng.uniform(0.4, 0.7)
    style.caption_label = "plain"
    for look in style.heads:
        look.numbered, look.mark = False, rng.choice(("none", "none", "below"))
    writer = Writer(style, rng, pool)
    words = writer.words
    body = [
        writer.line(
            "title",
            quote(words.headline(1, 4)),
            size=em(rng.uniform(1.9, 2.8)),
            weight='"bold"',
            fill=style.accent,
            align=rng.choice(("center", "start")),
        )
    ]
    if rng.random() < 0.5:
        body.append(writer.paragraph(1, 2))
    recipes = rng.random() < 0.45
    if recipes:
        for _ in range(rng.randint(2, 4)):
            body.append(_recipe(writer))
    else:
        columns = rng.choice((2, 3))
        gap = 16.0
        writer.room = (style.width - gap * (columns - 1)) / columns
        cells = []
        highest = writer.room * rng.uniform(0.5, 0.9)
        for _ in range(columns * rng.randint(2, 5)):
            parts = [writer.picture(writer.room, highest, rng.choice(("photo", "photo", "drawing"))), writer.heading(2)]
            parts.append(writer.paragraph(1, 2, notes=False))
            if rng.random() < 0.4:
                parts.append(writer.table(rows=rng.randint(2, 4), columns=2))
            if rng.random() < 0.7:
                parts.append(
                    writer.line(
                        "text",
                        quote(f"{rng.randint(1, 900)},{rng.randint(0, 99):02d} €"),
                        weight='"bold"',
                        size="1.2em",
                        fill=style.accent,
                    )
                )
            cells.append("block(breakable: false, {\n" + "\n".join(parts) + "\n})")
        body.append(f"grid(columns: (1fr,) * {columns}, gutter: {pt(gap)}, {', '.join(cells)})")
    page = "context counter(page).display()"
    header = (
        writer.running("page_header", (None, quote(words.phrase(1, 3)), None), "none", 0.85, fill=style.accent)
        if rng.random() < 0.4
        else "none"
    )
    footer = writer.running(
        "page_footer", rng.choice(((None, page, None), (quote(words.url()), None, page))), "none", 0.85
    )
    return writer, writer.source(writer.page(header, footer), body, rng.randint(1, 90))


def _recipe(writer: Writer) -> str:
    """What is needed to one side, how it is done to the other."""
    rng, style = writer.rng, writer.style
    room = writer.room
    share = rng.uniform(0.3, 0.4)
    writer.room = room * share - 8
    left = [writer.picture(writer.room, 150, "photo")] if rng.random() < 0.6 else []
    left += [writer.heading(2), *writer.items(rng.randint(4, 8), ordered=False)]
    writer.room = room * (1 - share) - 8
    right = [
        writer.heading(1),
        writer.paragraph(1, 2, notes=False),
        *writer.items(rng.randint(3, 6), ordered=True, long=True),
    ]
    if rng.random() < 0.4:
        right.append(
            f"block(fill: {style.accent}.lighten(85%), inset: 8pt, width: 100%, {writer.paragraph(1, 2, notes=False)})"
        )
    writer.room = room
    cells = ", ".join("{\n" + "\n".join(part) + "\n}" for part in (left, right))
    return f"within({pt(style.height * 0.9)}, block(width: 100%, breakable: false, below: 2em, grid(columns: ({share:.3f}fr, {1 - share:.3f}fr), gutter: 16pt, {cells})))"
