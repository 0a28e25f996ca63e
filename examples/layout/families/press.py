"""Magazines, newsletters and newspapers: narrow columns, pictures, pull quotes, headlines over several columns."""

from __future__ import annotations

import random

from ..blocks import drop_cap
from ..markup import em, pt, quote
from ..pool import Pool
from ..style import Split, sample
from ..writer import Writer


def magazine(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """An article of a magazine or newsletter: a large title, a lead, two or three columns, pictures, pull quotes."""
    columns = rng.choice((2, 2, 3))
    style = sample(
        split,
        rng,
        columns=columns,
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
    align = rng.choice(("start", "start", "center"))
    front = []
    if rng.random() < 0.4:
        front.append(writer.picture(style.width, style.height * rng.uniform(0.2, 0.38), "photo"))
        if rng.random() < 0.5:
            front.append(_credit(writer))
    if rng.random() < 0.35:
        front.append(
            writer.line(
                "text",
                quote(words.phrase(1, 2).upper()),
                size="0.9em",
                weight='"bold"',
                fill=style.accent,
                align=align,
                tracking="0.1em",
            )
        )
    front.append(
        f"text({style.heading.typst()}, hyphenate: false, pitched(1.1em, {writer.line('title', quote(words.headline(2, 8)), size=em(rng.uniform(2.2, 4)), weight=rng.choice((chr(34) + 'bold' + chr(34), chr(34) + 'regular' + chr(34))), align=align, fill=rng.choice(('black', style.accent)))}))"
    )
    if rng.random() < 0.8:
        front.append(
            writer.line("text", writer.rich(writer.sentences(1, 2), 0), size=em(rng.uniform(1.15, 1.5)), align=align)
        )
    if rng.random() < 0.7:
        front.append(
            writer.line(
                "text",
                quote(f"{rng.choice(('By', words.phrase(1, 1)))} {words.name()}"),
                align=align,
                weight=rng.choice(('"bold"', '"regular"')),
            )
        )
    body = [
        'place(top, scope: "parent", float: true, clearance: 1.4em, block(width: 100%, { set par(spacing: 0.9em, first-line-indent: 0pt)\nset block(spacing: 0.9em)\n'
        + "\n".join(front)
        + "\n}))"
    ]
    body.append(drop_cap(writer) if rng.random() < 0.5 else writer.paragraph(3, 6))
    for _ in range(rng.randint(6, 20)):
        roll = rng.random()
        if roll < 0.6:
            body.append(writer.paragraph(2, 6))
        elif roll < 0.72:
            body.append(writer.heading(1))
            body.append(writer.paragraph(2, 5))
        elif roll < 0.8:
            body.append(_pull_quote(writer))
        elif roll < 0.9:
            wide = rng.random() < 0.3
            room = style.width if wide else style.column
            picture = writer.picture(room, style.height * 0.35, "photo")
            parts = [picture] + ([_credit(writer)] if rng.random() < 0.85 else [])
            scope = ', scope: "parent"' if wide else ""
            body.append(
                f"place({rng.choice(('auto', 'top', 'bottom')) if not wide else rng.choice(('top', 'bottom'))}, float: true{scope}, clearance: 1.2em, {writer.together(*parts, align='start', gap=0.5)})"
            )
        elif roll < 0.95:
            body.append(_side_box(writer))
        else:
            body += writer.items(rng.randint(3, 5))
    number = "context counter(page).display()"
    name = quote(words.phrase(1, 3).upper() if rng.random() < 0.5 else words.phrase(1, 3))
    issue = quote(words.date())
    header = (
        writer.running(
            "page_header",
            rng.choice(((name, None, issue), (name, None, number), (None, name, None))),
            rng.choice(("none", "0.5pt", f"2pt + {style.accent}")),
            0.8,
        )
        if rng.random() < 0.55
        else "none"
    )
    footer = (
        writer.running(
            "page_footer", rng.choice(((number, None, name), (None, number, None), (name, issue, number))), "none", 0.8
        )
        if rng.random() < 0.75
        else "none"
    )
    return writer, writer.source(writer.page(header, footer), body, rng.randint(1, 120))


def _credit(writer: Writer) -> str:
    """What stands below a photograph."""
    rng = writer.rng
    tokens = writer.words.tokens(rng.randint(4, 18))
    slant = ', style: "italic"' if rng.random() < 0.4 and writer.style.language.cased else ""
    return f"text(size: {em(rng.choice((0.78, 0.85, 0.9)))}{slant}, fill: {rng.choice(('black', 'luma(80)'))}, pitched(1.2em, p({writer.id('caption')}, {writer.rich(tokens, 0)}, justify: false, first-line-indent: 0pt)))"


def _pull_quote(writer: Writer) -> str:
    """A sentence set large between the others: text."""
    rng, style = writer.rng, writer.style
    body = quote(
        (style.language.spaced
        and f"{writer.words.quotes[0]}{writer.words.sentence(5, 12)}{writer.words.quotes[1]}")
        or writer.words.sentence(5, 12)
    )
    stroke = rng.choice(
        (
            f"stroke: (y: 1.2pt + {style.accent}), inset: (y: 8pt)",
            f"stroke: (left: 3pt + {style.accent}), inset: (left: 9pt)",
            "inset: (y: 6pt)",
            f"fill: {style.accent}.lighten(88%), inset: 9pt",
        )
    )
    slant = 'style: "italic", ' if style.language.cased and rng.random() < 0.5 else ""
    return f"block(width: 100%, breakable: false, {stroke}, text({slant}size: {em(rng.uniform(1.25, 1.7))}, fill: {rng.choice((style.accent, 'black'))}, hyphenate: false, pitched(1.25em, p({writer.id('text')}, {body}, justify: false, first-line-indent: 0pt))))"


def _side_box(writer: Writer) -> str:
    """A coloured box with a small text of its own."""
    rng, style = writer.rng, writer.style
    parts = [writer.heading(1), writer.paragraph(1, 3)]
    if rng.random() < 0.5:
        parts += writer.items(rng.randint(2, 4), ordered=False)
    fill = rng.choice((f"{style.accent}.lighten(85%)", "luma(236)"))
    box = (
        f"block(width: 100%, breakable: false, fill: {fill}, inset: 9pt, {{ set par(first-line-indent: 0pt)\n"
        + "\n".join(parts)
        + "\n})"
    )
    return f"within({pt(style.height * 0.5)}, {box})"


def newspaper(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A page of news: a masthead, and articles under headlines in columns of their own."""
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
    body: list[str] = []
    rule = rng.random() < 0.5
    for number in range(rng.randint(1, 2)):
        if number == 0 and rng.random() < 0.7:
            name = words.phrase(1, 3)
            masthead = f'text({style.heading.typst()}, weight: "bold", size: {pt(rng.uniform(30, 60) * (1 if large else 0.7))}, fit(p({writer.id("title")}, {quote(name)}, justify: false)))'
            body.append(f"align(center, block(width: 100%, below: 8pt, {masthead}))")
            facts = ", ".join(
                f"par(el({writer.id('text')}, {text}))"
                for text in (
                    quote(words.date()),
                    quote(words.phrase(2, 4)),
                    quote(f"{rng.randint(1, 4)},{rng.randint(10, 99)} €"),
                )
            )
            body.append(
                f"block(width: 100%, stroke: (y: 0.6pt), inset: (y: 4pt), text(size: 8pt, grid(columns: (1fr, auto, 1fr), align: (start, center, end), {facts})))"
            )
        for _ in range(rng.randint(3, 5)):
            body.append(_article(writer, rng.choice((3, 4, 4, 5)) if large else rng.choice((2, 3, 3, 4))))
            if rule:
                body.append("line(length: 100%, stroke: 0.6pt)")
        if number == 0:
            body.append("pagebreak(weak: true)")
    number = "context counter(page).display()"
    header = (
        writer.running("page_header", (number, quote(words.phrase(1, 2).upper()), quote(words.date())), "0.5pt", 0.95)
        if rng.random() < 0.6
        else "none"
    )
    if header != "none":
        header = f"context if here().page() > 1 {{ {header} }}"
    return writer, writer.source(writer.page(header, "none"), body, 1)


def _article(writer: Writer, columns: int) -> str:
    """A headline over its columns."""
    rng, style, words = writer.rng, writer.style, writer.words
    column = (style.width - style.gutter * (columns - 1)) / columns
    room, writer.room = writer.room, column
    size = rng.uniform(1.5, 3.6)
    parts = []
    for _ in range(rng.randint(3, 10)):
        parts.append(writer.paragraph(1, 4, notes=False))
        if rng.random() < 0.1:
            parts.append(writer.heading(2))
    first = "none"
    if rng.random() < 0.5:
        picture = [writer.picture(column, column * 0.9, "photo")] + ([_credit(writer)] if rng.random() < 0.8 else [])
        first = writer.together(*picture, align="start", gap=0.5)
    if rng.random() < 0.6:
        parts.insert(
            0,
            writer.line(
                "text",
                quote(rng.choice((words.city().upper(), words.name(), f"{words.name()}, {words.city()}"))),
                weight='"bold"',
                size="0.9em",
            ),
        )
    head = [
        f"text({style.heading.typst()}, hyphenate: false, pitched(1.1em, {writer.line('section_header', quote(words.headline(3, 10)), size=em(size), weight=chr(34) + 'bold' + chr(34))}))"
    ]
    if rng.random() < 0.35:
        head.append(writer.line("text", writer.rich(words.tokens(rng.randint(6, 14)), 0), size="1.2em"))
    writer.room = room
    inner = "\n".join(parts)
    return (
        "block(width: 100%, breakable: false, above: 10pt, below: 10pt, { set par(spacing: 0.5em)\nset block(spacing: 0.7em)\n"
        + "\n".join(head)
        + f"\nbalanced({columns}, {pt(style.gutter)}, {first}, {{ set par(spacing: {em(style.pitch - style.body.height)})\n{inner}\n}})\n}})"
    )
