"""Magazines, newsletters and newspapers: narrow columns, pictures, pull quotes, headlines over several columns."""

from __future__ import annotations

import random

from ..blocks import drop_cap
from ..markup import BOLD, ITALIC, PAGE_NUMBER, block, box, call, em, pile, pt, quote, side_by_side
from ..pool import Pool
from ..splits import Split
from ..style import sample
from ..writer import Writer, not_first


def magazine(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """An article of a magazine or newsletter: a large title, a lead, two or three columns, pictures, pull quotes."""
    style = sample(
        split,
        rng,
        columns=rng.choice((2, 2, 3)),
        kinds=("serif", "serif", "sans"),
        heading_kinds=("serif", "sans"),
        sizes=(8.5, 10.5),
        margins=(38, 65),
    )
    style.justify = rng.random() < 0.65
    if rng.random() < 0.7:
        style.indent, style.spacing = rng.uniform(0.8, 1.3), rng.uniform(0, 0.05)
    for look in style.heads:
        look.numbered = False
    style.caption_label = "plain"
    writer = Writer(style, rng, pool)
    words = writer.words
    body = [_opening(writer), drop_cap(writer) if rng.random() < 0.5 else writer.paragraph(3, 6)]
    for _ in range(rng.randint(7, 22)):
        roll = rng.random()
        if roll < 0.62:
            body.append(writer.paragraph(2, 6))
        elif roll < 0.73:
            body += [writer.heading(1), writer.paragraph(2, 5)]
        elif roll < 0.81:
            body.append(_pull_quote(writer))
        elif roll < 0.91:
            body.append(_photograph(writer))
        elif roll < 0.96:
            body.append(_side_box(writer))
        else:
            body += writer.items(rng.randint(3, 5))
    name, issue = words.phrase(1, 3), quote(words.date())
    name = quote(name.upper() if rng.random() < 0.5 else name)
    header = footer = "none"
    if rng.random() < 0.55:
        pieces = rng.choice(((name, None, issue), (name, None, PAGE_NUMBER), (None, name, None)))
        header = writer.running("page_header", pieces, rng.choice(("none", "0.5pt", f"2pt + {style.accent}")), 0.8)
    if rng.random() < 0.75:
        pieces = rng.choice(((PAGE_NUMBER, None, name), (None, PAGE_NUMBER, None), (name, issue, PAGE_NUMBER)))
        footer = writer.running("page_footer", pieces, "none", 0.8)
    return writer, writer.source(writer.page(header, footer), body, rng.randint(1, 120))


def _opening(writer: Writer) -> str:
    """Picture, kicker, title, lead and author, over all columns."""
    rng, style, words = writer.rng, writer.style, writer.words
    align = rng.choice(("start", "start", "center"))
    parts = []
    if rng.random() < 0.4:
        parts.append(writer.picture(style.width, style.height * rng.uniform(0.2, 0.38), "photo"))
        parts.append(_credit(writer) if rng.random() < 0.5 else "")
    if rng.random() < 0.35:
        kicker = quote(words.phrase(1, 2).upper())
        parts.append(writer.line("text", kicker, align, size="0.9em", weight=BOLD, fill=style.accent, tracking="0.1em"))
    size, weight = em(rng.uniform(2.2, 4)), rng.choice((BOLD, '"regular"'))
    ink = rng.choice(("black", style.accent))
    title = writer.line("title", quote(words.headline(2, 8)), align, size=size, weight=weight, fill=ink)
    parts.append(f"text({style.heading.typst()}, hyphenate: false, pitched(1.1em, {title}))")
    if rng.random() < 0.8:
        lead = writer.rich(writer.sentences(1, 2), 0)
        parts.append(writer.line("text", lead, align, size=em(rng.uniform(1.15, 1.5))))
    if rng.random() < 0.7:
        author = quote(f"{rng.choice(('By', words.phrase(1, 1)))} {words.name()}")
        parts.append(writer.line("text", author, align, weight=rng.choice((BOLD, '"regular"'))))
    return f'place(top, scope: "parent", float: true, clearance: 1.4em, {pile(0.9, *parts)})'


def _credit(writer: Writer) -> str:
    """What stands below a photograph."""
    rng = writer.rng
    text = writer.rich(writer.words.tokens(rng.randint(4, 18)), 0)
    slant = ITALIC if rng.random() < 0.4 and writer.style.language.cased else None
    size, ink = em(rng.choice((0.78, 0.85, 0.9))), rng.choice(("black", "luma(80)"))
    return f"pitched(1.2em, {writer.line('caption', text, size=size, fill=ink, style=slant)})"


def _photograph(writer: Writer) -> str:
    rng, style = writer.rng, writer.style
    wide = rng.random() < 0.3
    picture = writer.picture(style.width if wide else style.column, style.height * 0.35, "photo")
    body = writer.together(picture, _credit(writer) if rng.random() < 0.85 else "", align="start", gap=0.5)
    place = rng.choice(("top", "bottom")) if wide else rng.choice(("auto", "top", "bottom"))
    return call("place", place, body, float="true", scope='"parent"' if wide else None, clearance="1.2em")


def _pull_quote(writer: Writer) -> str:
    """A sentence set large between the others: text."""
    rng, style, words = writer.rng, writer.style, writer.words
    text = words.sentence(5, 12)
    if style.language.spaced:
        text = words.quotes[0] + text + words.quotes[1]
    look = rng.choice(
        (
            {"stroke": f"(y: 1.2pt + {style.accent})", "inset": "(y: 8pt)"},
            {"stroke": f"(left: 3pt + {style.accent})", "inset": "(left: 9pt)"},
            {"inset": "(y: 6pt)"},
            {"fill": f"{style.accent}.lighten(88%)", "inset": "9pt"},
        )
    )
    slant = ITALIC if style.language.cased and rng.random() < 0.5 else None
    size, ink = em(rng.uniform(1.25, 1.7)), rng.choice((style.accent, "black"))
    body = f"pitched(1.25em, {writer.line('text', quote(text), size=size, fill=ink, style=slant, hyphenate='false')})"
    return box(body, breakable="false", **look)


def _side_box(writer: Writer) -> str:
    """A coloured box with a small text of its own."""
    rng, style = writer.rng, writer.style
    parts = [writer.heading(1), writer.paragraph(1, 3)]
    if rng.random() < 0.5:
        parts += writer.items(rng.randint(2, 4), ordered=False)
    fill = rng.choice((f"{style.accent}.lighten(85%)", "luma(236)"))
    return f"within({pt(style.height * 0.5)}, {box(*parts, breakable='false', fill=fill, inset='9pt')})"


def newspaper(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """Pages of news: a masthead, and articles under headlines in columns of their own."""
    style = sample(
        split,
        rng,
        papers=("tabloid", "a4", "letter", "tabloid"),
        kinds=("serif", "serif", "serif", "sans"),
        heading_kinds=("serif", "sans"),
        sizes=(7.8, 9.8),
        margins=(30, 50),
    )
    large = style.paper[0] > 700
    style.justify, style.hyphenate = rng.random() < 0.85, True
    style.indent, style.spacing = rng.uniform(0.7, 1.2), 0.0
    style.pitch = min(style.pitch, 1.22) if style.body.height < 1.1 else style.pitch
    style.gutter = rng.uniform(10, 16)
    for look in style.heads:
        look.numbered, look.mark, look.above = False, "none", 0.6
    style.caption_label = "plain"
    writer = Writer(style, rng, pool)
    words = writer.words
    rule = "line(length: 100%, stroke: 0.6pt)" if rng.random() < 0.5 else ""
    body = _masthead(writer, large) if rng.random() < 0.7 else []
    for _ in range(rng.randint(5, 12)):
        columns = rng.choice((3, 4, 4, 5) if large else (2, 3, 3, 4))
        body += [_article(writer, columns), rule]
    header = "none"
    if rng.random() < 0.6:
        pieces = (PAGE_NUMBER, quote(words.phrase(1, 2).upper()), quote(words.date()))
        header = not_first(writer.running("page_header", pieces, "0.5pt", 0.95))
    return writer, writer.source(writer.page(header), body)


def _masthead(writer: Writer, large: bool) -> list[str]:
    rng, words = writer.rng, writer.words
    size = pt(rng.uniform(30, 60) * (1 if large else 0.7))
    name = f"fit({writer.p('title', quote(words.phrase(1, 3)), justify='false')})"
    name = f"text({writer.style.heading.typst()}, weight: {BOLD}, size: {size}, {name})"
    facts = (words.date(), words.phrase(2, 4), f"{rng.randint(1, 4)},{rng.randint(10, 99)} €")
    cells = [writer.line("text", quote(fact), size="8pt") for fact in facts]
    strip = side_by_side("(1fr, auto, 1fr)", *cells, align="(start, center, end)")
    return [f"align(center, {box(name, below='8pt')})", box(strip, stroke="(y: 0.6pt)", inset="(y: 4pt)")]


def _article(writer: Writer, columns: int) -> str:
    """A headline over its columns, with a picture at the head of the first."""
    rng, style, words = writer.rng, writer.style, writer.words
    room = writer.room
    writer.room = column = (style.width - style.gutter * (columns - 1)) / columns
    first = "none"
    if rng.random() < 0.5:
        picture = writer.picture(column, column * 0.9, "photo")
        first = writer.together(picture, _credit(writer) if rng.random() < 0.8 else "", align="start", gap=0.5)
    parts = [f"set par(spacing: {em(style.pitch - style.body.height)})"]
    if rng.random() < 0.6:
        byline = rng.choice((words.city().upper(), words.name(), f"{words.name()}, {words.city()}"))
        parts.append(writer.line("text", quote(byline), weight=BOLD, size="0.9em"))
    for _ in range(rng.randint(3, 12)):
        parts.append(writer.paragraph(1, 4, notes=False))
        if rng.random() < 0.1:
            parts.append(writer.heading(2))
    writer.room = room
    size = em(rng.uniform(1.5, 3.6))
    head = writer.line("section_header", quote(words.headline(3, 10)), size=size, weight=BOLD)
    head = f"text({style.heading.typst()}, hyphenate: false, pitched(1.1em, {head}))"
    lead = writer.line("text", writer.rich(words.tokens(rng.randint(6, 14)), 0), size="1.2em")
    body = f"balanced({columns}, {pt(style.gutter)}, {first}, {block(*parts)})"
    inside = pile(0.7, head, lead if rng.random() < 0.35 else "", body)
    return box(inside, breakable="false", above="10pt", below="10pt")
