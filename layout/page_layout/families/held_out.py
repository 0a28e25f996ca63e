"""Documents that training never sees: a thesis, a standard, a brochure, a two-coloured report, a catalogue, recipes."""

from __future__ import annotations

import random

from ..markup import BOLD, PAGE_NUMBER, block, box, em, pile, pt, quote, side_by_side
from ..pool import Pool
from ..splits import Split
from ..style import sample
from ..writer import Writer


def thesis(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A chapter of a thesis: wide margins, large leading, a running chapter name, figures and tables in place."""
    style = sample(split, rng, kinds=("serif",), heading_kinds=("serif", "sans"), sizes=(10.5, 12), margins=(70, 115))
    style.justify, style.hyphenate = True, True
    style.pitch = rng.uniform(1.4, 1.75) + max(0.0, style.body.height - 1.0) * 0.5
    style.notes = rng.choice((0.1, 0.3))
    for level, look in enumerate(style.heads):
        look.numbered, look.mark, look.ink = True, "none", "black"
        look.size, look.case, look.align = (1.5, 1.25, 1.05)[level], "none", "start"
    writer = Writer(style, rng, pool)
    chapter, number = writer.words.headline(2, 5), str(rng.randint(1, 9))
    figure = f"text(size: 3.2em, fill: luma(120), {quote(number)})"
    name = f"text(size: 1.9em, weight: {BOLD}, {quote(chapter)})"
    opening = writer.line("section_header", f"{figure} + h(0.5em) + {name}", rng.choice(("start", "end")))
    inset = f"(top: {pt(rng.uniform(10, 90))}, bottom: 6pt)"
    opening = box(f"set text({style.heading.typst()})", opening, below="3em", inset=inset, stroke="(bottom: 0.5pt)")
    body = [opening]
    for _ in range(rng.randint(2, 4)):
        for _ in range(rng.randint(1, 4)):
            body.append(writer.paragraph(3, 7))
            roll = rng.random()
            if roll < 0.25:
                body.append(writer.formula())
            elif roll < 0.37:
                body.append(writer.figure(writer.room * rng.uniform(0.55, 0.95)))
            elif roll < 0.48:
                body.append(writer.table_figure())
            elif roll < 0.62:
                body.append(writer.code(rng.randint(2, 12)))
            elif roll < 0.7:
                body += writer.items(rng.randint(2, 5))
        body.append(writer.heading(rng.choice((0, 0, 1))))
    body.append(writer.paragraph(2, 5))
    right = (quote(f"{number}  {chapter}"), None, PAGE_NUMBER)
    left = (PAGE_NUMBER, None, quote(chapter.upper()[:45]))
    header = writer.running("page_header", rng.choice((right, left)), "0.5pt")
    return writer, writer.source(writer.page(header), body, rng.randint(5, 180))


def standard(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A technical standard: numbered clauses, notes in small type, tables, formulas, a copyright below."""
    style = sample(split, rng, papers=("a4",), kinds=("sans", "serif"), sizes=(9, 10.5), margins=(55, 75))
    style.indent, style.spacing = 0.0, rng.uniform(0.5, 0.8)
    style.caption_align, style.caption_label, style.caption_separator = "center", "strong", " — "
    style.formula_left = rng.random() < 0.5
    for level, look in enumerate(style.heads):
        look.numbered, look.mark, look.ink, look.case, look.italic = True, "none", "black", "none", False
        look.size, look.weight = (1.2, 1.08, 1.0)[level], "bold"
    writer = Writer(style, rng, pool)
    words = writer.words
    letters = words.word()[:3].upper() if style.language.cased else "KS"
    code = quote(f"{letters} {rng.randint(100, 60000)}-{rng.randint(1, 9)}:{rng.randint(1995, 2026)}")
    body: list[str] = []
    if rng.random() < 0.6:
        body.append(writer.line("title", quote(words.headline(4, 10)), size=em(rng.uniform(1.4, 1.8)), weight=BOLD))
    for _ in range(rng.randint(3, 6)):
        body.append(writer.heading(0))
        for _ in range(rng.randint(1, 4)):
            body += _clause(writer)
    firm = quote(f"© {words.company()} {rng.randint(2000, 2026)}")
    header = writer.running("page_header", (None, None, code), "none", 1.0, weight=BOLD)
    pieces = rng.choice(((firm, None, PAGE_NUMBER), (PAGE_NUMBER, firm, None)))
    footer = writer.running("page_footer", pieces, "none", 0.8)
    return writer, writer.source(writer.page(header, footer), body, rng.randint(1, 60))


def _clause(writer: Writer) -> list[str]:
    rng = writer.rng
    roll = rng.random()
    if roll < 0.35:
        return [writer.paragraph(1, 4)]
    if roll < 0.55:
        return [writer.heading(rng.choice((1, 2))), writer.paragraph(1, 3)]
    if roll < 0.65:
        name = quote(rng.choice(("NOTE", "NOTE 1", "EXAMPLE")))
        return [writer.line("text", f"{name} + h(1.2em) + {writer.rich(writer.sentences(1, 2), 0)}", size="0.86em")]
    if roll < 0.75:
        return writer.items(rng.randint(3, 6))
    if roll < 0.82:
        return [writer.table_figure(rows=rng.randint(4, 12))]
    if roll < 0.9:
        return [writer.formula(), writer.paragraph(1, 2)]
    if roll < 0.94:
        return [writer.figure(writer.room * rng.uniform(0.5, 0.9), kind=rng.choice(("drawing", "chart")))]
    return [writer.code(rng.randint(3, 9))]


def brochure(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A folded leaflet: three panels on a wide sheet, coloured grounds, large pictures, little text."""
    style = sample(split, rng, papers=("a4",), kinds=("sans", "sans", "serif"), sizes=(9.5, 12), margins=(24, 40))
    panels = 3 if rng.random() < 0.7 else 1
    style.paper = style.paper[::-1] if panels == 3 else (420.0, 595.0)
    style.justify = rng.random() < 0.2
    style.indent, style.spacing = 0.0, rng.uniform(0.5, 0.9)
    style.caption_label = "plain"
    for look in style.heads:
        look.numbered, look.ink, look.size = False, style.accent, max(look.size, 1.25)
    writer = Writer(style, rng, pool)
    gap = 30.0
    writer.room = (style.width - gap * (panels - 1)) / panels
    body: list[str] = []
    for side in range(rng.randint(1, 2) if panels == 3 else rng.randint(2, 3)):
        columns = [_panel(writer, side == 0 and panel == panels - 1) for panel in range(panels)]
        body += ["pagebreak(weak: true)"] if side else []
        body.append(side_by_side(f"(1fr,) * {panels}", *columns, gutter=pt(gap)))
    return writer, writer.source(writer.page(), body)


def _panel(writer: Writer, front: bool) -> str:
    rng, style, words = writer.rng, writer.style, writer.words
    coloured = rng.random() < 0.35
    room, inset = writer.room, 12.0 if coloured else 0.0
    saved = [look.ink for look in style.heads]
    for look in style.heads:
        look.ink = "white" if coloured else look.ink
    writer.room = room - 2 * inset
    parts: list[str] = []
    if front:
        size, ink = em(rng.uniform(1.9, 2.7)), "white" if coloured else style.accent
        parts.append(writer.picture(writer.room, style.height * 0.4, "photo"))
        parts.append(writer.line("title", quote(words.headline(2, 6)), size=size, weight=BOLD, fill=ink))
        parts.append(writer.line("text", quote(words.headline(3, 8)), size="1.15em"))
        parts.append(writer.logo(writer.room * 0.6) if rng.random() < 0.5 else "")
    else:
        for _ in range(rng.randint(2, 4)):
            roll = rng.random()
            if roll < 0.5:
                parts += [writer.heading(0), writer.paragraph(1, 3, notes=False)]
            elif roll < 0.75:
                picture = writer.picture(writer.room, style.height * 0.26, "photo")
                caption = writer.caption("figure", words.phrase(2, 6)) if rng.random() < 0.5 else ""
                parts.append(writer.together(picture, caption))
            else:
                parts += writer.items(rng.randint(2, 5), ordered=False)
    writer.room = room
    for look, ink in zip(style.heads, saved, strict=True):
        look.ink = ink
    inner = f"within({pt(style.height * 0.99 - 2 * inset)}, {block(*parts)})"
    fill = f"{style.accent}.darken(10%)" if coloured else None
    dress = "set text(fill: white)" if coloured else ""
    return box(dress, inner, height=pt(style.height * 0.995), fill=fill, inset=pt(inset))


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
        look.numbered, look.mark, look.align, look.ink = False, "none", "start", style.accent
    writer = Writer(style, rng, pool)
    words = writer.words
    share = rng.uniform(0.24, 0.34)
    narrow, wide = style.width * share - 10, style.width * (1 - share) - 10
    title = writer.line("title", quote(words.headline(2, 6)), size=em(rng.uniform(2.4, 3.6)), weight=BOLD)
    subtitle = writer.line("text", quote(words.headline(4, 9)), size="1.3em")
    dress = f"set text({style.heading.typst()}, fill: white, hyphenate: false)"
    head = pile(1.0, title, subtitle)
    body = [box(dress, head, fill=style.accent, inset=pt(rng.uniform(18, 40)), below="2em")]
    for _ in range(rng.randint(3, 6)):
        writer.room = narrow
        left = [writer.heading(1)]
        if rng.random() < 0.4:
            number = writer.line("text", quote(words.number()), size="2.6em", weight=BOLD, fill=style.accent)
            left += [number, writer.line("text", quote(words.phrase(2, 5)), size="0.85em")]
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
        body.append(side_by_side(f"({pt(narrow)}, {pt(wide)})", block(*left), block(*right), gutter="20pt"))
        body.append(f"line(length: 100%, stroke: 0.8pt + {style.accent})")
    pieces = (quote(words.company()), None, PAGE_NUMBER)
    return writer, writer.source(
        writer.page("none", writer.running("page_footer", pieces, "none", 0.8, fill=style.accent)), body
    )


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
    size, align = em(rng.uniform(1.9, 2.8)), rng.choice(("center", "start"))
    body = [writer.line("title", quote(words.headline(1, 4)), align, size=size, weight=BOLD, fill=style.accent)]
    if rng.random() < 0.5:
        body.append(writer.paragraph(1, 2))
    if rng.random() < 0.45:
        body += [_recipe(writer) for _ in range(rng.randint(2, 4))]
    else:
        body.append(_wares(writer, rng.choice((2, 3))))
    header = "none"
    if rng.random() < 0.4:
        name = quote(words.phrase(1, 3))
        header = writer.running("page_header", (None, name, None), "none", fill=style.accent)
    pieces = rng.choice(((None, PAGE_NUMBER, None), (quote(words.url()), None, PAGE_NUMBER)))
    footer = writer.running("page_footer", pieces)
    return writer, writer.source(writer.page(header, footer), body, rng.randint(1, 90))


def _wares(writer: Writer, columns: int) -> str:
    rng, style = writer.rng, writer.style
    gap, room = 16.0, writer.room
    writer.room = (room - gap * (columns - 1)) / columns
    highest = writer.room * rng.uniform(0.5, 0.9)
    cells = []
    for _ in range(columns * rng.randint(2, 5)):
        picture = writer.picture(writer.room, highest, rng.choice(("photo", "photo", "drawing")))
        parts = [picture, writer.heading(2), writer.paragraph(1, 2, notes=False)]
        if rng.random() < 0.4:
            parts.append(writer.table(rows=rng.randint(2, 4), columns=2))
        if rng.random() < 0.7:
            price = quote(f"{rng.randint(1, 900)},{rng.randint(0, 99):02d} €")
            parts.append(writer.line("text", price, weight=BOLD, size="1.2em", fill=style.accent))
        cells.append(box(*parts, breakable="false"))
    writer.room = room
    return side_by_side(f"(1fr,) * {columns}", *cells, gutter=pt(gap))


def _recipe(writer: Writer) -> str:
    """What is needed to one side, how it is done to the other."""
    rng, style, room = writer.rng, writer.style, writer.room
    share = rng.uniform(0.3, 0.4)
    writer.room = room * share - 8
    left = [writer.picture(writer.room, 150, "photo")] if rng.random() < 0.6 else []
    left += [writer.heading(2), *writer.items(rng.randint(4, 8), ordered=False)]
    writer.room = room * (1 - share) - 8
    steps = writer.items(rng.randint(3, 6), ordered=True, long=True)
    right = [writer.heading(1), writer.paragraph(1, 2, notes=False), *steps]
    if rng.random() < 0.4:
        right.append(box(writer.paragraph(1, 2, notes=False), fill=f"{style.accent}.lighten(85%)", inset="8pt"))
    writer.room = room
    cells = side_by_side(f"({share:.3f}fr, {1 - share:.3f}fr)", block(*left), block(*right), gutter="16pt")
    return f"within({pt(style.height * 0.9)}, {box(cells, breakable='false', below='2em')})"
