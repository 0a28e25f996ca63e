"""Data sheets full of tables, contracts and laws in numbered paragraphs, exams and worksheets with formulas."""

from __future__ import annotations

import random

from ..blocks import admonition
from ..markup import em, pt, quote
from ..pool import Pool
from ..style import Split, sample
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
    assert style.table is not None
    writer = Writer(style, rng, pool)
    words = writer.words
    part = (
        f"{words.word()[:3].upper()}{rng.randint(10, 9999)}{rng.choice(('', 'A', 'B', '-Q1', 'X'))}"
        if style.language.cased
        else f"AX{rng.randint(10, 9999)}"
    )
    title = [
        writer.line(
            "title",
            quote(part if rng.random() < 0.4 else f"{part} {words.headline(2, 6)}"),
            size=em(rng.uniform(1.7, 2.6)),
            weight='"bold"',
        )
    ]
    if rng.random() < 0.7:
        title.append(writer.line("text", quote(words.headline(3, 8)), size="1.2em", fill="luma(70)"))
    front = (
        f"block(width: 100%, below: 1.2em, stroke: (bottom: {rng.choice(('0pt', '1.5pt'))} + {style.accent}), inset: (bottom: 6pt), {{ set par(spacing: 0.6em)\nset block(spacing: 0.6em)\n"
        + "\n".join(title)
        + "\n})"
    )
    if rng.random() < 0.4:
        front = f"grid(columns: (1fr, auto), align: (start, end + top), {front}, {writer.logo(110, 36)})"
    body = [f'place(top, scope: "parent", float: true, clearance: 1em, {front})' if style.columns > 1 else front]
    body += [writer.heading(0), *writer.items(rng.randint(4, 9), ordered=False)]
    for _ in range(rng.randint(3, 7)):
        body.append(writer.heading(0 if rng.random() < 0.7 else 1))
        for _ in range(rng.randint(1, 3)):
            roll = rng.random()
            if roll < 0.25:
                body.append(writer.paragraph(1, 4))
            elif roll < 0.65:
                body.append(writer.table_figure(rows=rng.randint(3, 14)))
            elif roll < 0.82:
                body.append(writer.figure(kind=rng.choice(("chart", "drawing", "chart"))))
            elif roll < 0.9:
                body.append(admonition(writer))
            else:
                body.append(writer.formula())
    number = "context counter(page).display()"
    revision = quote(f"{part} — Rev. {rng.choice('ABCDE')}{rng.randint(0, 9)} — {words.date()}")
    header = writer.running(
        "page_header",
        rng.choice(
            ((quote(words.company()), None, quote(part)), (quote(part), None, None), (None, None, quote(words.url())))
        ),
        rng.choice(("none", "0.5pt", f"1.5pt + {style.accent}")),
        0.85,
    )
    footer = writer.running(
        "page_footer",
        rng.choice(
            (
                (revision, None, number),
                (number, revision, quote(words.url())),
                (quote("© " + words.company()), None, number),
            )
        ),
        rng.choice(("none", "0.5pt")),
        0.8,
    )
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
        look.size, look.mark, look.ink = min(look.size, 1.25), "none", "black"
        look.align = rng.choice(("start", "center")) if look is style.heads[0] else look.align
        look.numbered = False
    writer = Writer(style, rng, pool)
    words = writer.words
    body = [
        writer.line(
            "title",
            quote(words.headline(2, 7).upper() if rng.random() < 0.5 else words.headline(2, 7)),
            size=em(rng.uniform(1.2, 1.7)),
            weight='"bold"',
            align=rng.choice(("center", "center", "start")),
        )
    ]
    for _ in range(rng.randint(0, 3)):
        body.append(writer.paragraph(1, 3))
    sign, hang = rng.choice(("Article {}", "§ {}", "{}.", "Art. {}", "{}")), rng.choice((0.0, 2.2))
    for number in range(1, rng.randint(4, 12)):
        label = sign.format(number)
        join = rng.choice((". ", "  ", " – "))
        if rng.random() < 0.85:
            body.append(writer.heading(0, label + join.lstrip(".") + words.headline(1, 6)))
        for part in range(1, rng.randint(2, 6)):
            marker = rng.choice((f"{number}.{part}", f"({part})")) if hang else f"{number}.{part}"
            if hang:
                body.append(
                    f"item({writer.id('list_item')}, {quote(marker)}, {writer.rich(writer.sentences(1, 4))}, hang: {em(hang)}, gap: {em(style.pitch - style.body.height + style.spacing)})"
                )
            else:
                body.append(writer.paragraph(1, 5))
            if rng.random() < 0.2:
                body += writer.items(rng.randint(2, 5), ordered=True)
    if rng.random() < 0.5:
        cells = [
            f"block(width: 100%, {{ set par(spacing: 0.5em)\nset block(spacing: 0.5em)\nv(26pt)\nline(length: 80%, stroke: 0.5pt)\n{writer.line('text', quote(words.name()))}\n{writer.line('text', quote(words.company()), size='0.9em')} }})"
            for _ in range(2)
        ]
        body.append(f"block(breakable: false, grid(columns: (1fr, 1fr), gutter: 20pt, {', '.join(cells)}))")
    number_ = rng.choice(
        (
            "context counter(page).display()",
            f'{quote(words.phrase(1, 1) + " ")} + context counter(page).display("1 / 1", both: true)',
        )
    )
    header = (
        writer.running("page_header", (quote(words.headline(2, 6)), None, quote(words.date())), "none", 0.8)
        if rng.random() < 0.4
        else "none"
    )
    footer = writer.running(
        "page_footer",
        rng.choice(((None, number_, None), (quote(words.company()), None, number_))),
        rng.choice(("none", "0.5pt")),
        0.85,
    )
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
        left, right = writer.line("text", quote(words.company())), writer.line("text", quote(words.date()))
        body.append(f"grid(columns: (1fr, auto), {left}, {right})")
    body.append(
        writer.line(
            "title",
            quote(words.headline(2, 6)),
            size=em(rng.uniform(1.3, 1.8)),
            weight='"bold"',
            align=rng.choice(("center", "start")),
        )
    )
    if rng.random() < 0.6:
        field = lambda: (
            f"grid(columns: (auto, 1fr), gutter: 4pt, align: bottom, {writer.line('text', quote(words.phrase(1, 1) + ':'))}, line(length: 100%, stroke: 0.5pt))"
        )
        body.append(f"grid(columns: (2fr, 1fr), gutter: 14pt, {field()}, {field()})")
    if rng.random() < 0.5:
        body.append(writer.paragraph(1, 3))
    word = (
        words.phrase(1, 1) if style.language.code != "en" else rng.choice(("Problem", "Exercise", "Question", "Task"))
    )
    for number in range(1, rng.randint(4, 9)):
        points = f" ({rng.randint(1, 12)})" if rng.random() < 0.6 else ""
        if rng.random() < 0.7:
            body.append(writer.heading(rng.choice((0, 1)) if number % 3 == 1 else 1, f"{word} {number}{points}"))
            body.append(writer.paragraph(1, 3))
        else:
            body.append(
                f"p({writer.id('text')}, strong({quote(f'{number}. ')}) + {writer.rich(writer.sentences(1, 3))})"
            )
        for _ in range(rng.randint(0, 2)):
            roll = rng.random()
            if roll < 0.5:
                body.append(writer.formula())
            elif roll < 0.65:
                body.append(
                    writer.together(
                        writer.picture(writer.room * rng.uniform(0.3, 0.7), 170, rng.choice(("drawing", "chart")))
                    )
                )
            elif roll < 0.75:
                body.append(writer.table(rows=rng.randint(2, 4)))
            else:
                body.append(writer.paragraph(1, 2))
        roll = rng.random()
        if roll < 0.45:
            body += writer.items(rng.randint(2, 5), ordered=True)
        elif roll < 0.6:
            body += _choices(writer)
        if rng.random() < 0.35:
            space = rng.uniform(30, 150)
            lines = rng.random() < 0.3
            body.append(
                f"block(width: 100%, stroke: {rng.choice(('none', '0.5pt'))}, height: {pt(space)})"
                if not lines
                else "\n".join(
                    f"block(above: {pt(18)}, below: 0pt, line(length: 100%, stroke: 0.4pt + luma(140)))"
                    for _ in range(int(space / 18) + 1)
                )
            )
    number = "context counter(page).display()"
    footer = (
        writer.running(
            "page_footer",
            rng.choice(((None, number, None), (None, None, 'context counter(page).display("1/1", both: true)'))),
            "none",
            0.85,
        )
        if rng.random() < 0.8
        else "none"
    )
    header = (
        writer.running(
            "page_header", (quote(words.phrase(1, 3)), None, quote(words.date())), rng.choice(("none", "0.4pt")), 0.85
        )
        if rng.random() < 0.45
        else "none"
    )
    return writer, writer.source(writer.page(header, footer), body)


def _choices(writer: Writer) -> list[str]:
    """Answers to tick: the box is the marker of an item."""
    rng, style = writer.rng, writer.style
    mark = rng.choice(("☐", "○", "□"))
    gap = style.pitch - style.body.height + max(0.2, style.item_gap)
    return [
        f"item({writer.id('list_item')}, {quote(mark)}, {writer.rich(writer.words.tokens(rng.randint(1, 9)), 0)}, indent: 1em, hang: 1.6em, gap: {em(gap)})"
        for _ in range(rng.randint(3, 5))
    ]
