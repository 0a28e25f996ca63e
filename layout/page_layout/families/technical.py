"""Data sheets full of tables, contracts and laws in numbered paragraphs, exams and worksheets with formulas."""

from __future__ import annotations

import random

from .. import labels
from ..blocks import address, admonition
from ..markup import BOLD, PAGE_NUMBER, PAGE_OF_PAGES, box, em, pile, pt, quote, side_by_side, strong
from ..pool import Pool
from ..splits import Split
from ..style import sample
from ..writer import Writer


def datasheet(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A part's data sheet: features, a drawing, tables over the whole width, curves, a footer with the revision."""
    style = sample(
        split, rng, columns=rng.choice((1, 1, 2)), kinds=("sans", "sans", "serif"), sizes=(8, 10), margins=(36, 60)
    )
    style.justify = rng.random() < 0.3
    style.indent, style.spacing = 0.0, rng.uniform(0.3, 0.6)
    for look in style.heads:
        look.size = min(look.size, 1.5)
    writer = Writer(style, rng, pool)
    words = writer.words
    letters = words.word()[:3].upper() if style.language.cased else "AX"
    part = f"{letters}{rng.randint(10, 9999)}{rng.choice(('', 'A', 'B', '-Q1', 'X'))}"
    name = part if rng.random() < 0.4 else f"{part} {words.headline(2, 6)}"
    title = [writer.line("title", quote(name), size=em(rng.uniform(1.7, 2.6)), weight=BOLD)]
    if rng.random() < 0.7:
        title.append(writer.line("text", quote(words.headline(3, 8)), size="1.2em", fill="luma(70)"))
    rule = f"(bottom: {rng.choice(('0pt', '1.5pt'))} + {style.accent})"
    front = box(pile(0.8, *title), below="1.2em", stroke=rule, inset="(bottom: 6pt)")
    if rng.random() < 0.4:
        front = side_by_side("(1fr, auto)", front, writer.logo(110, 36), align="(start, end + top)")
    if style.columns > 1:
        front = f'place(top, scope: "parent", float: true, clearance: 1em, {front})'
    body = [front, writer.heading(0), *writer.items(rng.randint(4, 8), ordered=False)]
    for _ in range(rng.randint(3, 7)):
        body.append(writer.heading(0 if rng.random() < 0.7 else 1))
        for _ in range(rng.randint(1, 3)):
            roll = rng.random()
            if roll < 0.3:
                body.append(writer.paragraph(1, 5))
            elif roll < 0.67:
                body.append(writer.table_figure(rows=rng.randint(3, 14)))
            elif roll < 0.83:
                body.append(writer.figure(kind=rng.choice(("chart", "drawing", "chart"))))
            elif roll < 0.9:
                body.append(admonition(writer))
            else:
                body.append(writer.formula())
    revision = quote(f"{part} — Rev. {rng.choice('ABCDE')}{rng.randint(0, 9)} — {words.date()}")
    firm, site, number = quote(words.company()), quote(words.url()), PAGE_NUMBER
    pieces = rng.choice(((firm, None, quote(part)), (quote(part), None, None), (None, None, site)))
    header = writer.running("page_header", pieces, rng.choice(("none", "0.5pt", f"1.5pt + {style.accent}")), 0.85)
    pieces = rng.choice(((revision, None, number), (number, revision, site), (firm, None, number)))
    footer = writer.running("page_footer", pieces, rng.choice(("none", "0.5pt")), 0.8)
    return writer, writer.source(writer.page(header, footer), body)


def contract(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A contract, law or set of terms: articles, and paragraphs with numbers that hang."""
    style = sample(
        split,
        rng,
        papers=("a4", "letter", "legal"),
        columns=rng.choice((1, 1, 1, 2)),
        kinds=("serif", "serif", "sans"),
        sizes=(8.5, 12),
        margins=(55, 95),
    )
    style.indent, style.spacing = 0.0, rng.uniform(0.3, 0.8)
    style.emphasis = rng.choice((0.0, 0.005))
    style.item_indent = rng.choice((0.0, 1.5, 2.5))
    for look in style.heads:
        look.size, look.mark, look.ink, look.numbered = min(look.size, 1.25), "none", "black", False
    style.heads[0].align = rng.choice(("start", "center"))
    writer = Writer(style, rng, pool)
    words = writer.words
    name = words.headline(2, 7)
    align, size = rng.choice(("center", "center", "start")), em(rng.uniform(1.2, 1.7))
    name = quote(name.upper() if rng.random() < 0.5 else name)
    body = [writer.line("title", name, align, size=size, weight=BOLD)]
    body += [writer.paragraph(1, 3) for _ in range(rng.randint(0, 3))]
    sign, hang = rng.choice(("Article {}", "§ {}", "{}.", "Art. {}", "{}")), rng.random() < 0.5
    join = rng.choice((". ", "  ", " – "))
    gap = em(style.pitch - style.body.height + style.spacing)
    for number in range(1, rng.randint(4, 12)):
        if rng.random() < 0.85:
            body.append(writer.heading(0, sign.format(number).rstrip(".") + join + words.headline(1, 6)))
        form = rng.choice(("{0}.{1}", "({1})"))
        for part in range(1, rng.randint(2, 6)):
            if hang:
                text = writer.rich(writer.sentences(1, 4))
                body.append(writer.item(form.format(number, part), text, hang="2.4em", gap=gap))
            else:
                body.append(writer.paragraph(1, 5))
            if rng.random() < 0.15:
                body += writer.items(rng.randint(2, 5), ordered=True)
    if rng.random() < 0.5:
        rule = "v(26pt)\nline(length: 80%, stroke: 0.5pt)"
        cells = [pile(0.5, rule, address(writer, words.name(), words.company())) for _ in range(2)]
        body.append(box(side_by_side("(1fr, 1fr)", *cells, gutter="20pt"), breakable="false"))
    page = rng.choice((PAGE_NUMBER, f"{quote(words.phrase(1, 1) + ' ')} + {PAGE_OF_PAGES}"))
    header = "none"
    if rng.random() < 0.4:
        pieces = (quote(words.headline(2, 6)), None, quote(words.date()))
        header = writer.running("page_header", pieces, "none", 0.8)
    pieces = rng.choice(((None, page, None), (quote(words.company()), None, page)))
    footer = writer.running("page_footer", pieces, rng.choice(("none", "0.5pt")))
    return writer, writer.source(writer.page(header, footer), body)


def worksheet(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """An exam or worksheet: tasks with numbers and points, formulas, figures, choices to tick, room for answers."""
    style = sample(
        split,
        rng,
        kinds=("serif", "serif", "sans"),
        prefer=rng.choice((("New Computer Modern", "Latin Modern Roman"), ())),
        sizes=(10, 12.5),
        margins=(50, 85),
    )
    style.indent, style.spacing = 0.0, rng.uniform(0.4, 0.9)
    style.item_gap = max(style.item_gap, 0.2)
    for look in style.heads:
        look.size, look.numbered = min(look.size, 1.3), False
    writer = Writer(style, rng, pool)
    words = writer.words
    body: list[str] = []
    if rng.random() < 0.5:
        pair = (writer.line("text", quote(words.company())), writer.line("text", quote(words.date())))
        body.append(side_by_side("(1fr, auto)", *pair))
    size, align = em(rng.uniform(1.3, 1.8)), rng.choice(("center", "start"))
    body.append(writer.line("title", quote(words.headline(2, 6)), align, size=size, weight=BOLD))
    if rng.random() < 0.6:
        body.append(side_by_side("(2fr, 1fr)", _blank(writer), _blank(writer), gutter="14pt"))
    if rng.random() < 0.5:
        body.append(writer.paragraph(1, 3))
    task = writer.name(labels.TASK)
    points = rng.random() < 0.6
    for number in range(1, rng.randint(4, 9)):
        if rng.random() < 0.7:
            worth = f" ({rng.randint(1, 12)})" if points else ""
            body += [writer.heading(1, f"{task} {number}{worth}"), writer.paragraph(1, 3)]
        else:
            body.append(writer.p("text", f"{strong(f'{number}. ')} + {writer.rich(writer.sentences(1, 3))}"))
        body += _task(writer)
    header = "none"
    if rng.random() < 0.45:
        pieces = (quote(words.phrase(1, 3)), None, quote(words.date()))
        header = writer.running("page_header", pieces, rng.choice(("none", "0.4pt")))
    pieces = rng.choice(((None, PAGE_NUMBER, None), (None, None, PAGE_OF_PAGES)))
    footer = writer.running("page_footer", pieces) if rng.random() < 0.8 else "none"
    return writer, writer.source(writer.page(header, footer), body)


def _blank(writer: Writer) -> str:
    """A label and a line to write on."""
    label = writer.line("text", quote(writer.words.phrase(1, 1) + ":"))
    return side_by_side("(auto, 1fr)", label, "line(length: 100%, stroke: 0.5pt)", gutter="4pt", align="bottom")


def _task(writer: Writer) -> list[str]:
    """What follows a task's first words: formulas, figures, parts, choices, room."""
    rng = writer.rng
    body: list[str] = []
    for _ in range(rng.randint(0, 2)):
        roll = rng.random()
        if roll < 0.5:
            body.append(writer.formula())
        elif roll < 0.65:
            kind = rng.choice(("drawing", "chart"))
            body.append(writer.together(writer.picture(writer.room * rng.uniform(0.3, 0.7), 170, kind)))
        elif roll < 0.75:
            body.append(writer.table(rows=rng.randint(2, 4)))
        else:
            body.append(writer.paragraph(1, 2))
    roll = rng.random()
    if roll < 0.4:
        body += writer.items(rng.randint(2, 5), ordered=True)
    elif roll < 0.55:
        body += _choices(writer)
    if rng.random() < 0.35:
        space = rng.uniform(30, 150)
        if rng.random() < 0.3:
            line = "block(above: 18pt, below: 0pt, line(length: 100%, stroke: 0.4pt + luma(140)))"
            body += [line] * (int(space / 18) + 1)
        else:
            body.append(f"block(width: 100%, stroke: {rng.choice(('none', '0.5pt'))}, height: {pt(space)})")
    return body


def _choices(writer: Writer) -> list[str]:
    """Answers to tick: the box is the marker of an item."""
    rng, style = writer.rng, writer.style
    mark = rng.choice(("☐", "○", "□"))
    gap = em(style.pitch - style.body.height + style.item_gap)
    answers = [writer.rich(writer.words.tokens(rng.randint(1, 9)), 0) for _ in range(rng.randint(3, 5))]
    return [writer.item(mark, answer, indent="1em", hang="1.6em", gap=gap) for answer in answers]
