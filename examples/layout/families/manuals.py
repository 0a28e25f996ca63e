"""Manuals of software: as Sphinx sets them, as DocBook and man pages do, and as web pages that were printed."""

from __future__ import annotations

import random

from ..blocks import admonition
from ..listings import identifier
from ..markup import em, pt, quote
from ..pool import Pool
from ..style import Split, sample
from ..writer import Writer


def sphinx(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """Chapters with code, admonitions, descriptions of functions, and a header with a rule."""
    kinds = rng.choice((("serif",), ("serif",), ("sans",)))
    prefer = rng.choice(
        (("New Computer Modern", "CMU Serif"), ("TeX Gyre Pagella",), ("TeX Gyre Termes", "Liberation Serif"), ())
    )
    style = sample(split, rng, kinds=kinds, heading_kinds=("sans",), prefer=prefer, sizes=(9, 11), margins=(58, 85))
    ink = rng.choice(('rgb("#20435c")', 'rgb("#20435c")', "black", style.accent))
    for level, look in enumerate(style.heads):
        look.ink, look.weight, look.mark, look.align = ink, "bold", "none", "start"
        look.numbered, look.size = rng.random() < 0.8, (1.75, 1.35, 1.1)[level]
    style.indent, style.spacing = 0.0, rng.uniform(0.4, 0.7)
    style.code_fill = rng.choice((None, "luma(248)", 'rgb("#f8f8f8")', 'rgb("#eeffcc")'))
    style.code_stroke = rng.choice(("0.4pt", "0.4pt + luma(160)", None))
    style.emphasis = rng.uniform(0.01, 0.05)
    writer = Writer(style, rng, pool)
    words = writer.words
    body: list[str] = []
    if rng.random() < 0.7:
        body.append(_chapter(writer, ink))
    for _ in range(rng.randint(2, 5)):
        body.append(writer.heading(rng.choice((0, 0, 1))))
        for _ in range(rng.randint(2, 6)):
            body += _piece(writer)
    project = quote(
        f"{words.phrase(1, 2)}, {rng.choice(('Release', words.phrase(1, 1)))} {rng.randint(0, 9)}.{rng.randint(0, 20)}.{rng.randint(0, 9)}"
    )
    number = "context counter(page).display()"
    chapter = quote(f"{rng.randint(1, 9)}.{rng.randint(1, 9)}. {words.headline(1, 4)}")
    rule = rng.choice(("0.4pt", "0.4pt", "none"))
    bold = {"weight": '"bold"'} if rng.random() < 0.6 else {}
    header = writer.running("page_header", (None, None, project), rule, 0.9, **bold)
    odd = writer.running("page_footer", (chapter, None, number), rule, 0.9, **bold)
    even = writer.running("page_footer", (number, None, quote("Chapter 3. " + words.headline(1, 3))), rule, 0.9, **bold)
    return writer, writer.source(
        writer.page(header, f"context if calc.odd(here().page()) {{ {odd} }} else {{ {even} }}"),
        body,
        rng.choice((1, 1, rng.randint(3, 300))),
    )


def _chapter(writer: Writer, ink: str) -> str:
    """The opening of a chapter: its number above its name, to the right, with a rule."""
    rng, style = writer.rng, writer.style
    face = style.heading.typst()
    if rng.random() < 0.5:
        label = writer.line(
            "section_header",
            quote(
                f"CHAPTER {rng.choice(('ONE', 'TWO', 'THREE', 'FOUR', 'FIVE'))}"
                if rng.random() < 0.6
                else str(rng.randint(1, 20))
            ),
            size=em(0.95),
            weight='"bold"',
        )
        name = writer.line("section_header", quote(writer.words.headline(1, 4).upper()), size=em(1.9), weight='"bold"')
        return f"block(width: 100%, above: {em(rng.uniform(0, 4))}, below: 2.2em, {{ set text({face}, fill: {ink})\nset align(end)\nset par(spacing: 0.9em)\n{label}\n{name}\n v(0.3em)\nline(length: 100%, stroke: 0.6pt) }})"
    body = f"p({writer.id('title')}, {quote(writer.words.headline(2, 6))}, justify: false)"
    return f'block(width: 100%, below: 1.6em, text({face}, fill: {ink}, size: 2em, weight: "bold", {body}))'


def _piece(writer: Writer) -> list[str]:
    rng = writer.rng
    roll = rng.random()
    if roll < 0.3:
        return [writer.paragraph(1, 5)]
    if roll < 0.52:
        return [writer.paragraph(1, 3), writer.code()]
    if roll < 0.64:
        return [admonition(writer)]
    if roll < 0.76:
        return [writer.paragraph(1, 2), *writer.items(rng.randint(2, 6))]
    if roll < 0.88:
        return _function(writer)
    if roll < 0.95:
        return [writer.table_figure()]
    return [writer.figure(kind=rng.choice(("photo", "drawing")))]


def _function(writer: Writer) -> list[str]:
    """The description of a function: its signature hangs, all about it is set in."""
    rng = writer.rng
    arguments = ", ".join(identifier(rng).strip("()-").split(".")[0] for _ in range(rng.randint(0, 4)))
    signature = f"strong(raw({quote(identifier(rng).strip('()-'))})) + emph({quote(f'({arguments})')})"
    parts = [f"p({writer.id('text')}, {signature}, justify: false)"]
    inner = [writer.paragraph(1, 3)]
    if rng.random() < 0.5:
        inner += writer.items(rng.randint(2, 4), ordered=False)
    if rng.random() < 0.3:
        writer.room -= 26
        inner.append(writer.code(rng.randint(2, 5)))
        writer.room += 26
    return [*parts, "pad(left: 24pt, {\n" + "\n".join(inner) + "\n})"]


def reference(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A man page or a DocBook reference: names to the left, all text set in, options with their meanings."""
    style = sample(split, rng, kinds=("serif", "sans"), sizes=(9, 11.5), margins=(50, 90))
    style.indent, style.spacing = 0.0, rng.uniform(0.3, 0.7)
    style.table = style.table
    upper = rng.random() < 0.5 and style.language.cased
    for look in style.heads:
        look.numbered, look.mark, look.align = False, "none", "start"
        look.case = "upper" if upper else look.case
        look.ink = (
            rng.choice(("black", 'rgb("#8b0000")', style.accent)) if look is style.heads[0] else style.heads[0].ink
        )
        look.size = min(look.size, 1.4)
    style.code_fill, style.code_stroke = rng.choice(((None, None), ("luma(235)", None), (None, "0.5pt")))
    writer = Writer(style, rng, pool)
    name = identifier(rng).strip("()-").split(".")[0]
    head = f"{name.upper()}({rng.randint(1, 8)})"
    number = "context counter(page).display()"
    side = rng.uniform(18, 50)
    writer.room -= side
    body: list[str] = []
    if rng.random() < 0.5:
        body.append(
            writer.line(
                "title",
                quote(rng.choice((name, f"{name} — {writer.words.headline(2, 5)}"))),
                size=em(1.8),
                weight='"bold"',
            )
        )
    inset = lambda parts: f"pad(left: {pt(side)}, {{\n" + "\n".join(parts) + "\n})"  # noqa: E731
    body += [
        writer.heading(0, "Name"),
        inset([f"p({writer.id('text')}, {quote(f'{name} - {writer.words.phrase(3, 8)}')})"]),
    ]
    body += [
        writer.heading(0, "Synopsis"),
        inset(
            [
                f"p({writer.id('text')}, strong({quote(name)}) + {quote(' [--' + '] [--'.join(identifier(rng).strip('()-').split('.')[0] for _ in range(3)) + ']')}, justify: false)"
            ]
        ),
    ]
    for _ in range(rng.randint(2, 5)):
        body.append(writer.heading(0))
        parts: list[str] = []
        for _ in range(rng.randint(2, 7)):
            roll = rng.random()
            if roll < 0.35:
                parts.append(writer.paragraph(1, 5))
            elif roll < 0.65:
                parts.append(
                    writer.line(
                        "text",
                        f"strong(raw({quote('--' + identifier(rng).strip('()-'))})) + {quote('  ')} + emph({quote(writer.words.word())})",
                    )
                )
                parts.append(inset([writer.paragraph(1, 3)]))
            elif roll < 0.82:
                parts.append(writer.code())
            elif roll < 0.92:
                parts += writer.items(rng.randint(2, 6))
            else:
                parts.append(writer.table_figure())
        body.append(inset(parts))
    if rng.random() < 0.5:
        middle = quote(writer.words.phrase(2, 4))
        header = writer.running("page_header", (quote(head), middle, quote(head)), "none", 0.95)
        footer = writer.running(
            "page_footer",
            (quote(f"{name} {rng.randint(1, 9)}.{rng.randint(0, 30)}"), quote(writer.words.date()), number),
            "none",
            0.95,
        )
    else:
        header = writer.running(
            "page_header", (None, quote(writer.words.headline(2, 5)), None), rng.choice(("none", "0.5pt"))
        )
        footer = writer.running("page_footer", (None, number, None), rng.choice(("none", "0.5pt")))
    return writer, writer.source(writer.page(header, footer), body)


def web_page(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A web page printed to a PDF: date and title above, address and page number below, as a browser puts them."""
    style = sample(split, rng, kinds=("sans", "sans", "serif"), sizes=(9, 12), margins=(36, 62))
    style.justify, style.hyphenate = False, False
    style.indent, style.spacing = 0.0, rng.uniform(0.5, 0.9)
    style.link_ink = rng.choice(("blue", 'rgb("#0969da")', style.accent))
    style.emphasis = rng.uniform(0.02, 0.06)
    style.code_fill, style.code_stroke = rng.choice((("luma(246)", None), ("luma(240)", "0.5pt + luma(200)")))
    for look in style.heads:
        look.numbered = rng.random() < 0.1
        look.mark = rng.choice(("none", "below"))
    writer = Writer(style, rng, pool)
    words = writer.words
    name = words.headline(2, 8)
    body = [writer.line("title", quote(name), size=em(rng.uniform(1.7, 2.4)), weight='"bold"', fill=style.heads[0].ink)]
    if rng.random() < 0.5:
        body.append(
            writer.line(
                "text",
                quote(f"{words.name()} · {words.date()} · {rng.randint(2, 20)} min"),
                size="0.85em",
                fill="luma(110)",
            )
        )
    if rng.random() < 0.5:
        body.append(writer.picture(writer.room, 190, "photo"))
    for _ in range(rng.randint(2, 6)):
        body.append(writer.heading(rng.choice((0, 0, 1))))
        for _ in range(rng.randint(1, 5)):
            roll = rng.random()
            if roll < 0.5:
                body.append(writer.paragraph(1, 5))
            elif roll < 0.7:
                body += writer.items(rng.randint(2, 7))
            elif roll < 0.82:
                body.append(writer.code())
            elif roll < 0.88:
                body.append(writer.table())
            elif roll < 0.94:
                body.append(writer.figure(writer.room * rng.uniform(0.5, 1.0)))
            else:
                body.append(
                    f"block(stroke: (left: 3pt + luma(200)), inset: (left: 10pt, y: 2pt), text(fill: luma(90), {writer.paragraph(1, 2)}))"
                )
    if rng.random() < 0.75:
        header = writer.running(
            "page_header",
            (quote(words.date() + f", {rng.randint(0, 23)}:{rng.randint(0, 59):02d}"), None, quote(name[:60])),
            "none",
            0.7,
        )
        footer = writer.running(
            "page_footer", (quote(words.url()), None, 'context counter(page).display("1/1", both: true)'), "none", 0.7
        )
        return writer, writer.source(writer.page(header, footer), body)
    return writer, writer.source(writer.page(), body)
