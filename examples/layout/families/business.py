"""What offices write: reports with colours and charts, letters, invoices and forms."""

from __future__ import annotations

import random

from ..blocks import address, admonition, beside, pairs
from ..markup import em, pt, quote
from ..pool import Pool
from ..style import Split, Style, sample
from ..writer import Writer


def report(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A report of a firm or an office: cover or large title, coloured headings, charts, tables, key figures."""
    style = sample(
        split,
        rng,
        columns=1 if rng.random() < 0.7 else 2,
        kinds=("sans", "sans", "serif"),
        sizes=(9, 11.5),
        margins=(50, 85),
    )
    style.indent, style.spacing = 0.0, rng.uniform(0.4, 0.9)
    for look in style.heads:
        look.ink = style.accent if rng.random() < 0.8 else "black"
    writer = Writer(style, rng, pool)
    words = writer.words
    body: list[str] = []
    cover = rng.random()
    if cover < 0.3:
        body.append(_cover(writer))
    else:
        body.append(_opening(writer))
    for _ in range(rng.randint(2, 5)):
        body.append(writer.heading(0))
        for _ in range(rng.randint(2, 6)):
            roll = rng.random()
            if roll < 0.42:
                body.append(writer.paragraph(2, 6))
            elif roll < 0.55:
                body += writer.items(rng.randint(3, 6))
            elif roll < 0.67:
                body.append(writer.table_figure())
            elif roll < 0.79:
                body.append(writer.figure(kind=rng.choice(("chart", "chart", "photo", "drawing"))))
            elif roll < 0.86:
                body.append(writer.heading(1))
                body.append(writer.paragraph(1, 4))
            elif roll < 0.92:
                body.append(admonition(writer))
            elif roll < 0.96:
                body.append(_key_figures(writer))
            elif style.columns == 1:
                body.append(beside(writer))
    number = rng.choice(
        (
            "context counter(page).display()",
            'context counter(page).display("1 / 1", both: true)',
            f"{quote(words.phrase(1, 1) + ' ')} + context counter(page).display()",
        )
    )
    firm = quote(words.company())
    header = rng.choice((
        "none",
        writer.running("page_header", (firm, None, quote(words.headline(2, 4))), rng.choice(("none", f"0.6pt + {style.accent}")), 0.8, fill=rng.choice(("luma(90)", style.accent))),
        writer.running("page_header", (None, None, quote(words.headline(2, 5))), "none", 0.8, fill="luma(100)"),
    ))  # fmt: skip
    footer = writer.running(
        "page_footer",
        rng.choice(
            (
                (firm, None, number),
                (None, number, None),
                (None, None, number),
                (quote("© " + str(rng.randint(1999, 2026))), firm, number),
            )
        ),
        rng.choice(("none", "0.5pt + luma(150)")),
        0.8,
        fill=rng.choice(("black", "luma(90)")),
    )
    if cover < 0.3:
        skip = "context if here().page() > 1 "
        header = f"{skip}{{ {header} }}" if header != "none" else header
        footer = f"{skip}{{ {footer} }}"
    extra: dict[str, str] = {}
    if rng.random() < 0.15:
        extra["background"] = (
            f"place(top + left, rect(width: {pt(style.margin[0] * 0.3)}, height: 100%, fill: {style.accent}))"
        )
    elif rng.random() < 0.05:
        extra["background"] = (
            f'rotate(-50deg, text(size: 70pt, fill: luma(232), el("nothing:w", {quote(rng.choice(("DRAFT", "COPY", "CONFIDENTIAL")))})))'
        )
    return writer, writer.source(writer.page(header, footer, **extra), body)


def _cover(writer: Writer) -> str:
    """A first page of its own."""
    rng, style, words = writer.rng, writer.style, writer.words
    ink = "white" if rng.random() < 0.4 else style.accent
    title = writer.line("title", quote(words.headline(2, 7)), size=em(rng.uniform(2.4, 3.6)), weight='"bold"', fill=ink)
    parts = [title]
    if rng.random() < 0.7:
        parts.append(writer.line("text", quote(words.headline(3, 8)), size="1.4em", fill=ink))
    if ink == "white":
        band = (
            f"block(width: 100%, fill: {style.accent}, inset: 24pt, {{ set par(spacing: 1em)\nset block(spacing: 1em)\n"
            + "\n".join(parts)
            + "\n})"
        )
        parts = [band]
    lower = [
        writer.line("text", quote(text)) for text in (words.company(), words.date(), words.name())[: rng.randint(1, 3)]
    ]
    middle = f"v({rng.uniform(8, 45):.0f}%)"
    picture = [writer.picture(style.width, style.height * 0.35, "photo")] if rng.random() < 0.5 else []
    inner = "\n".join([middle, *parts, "v(6%)", *picture, "v(1fr)", *lower])
    return (
        f'place(top, scope: "parent", float: true, block(width: 100%, height: {pt(style.height * 0.98)}, {{ set par(spacing: 0.8em)\n{inner}\n}}))\ncolbreak(weak: true)'
        if style.columns > 1
        else f"block(width: 100%, height: {pt(style.height * 0.98)}, {{ set par(spacing: 0.8em)\n{inner}\n}})\npagebreak(weak: true)"
    )


def _opening(writer: Writer) -> str:
    """The title over the first page's text, on a band or beside a mark."""
    rng, style, words = writer.rng, writer.style, writer.words
    band = rng.random() < 0.4
    ink = "white" if band else rng.choice((style.accent, "black"))
    parts = [
        writer.line(
            "title",
            quote(words.headline(2, 8)),
            size=em(rng.uniform(1.8, 2.8)),
            weight=rng.choice(('"bold"', '"regular"')),
            fill=ink,
        )
    ]
    if rng.random() < 0.6:
        parts.append(writer.line("text", quote(f"{words.phrase(1, 4)} · {words.date()}"), size="1.05em", fill=ink))
    dress = f"fill: {style.accent}, inset: 16pt" if band else "inset: 0pt"
    body = (
        f"block(width: 100%, {dress}, below: 1.6em, {{ set par(spacing: 0.7em)\nset block(spacing: 0.7em)\n"
        + "\n".join(parts)
        + "\n})"
    )
    if not band and rng.random() < 0.3:
        body = f"grid(columns: (1fr, auto), align: (start, end), {body}, {writer.logo(style.width * 0.25)})"
    return f'place(top, scope: "parent", float: true, clearance: 1.4em, {body})' if style.columns > 1 else body


def _key_figures(writer: Writer) -> str:
    """Large numbers beside each other, each with what it counts."""
    rng, style, words = writer.rng, writer.style, writer.words
    cells = []
    for _ in range(rng.randint(2, 4) if style.columns == 1 else 2):
        number = writer.line("text", quote(words.number()), size="2em", weight='"bold"', fill=style.accent)
        cells.append(
            f"block({{ set par(spacing: 0.6em)\nset block(spacing: 0.6em)\n{number}\n{writer.line('text', quote(words.phrase(1, 3)), size='0.85em')} }})"
        )
    return f"block(breakable: false, grid(columns: (1fr,) * {len(cells)}, gutter: 12pt, {', '.join(cells)}))"


def letter(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A letter: letterhead, addresses, date, subject, text, signature, small print."""
    style = sample(split, rng, kinds=("serif", "sans"), sizes=(10, 12), margins=(55, 85))
    style.justify = rng.random() < 0.3
    style.indent, style.spacing = 0.0, rng.uniform(0.5, 1.0)
    writer = Writer(style, rng, pool)
    words = writer.words
    firm = words.company()
    body: list[str] = []
    side = rng.choice(("start", "end", "center"))
    head = [
        writer.line(
            "text",
            quote(firm),
            size=em(rng.uniform(1.2, 2.0)),
            weight='"bold"',
            fill=rng.choice(("black", style.accent)),
        )
    ]
    head.append(address(writer, [*words.address(), words.phone(), words.email()], "0.85em"))
    if rng.random() < 0.4:
        mark = writer.logo(110, 50)
        lines = "{ set par(spacing: 0.4em)\nset block(spacing: 0.4em)\n" + "\n".join(head) + " }"
        body.append(f"grid(columns: (auto, 1fr), gutter: 14pt, align: (start + horizon, end), {mark}, {lines})")
    else:
        body.append(
            f"align({side}, block({{ set par(spacing: 0.5em)\nset block(spacing: 0.5em)\n" + "\n".join(head) + "\n}))"
        )
    if rng.random() < 0.4:
        body.append(f"line(length: 100%, stroke: {rng.choice(('0.5pt', '1.5pt'))} + {style.accent})")
    body.append(f"v({pt(rng.uniform(8, 40))})")
    to = address(writer, [words.name(), words.company(), *words.address()])
    date = writer.line("text", quote(f"{words.city()}, {words.date()}"))
    if rng.random() < 0.5:
        body.append(f"grid(columns: (1fr, auto), align: (start, end + bottom), {to}, {date})")
    else:
        body += [to, f"v({pt(rng.uniform(4, 20))})", f"align({rng.choice(('start', 'end'))}, {date})"]
    body.append(f"v({pt(rng.uniform(8, 26))})")
    if rng.random() < 0.75:
        body.append(writer.line("text", quote(words.headline(3, 8)), weight='"bold"'))
    body.append(writer.line("text", quote(f"{words.phrase(1, 2)} {words.name()}{words.comma}")))
    for _ in range(rng.randint(2, 6)):
        body.append(writer.paragraph(1, 5))
        if rng.random() < 0.12:
            body += writer.items(rng.randint(2, 5))
        if rng.random() < 0.08:
            body.append(writer.table(rows=rng.randint(2, 5)))
    body.append(writer.line("text", quote(words.phrase(2, 3) + words.comma)))
    body.append(f"v({pt(rng.uniform(14, 40))})")
    if rng.random() < 0.4:
        body.append(_signature(rng))
    body.append(address(writer, [words.name(), words.job()]))
    if rng.random() < 0.4:
        body.append(writer.line("text", quote(f"{words.phrase(1, 1)}: {words.phrase(1, 4)}"), size="0.9em"))
    footer = "none"
    if rng.random() < 0.6:
        cells = [
            f"par(el({writer.id('page_footer')}, {' + linebreak() + '.join(quote(text) for text in (words.company(), words.phone(), words.email(), words.url())[: rng.randint(2, 4)])}))"
            for _ in range(rng.randint(2, 3))
        ]
        footer = f"text(size: 7pt, fill: luma(80), pitched(1.3em, grid(columns: (1fr,) * {len(cells)}, gutter: 8pt, {', '.join(cells)})))"
    elif rng.random() < 0.5:
        footer = writer.running(
            "page_footer", (None, quote(f"{firm} · {words.phone()} · {words.url()}"), None), "none", 0.7
        )
    return writer, writer.source(writer.page("none", footer), body)


def _signature(rng: random.Random) -> str:
    """A scrawl of ink, which has no class."""
    points = [f"({pt(6 * step + rng.uniform(0, 10))}, {pt(rng.uniform(0, 24))})" for step in range(rng.randint(8, 18))]
    curves = ", ".join(
        f"curve.quad({first}, {second})" for first, second in zip(points[1::2], points[2::2], strict=False)
    )
    return f"curve(stroke: (paint: {rng.choice(('rgb(20, 30, 120)', 'black'))}, thickness: 1pt), curve.move({points[0]}), {curves})"


def invoice(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """An invoice, order or receipt: who to whom, a table of positions, sums, conditions."""
    style = sample(split, rng, kinds=("sans", "sans", "serif"), sizes=(8.5, 11), margins=(40, 70))
    style.justify = False
    style.indent, style.spacing = 0.0, rng.uniform(0.3, 0.7)
    assert style.table is not None
    writer = Writer(style, rng, pool)
    words = writer.words
    name = {
        "en": rng.choice(("Invoice", "Order", "Receipt", "Quotation", "Delivery note")),
        "de": "Rechnung",
        "fr": "Facture",
        "es": "Factura",
    }.get(style.language.code) or words.phrase(1, 1)
    title = writer.line(
        "title",
        quote(name.upper() if rng.random() < 0.4 else name),
        size=em(rng.uniform(1.6, 3)),
        weight='"bold"',
        fill=rng.choice(("black", style.accent)),
    )
    sender = address(writer, [words.company(), *words.address(), words.phone()], "0.9em")
    mark = writer.logo(130, 55) if rng.random() < 0.7 else sender
    pair = [mark, title] if rng.random() < 0.6 else [title, mark]
    body = [
        f"grid(columns: (1fr, auto), align: (start + horizon, end + horizon), {', '.join(pair)})",
        f"v({pt(rng.uniform(8, 24))})",
    ]
    receiver = address(writer, [words.name(), words.company(), *words.address()])
    entries = [
        f"{words.phrase(1, 2)}: {rng.choice((words.date(), str(rng.randint(1000, 999999)), words.name()))}"
        for _ in range(rng.randint(2, 5))
    ]
    facts = address(writer, entries) if rng.random() < 0.6 else pairs(writer, entries)
    left = (
        f"{{ set par(spacing: 0.5em)\n{writer.line('section_header', quote(words.phrase(1, 2)), weight=chr(34) + 'bold' + chr(34))}\n{receiver} }}"
        if rng.random() < 0.5
        else receiver
    )
    body.append(f"grid(columns: (1fr, auto), gutter: 20pt, {left}, {facts})")
    body.append(f"v({pt(rng.uniform(8, 24))})")
    if rng.random() < 0.5:
        body.append(writer.paragraph(1, 2))
    body.append(writer.table(rows=rng.randint(2, 14), columns=rng.randint(4, 7)))
    sums = [f"{words.phrase(1, 2)}:  {rng.randint(1, 9999)}.{rng.randint(0, 99):02d}" for _ in range(rng.randint(1, 4))]
    if rng.random() < 0.8:
        body.append(f"align(end, {pairs(writer, sums, bold_last=True)})")
    body.append(f"v({pt(rng.uniform(6, 20))})")
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.4:
            body.append(writer.heading(2))
        body.append(writer.paragraph(1, 3))
    if rng.random() < 0.4:
        body += writer.items(rng.randint(2, 4))
    if rng.random() < 0.4:
        body += [f"v({pt(rng.uniform(10, 40))})", *_form(writer)]
    footer = rng.choice((
        writer.running("page_footer", (quote(words.company()), quote(words.email()), quote(words.phone())), rng.choice(("none", "0.5pt")), 0.75),
        writer.running("page_footer", (None, quote(f"{words.phrase(1, 1)} ") + ' + context counter(page).display("1 / 1", both: true)', None), "none", 0.8),
        "none",
    ))  # fmt: skip
    return writer, writer.source(writer.page("none", footer), body)


def _form(writer: Writer) -> list[str]:
    """Places to fill in: a label, and a line or a box behind it."""
    rng, words = writer.rng, writer.words
    parts = []
    for _ in range(rng.randint(2, 6)):
        if rng.random() < 0.3:
            tick = "box(width: 0.8em, height: 0.8em, stroke: 0.6pt, baseline: 0.1em)"
            parts.append(
                f"block(grid(columns: (auto, 1fr), gutter: 6pt, {tick}, {writer.line('text', quote(words.phrase(2, 6)))}))"
            )
        else:
            field = rng.choice(
                (
                    "line(length: 100%, stroke: 0.5pt)",
                    'line(length: 100%, stroke: (thickness: 0.6pt, dash: "dotted"))',
                    "rect(width: 100%, height: 1.3em, stroke: 0.5pt)",
                )
            )
            parts.append(
                f"block(width: 100%, grid(columns: (auto, 1fr), gutter: 8pt, align: bottom, {writer.line('text', quote(words.phrase(1, 3) + ':'))}, {field}))"
            )
    return parts


def form(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A form to fill in by hand: sections with fields, boxes to tick, tables with empty cells, small print."""
    style: Style = sample(split, rng, kinds=("sans", "sans", "serif"), sizes=(8.5, 11), margins=(40, 65))
    style.justify, style.indent, style.spacing = False, 0.0, rng.uniform(0.5, 0.9)
    for look in style.heads:
        look.mark = rng.choice(("band", "below", "none"))
    writer = Writer(style, rng, pool)
    words = writer.words
    body = [
        writer.line(
            "title",
            quote(words.headline(2, 6)),
            size=em(rng.uniform(1.4, 2.0)),
            weight='"bold"',
            align=rng.choice(("start", "center")),
        )
    ]
    if rng.random() < 0.7:
        body.append(writer.paragraph(1, 3))
    for _ in range(rng.randint(2, 5)):
        body.append(writer.heading(0))
        for _ in range(rng.randint(1, 2)):
            roll = rng.random()
            if roll < 0.55:
                half = _form(writer)
                if rng.random() < 0.4:
                    body.append(f"grid(columns: (1fr, 1fr), gutter: 16pt, row-gutter: 8pt, {', '.join(half)})")
                else:
                    body += half
            elif roll < 0.75:
                body.append(writer.table())
            else:
                body.append(writer.paragraph(1, 4))
        if rng.random() < 0.25:
            body += writer.items(rng.randint(2, 5))
    footer = writer.running(
        "page_footer",
        (
            quote(f"{words.phrase(1, 1)} {rng.randint(10, 999)}-{rng.choice('ABCDEF')}"),
            None,
            'context counter(page).display("1/1", both: true)',
        ),
        "none",
        0.75,
    )
    header = (
        writer.running(
            "page_header", (quote(words.company()), None, quote(words.date())), rng.choice(("none", "0.5pt")), 0.8
        )
        if rng.random() < 0.5
        else "none"
    )
    return writer, writer.source(writer.page(header, footer), body)
