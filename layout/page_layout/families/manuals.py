"""Manuals of software: as Sphinx sets them, as DocBook and man pages do, and as web pages that were printed."""

from __future__ import annotations

import random

from ..blocks import admonition
from ..listings import identifier
from ..markup import BOLD, PAGE_NUMBER, PAGE_OF_PAGES, block, box, em, emph, pile, pt, quote, strong
from ..pool import Pool
from ..splits import Split
from ..style import sample
from ..writer import Writer, odd_even


def sphinx(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """Chapters with code, admonitions, descriptions of functions, and a header with a rule."""
    prefer = (("New Computer Modern", "CMU Serif"), ("TeX Gyre Pagella",), ("TeX Gyre Termes", "Liberation Serif"), ())
    style = sample(
        split,
        rng,
        kinds=rng.choice((("serif",), ("serif",), ("sans",))),
        heading_kinds=("sans",),
        prefer=rng.choice(prefer),
        sizes=(9, 11),
        margins=(58, 85),
    )
    ink = rng.choice(('rgb("#20435c")', 'rgb("#20435c")', "black", style.accent))
    for level, look in enumerate(style.heads):
        look.ink, look.weight, look.mark, look.align = ink, "bold", "none", "start"
        look.numbered, look.size = rng.random() < 0.8, (1.75, 1.35, 1.1)[level]
    style.indent, style.spacing = 0.0, rng.uniform(0.4, 0.7)
    style.code_fill = rng.choice((None, "luma(242)", 'rgb("#f2f2f2")', 'rgb("#eeffcc")'))
    style.code_stroke = rng.choice(("0.4pt", "0.4pt + luma(160)", None))
    style.emphasis = rng.uniform(0.01, 0.05)
    writer = Writer(style, rng, pool)
    words = writer.words
    body = [_chapter(writer, ink)] if rng.random() < 0.7 else []
    for _ in range(rng.randint(2, 5)):
        body.append(writer.heading(rng.choice((0, 0, 1))))
        for _ in range(rng.randint(2, 6)):
            body += _piece(writer)
    release = rng.choice(("Release", words.phrase(1, 1)))
    version = f"{rng.randint(0, 9)}.{rng.randint(0, 20)}.{rng.randint(0, 9)}"
    project = quote(f"{words.phrase(1, 2)}, {release} {version}")
    section = quote(f"{rng.randint(1, 9)}.{rng.randint(1, 9)}. {words.headline(1, 4)}")
    chapter = quote(f"Chapter {rng.randint(1, 20)}. {words.headline(1, 3)}")
    rule = rng.choice(("0.4pt", "0.4pt", "none"))
    bold = {"weight": BOLD} if rng.random() < 0.6 else {}
    header = writer.running("page_header", (None, None, project), rule, 0.9, **bold)
    odd = writer.running("page_footer", (section, None, PAGE_NUMBER), rule, 0.9, **bold)
    even = writer.running("page_footer", (PAGE_NUMBER, None, chapter), rule, 0.9, **bold)
    first = rng.choice((1, 1, rng.randint(3, 300)))
    return writer, writer.source(writer.page(header, odd_even(odd, even)), body, first)


def _chapter(writer: Writer, ink: str) -> str:
    """The opening of a chapter: its number above its name, to the right, with a rule; or a title."""
    rng, words = writer.rng, writer.words
    dress = f"set text({writer.style.heading.typst()}, fill: {ink}, hyphenate: false)"
    if rng.random() < 0.5:
        title = writer.line("title", quote(words.headline(2, 6)), size="2em", weight=BOLD)
        return box(dress, title, below="1.6em")
    number = rng.choice((f"CHAPTER {rng.choice(('ONE', 'TWO', 'THREE', 'FOUR', 'FIVE'))}", str(rng.randint(1, 20))))
    label = writer.line("section_header", quote(number), size="0.95em", weight=BOLD)
    name = writer.line("section_header", quote(words.headline(1, 4).upper()), size="1.9em", weight=BOLD)
    rule = "line(length: 100%, stroke: 0.6pt)"
    above = em(rng.uniform(0, 4))
    return box(dress, "set align(end)", pile(0.9, label, name, "v(0.3em)", rule), above=above, below="2.2em")


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


def _name(writer: Writer) -> str:
    return identifier(writer.rng).strip("()-").split(".")[0]


def _function(writer: Writer) -> list[str]:
    """The description of a function: its signature hangs, all about it is set in."""
    rng = writer.rng
    arguments = ", ".join(_name(writer) for _ in range(rng.randint(0, 4)))
    signature = f"strong(raw({quote(identifier(rng).strip('()-'))})) + {emph(f'({arguments})')}"
    inner = [writer.paragraph(1, 3)]
    if rng.random() < 0.5:
        inner += writer.items(rng.randint(2, 4), ordered=False)
    if rng.random() < 0.3:
        writer.room -= 26
        inner.append(writer.code(rng.randint(2, 5)))
        writer.room += 26
    return [writer.p("text", signature, justify="false"), f"pad(left: 24pt, {block(*inner)})"]


def reference(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A man page or a DocBook reference: names to the left, all text set in, options with their meanings."""
    style = sample(split, rng, kinds=("serif", "sans"), sizes=(9, 11.5), margins=(50, 90))
    style.indent, style.spacing = 0.0, rng.uniform(0.3, 0.7)
    upper = rng.random() < 0.5 and style.language.cased
    ink = rng.choice(("black", 'rgb("#8b0000")', style.accent))
    for look in style.heads:
        look.numbered, look.mark, look.align, look.ink = False, "none", "start", ink
        look.case = "upper" if upper else look.case
        look.size = min(look.size, 1.4)
    style.code_fill, style.code_stroke = rng.choice(((None, None), ("luma(235)", None), (None, "0.5pt")))
    writer = Writer(style, rng, pool)
    words = writer.words
    name = _name(writer)
    side = rng.uniform(18, 50)
    writer.room -= side

    def inset(*parts: str) -> str:
        return f"pad(left: {pt(side)}, {block(*parts)})"

    body: list[str] = []
    if rng.random() < 0.5:
        title = rng.choice((name, f"{name} — {words.headline(2, 5)}"))
        body.append(writer.line("title", quote(title), size="1.8em", weight=BOLD))
    options = "] [--".join(_name(writer) for _ in range(3))
    body += [
        writer.heading(0, "Name"),
        inset(writer.p("text", quote(f"{name} - {words.phrase(3, 8)}"))),
        writer.heading(0, "Synopsis"),
        inset(writer.p("text", f"{strong(name)} + {quote(f' [--{options}]')}", justify="false")),
    ]
    for _ in range(rng.randint(2, 5)):
        body.append(writer.heading(0))
        parts: list[str] = []
        for _ in range(rng.randint(2, 7)):
            roll = rng.random()
            if roll < 0.35:
                parts.append(writer.paragraph(1, 5))
            elif roll < 0.65:
                option = f"strong(raw({quote('--' + _name(writer))})) + {quote('  ')} + {emph(words.word())}"
                parts += [writer.line("text", option), inset(writer.paragraph(1, 3))]
            elif roll < 0.82:
                parts.append(writer.code())
            elif roll < 0.92:
                parts += writer.items(rng.randint(2, 6))
            else:
                parts.append(writer.table_figure())
        body.append(inset(*parts))
    if rng.random() < 0.5:
        head = quote(f"{name.upper()}({rng.randint(1, 8)})")
        release = quote(f"{name} {rng.randint(1, 9)}.{rng.randint(0, 30)}")
        header = writer.running("page_header", (head, quote(words.phrase(2, 4)), head), "none", 0.95)
        footer = writer.running("page_footer", (release, quote(words.date()), PAGE_NUMBER), "none", 0.95)
    else:
        header = writer.running("page_header", (None, quote(words.headline(2, 5)), None), rng.choice(("none", "0.5pt")))
        footer = writer.running("page_footer", (None, PAGE_NUMBER, None), rng.choice(("none", "0.5pt")))
    return writer, writer.source(writer.page(header, footer), body)


def web_page(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A web page printed to a PDF: date and title above, address and page number below, as a browser puts them."""
    style = sample(split, rng, kinds=("sans", "sans", "serif"), sizes=(9, 12), margins=(36, 62))
    style.justify, style.hyphenate = False, False
    style.indent, style.spacing = 0.0, rng.uniform(0.5, 0.9)
    style.link_ink = rng.choice(("blue", 'rgb("#0969da")', style.accent))
    style.emphasis = rng.uniform(0.02, 0.06)
    style.code_fill, style.code_stroke = rng.choice((("luma(242)", None), ("luma(240)", "0.5pt + luma(200)")))
    for look in style.heads:
        look.numbered, look.mark = rng.random() < 0.1, rng.choice(("none", "below"))
    writer = Writer(style, rng, pool)
    words = writer.words
    name = words.headline(2, 8)
    size = em(rng.uniform(1.7, 2.4))
    body = [writer.line("title", quote(name), size=size, weight=BOLD, fill=style.heads[0].ink)]
    if rng.random() < 0.5:
        facts = f"{words.name()} · {words.date()} · {rng.randint(2, 20)} min"
        body.append(writer.line("text", quote(facts), size="0.85em", fill="luma(110)"))
    if rng.random() < 0.5:
        body.append(writer.picture(writer.room, 190, "photo"))
    for _ in range(rng.randint(2, 6)):
        body.append(writer.heading(rng.choice((0, 0, 1))))
        for _ in range(rng.randint(1, 5)):
            roll = rng.random()
            if roll < 0.5:
                body.append(writer.paragraph(1, 5))
            elif roll < 0.66:
                body += writer.items(rng.randint(2, 7))
            elif roll < 0.8:
                body.append(writer.code())
            elif roll < 0.87:
                body.append(writer.table())
            elif roll < 0.94:
                body.append(writer.figure(writer.room * rng.uniform(0.5, 1.0)))
            else:
                quoted = f"text(fill: luma(90), {writer.paragraph(1, 2)})"
                body.append(box(quoted, stroke="(left: 3pt + luma(200))", inset="(left: 10pt, y: 2pt)"))
    if rng.random() < 0.25:
        return writer, writer.source(writer.page(), body)
    when = quote(f"{words.date()}, {rng.randint(0, 23)}:{rng.randint(0, 59):02d}")
    header = writer.running("page_header", (when, None, quote(name[:60])), "none", 0.7)
    footer = writer.running("page_footer", (quote(words.url()), None, PAGE_OF_PAGES), "none", 0.7)
    return writer, writer.source(writer.page(header, footer), body)
