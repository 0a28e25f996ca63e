"""Scientific papers: two columns as conferences have them, one column as preprints and working papers."""

from __future__ import annotations

import random
from typing import Final

from .. import labels
from ..blocks import address, algorithm, stamp, theorem
from ..markup import (
    BOLD,
    ITALIC,
    PAGE_NUMBER,
    PAGE_OF_PAGES,
    block,
    box,
    call,
    em,
    emph,
    pile,
    quote,
    side_by_side,
    strong,
)
from ..pool import Pool
from ..splits import Split
from ..style import Style, sample
from ..writer import Writer, not_first, odd_even

LATEX: Final = ("New Computer Modern", "Latin Modern Roman", "CMU Serif")
TIMES: Final = ("Liberation Serif", "TeX Gyre Termes")
OTHERS: Final = ("Libertinus Serif", "TeX Gyre Pagella")


def two_columns(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A conference paper: title and authors over both columns, floats at the top of pages, references at the end."""
    style = sample(
        split,
        rng,
        columns=2,
        kinds=("serif",) if rng.random() < 0.85 else ("sans",),
        prefer=rng.choice((LATEX, TIMES, TIMES, OTHERS, ())),
        sizes=(8.3, 10.2),
        margins=(36, 62),
    )
    style.justify = rng.random() < 0.92
    style.pitch = rng.uniform(1.12, 1.25) + max(0.0, style.body.height - 1.0) * 0.5
    if rng.random() < 0.8:
        style.indent, style.spacing = rng.uniform(0.9, 1.6), rng.uniform(0, 0.05)
    style.code_size = rng.uniform(0.7, 0.85)
    _headings(rng, style)
    writer = Writer(style, rng, pool)
    front = f'place(top, scope: "parent", float: true, clearance: 1.4em, {_front(writer)})'
    body = [front, *_abstract(writer), *_sections(writer, rng.randint(2, 7), True), *_references(writer)]
    if rng.random() < 0.25:
        body.insert(1, _rights(writer))
    return writer, writer.source(_page(writer), body, rng.choice((1, 1, 1, rng.randint(2, 900))))


def article(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A preprint in one column."""
    style = sample(
        split,
        rng,
        kinds=("serif",) if rng.random() < 0.85 else ("sans",),
        prefer=rng.choice((LATEX, LATEX, TIMES, OTHERS, ())),
        sizes=(9.5, 12),
        margins=(62, 125),
    )
    style.justify = rng.random() < 0.9
    _headings(rng, style)
    if rng.random() < 0.12:
        style.pitch *= rng.uniform(1.25, 1.6)  # for reviewers
    writer = Writer(style, rng, pool)
    floats = rng.random() < 0.7
    body = [_front(writer), *_abstract(writer), *_sections(writer, rng.randint(2, 5), floats), *_references(writer)]
    page = _page(writer)
    if rng.random() < 0.08:  # for reviewers too
        number = 'n => text(size: 7pt, fill: luma(120), el("nothing:l", str(n)))'
        page += f"\n#set par.line(numbering: {number})"
    return writer, writer.source(page, body)


def _headings(rng: random.Random, style: Style) -> None:
    numbered, plain = rng.random() < 0.8, rng.random() < 0.8
    sizes = ((1.2, 1.2, 1.45), (1.0, 1.1, 1.2), (1.0, 1.0, 1.0))
    for level, look in enumerate(style.heads):
        look.numbered, look.mark = numbered, "none"
        look.ink = "black" if rng.random() < 0.9 else style.accent
        look.size = rng.choice(sizes[level]) if plain else look.size


def _front(writer: Writer) -> str:
    """Title, authors, affiliations, date."""
    rng, words, style = writer.rng, writer.words, writer.style
    align = "center" if rng.random() < 0.85 else "start"
    title = writer.line(
        "title",
        quote(words.headline(4, 14)),
        align,
        size=em(rng.uniform(1.5, 2.3)),
        weight=rng.choice((BOLD, BOLD, '"regular"')),
        hyphenate="false",
    )
    parts = [f"text({style.heading.typst()}, pitched(1.2em, {title}))"]
    names = [words.name() for _ in range(rng.randint(1, 6))]
    if rng.random() < 0.4 and len(names) > 1:
        cells = []
        for name in names[:4]:
            facts = (name, words.company(), words.city(), words.email())[: rng.randint(2, 4)]
            cells.append(f"align({align}, {address(writer, *facts)})")
        parts.append(side_by_side(f"(1fr,) * {min(len(cells), rng.choice((2, 3, 4)))}", *cells, gutter="10pt"))
    else:
        marks = [f"{quote(name)} + super({quote(str(rng.randint(1, 3)))})" for name in names]
        parts.append(writer.line("text", f" + {quote(', ')} + ".join(marks), align, size=em(rng.uniform(1.0, 1.2))))
        for number in range(rng.randint(0, 3)):
            place = f"super({quote(str(number + 1))}) + {quote(words.company() + ', ' + words.city())}"
            parts.append(writer.line("text", place, align, size="0.9em"))
    if rng.random() < 0.3:
        parts.append(writer.line("text", quote(words.date()), align))
    return box(pile(rng.uniform(0.7, 1.1), *parts), below="1.6em")


def _rights(writer: Writer) -> str:
    """Rights and addresses at the foot of the first column, below a rule: a footnote without a number."""
    words = writer.words
    owner = f"{words.email()}. {words.sentence(5, 20)} © {writer.rng.randint(1990, 2026)} {words.company()}."
    note = writer.p("footnote", quote(f"{words.sentence(8, 30)} {owner}"))
    note = f"text(size: 0.8em, pitched(1.2em, {note}))"
    return f"place(bottom, float: true, clearance: 1em, {pile(0.4, 'line(length: 35%, stroke: 0.4pt)', note)})"


def _abstract(writer: Writer) -> list[str]:
    rng, style, words = writer.rng, writer.style, writer.words
    if rng.random() < 0.15:
        return []
    name = writer.name(labels.ABSTRACT)
    text = writer.rich(writer.sentences(3, 8), 0)
    if rng.random() < 0.45:  # the name runs in
        lead = rng.choice((strong(name + ". "), f"strong({emph(name + '—')})", strong(name + ": ")))
        parts = [writer.p("text", f"{lead} + {text}")]
    else:
        align = rng.choice(("center", "center", "start"))
        heading = writer.line("section_header", quote(name), align, weight=BOLD, size=em(rng.uniform(1.0, 1.2)))
        parts = [f"text({style.heading.typst()}, {heading})", writer.p("text", text)]
    if rng.random() < 0.4:
        label = rng.choice(("Keywords", "Index Terms", words.phrase(1, 1))) + ": "
        keys = ", ".join(words.phrase(1, 2) for _ in range(rng.randint(3, 6)))
        parts.append(writer.p("text", f"{strong(label)} + {quote(keys)}"))
    narrow = style.columns == 1 and rng.random() < 0.7
    body = call(
        "text",
        pile(0.6, *parts),
        size=em(rng.choice((0.9, 0.9, 1.0))),
        weight=BOLD if rng.random() < 0.12 else None,
    )
    return [box(body, inset=f"(x: {em(rng.uniform(1.5, 4))})" if narrow else None, below="1.4em")]


def _sections(writer: Writer, count: int, floats: bool) -> list[str]:
    """Sections of text with formulas, lists, code, theorems, algorithms, floats and footnotes in them."""
    rng = writer.rng
    mathematical = rng.choice((0.1, 0.3, 0.55))
    listings = rng.choice((0.0, 0.05, 0.25))
    theorems = rng.choice((0.0, 0.0, 0.15))
    algorithms = rng.choice((0.0, 0.06))
    body: list[str] = []
    for _ in range(count):
        body.append(writer.heading(0))
        for part in range(rng.randint(1, 3)):
            if part or rng.random() < 0.25:
                body.append(writer.heading(1 if rng.random() < 0.8 else 2))
            for _ in range(rng.randint(1, 4)):
                body.append(writer.paragraph(3, 8))
                roll = rng.random()
                if roll < mathematical:
                    body.append(writer.formula())
                    body += [writer.paragraph(1, 3)] if rng.random() < 0.7 else []
                elif roll < mathematical + 0.1:
                    body += writer.items(rng.randint(2, 5))
                elif roll < mathematical + 0.1 + listings:
                    body.append(writer.code())
                body += theorem(writer) if rng.random() < theorems else []
                body += [algorithm(writer)] if rng.random() < algorithms else []
                body += [_float(writer, floats)] if rng.random() < 0.28 else []
    return body


def _float(writer: Writer, floats: bool) -> str:
    """A figure or table at the top or bottom of a column or page, or just where it was written."""
    rng, style = writer.rng, writer.style
    wide = style.columns > 1 and rng.random() < 0.25
    room = style.width if wide else style.column
    body = (writer.table_figure if rng.random() < 0.45 else writer.figure)(room)
    if not floats and not wide:
        return body
    place = "top" if wide or rng.random() < 0.6 else rng.choice(("auto", "bottom"))
    scope = '"parent"' if wide else None
    return call("place", place, body, float="true", scope=scope, clearance=em(rng.uniform(1.2, 2.0)))


def _references(writer: Writer) -> list[str]:
    """The list of what was cited: every entry is an item."""
    rng, words = writer.rng, writer.words
    if rng.random() < 0.25:
        return []
    entries: list[str] = []
    labelled = rng.random() < 0.75
    for number in range(1, rng.randint(6, 30)):
        authors = ", ".join(words.name() for _ in range(rng.randint(1, 3)))
        pages = f"{rng.randint(1, 40)}:{rng.randint(1, 900)}–{rng.randint(901, 999)}, {rng.randint(1970, 2026)}."
        text = f"{quote(f'{authors}. {words.headline(4, 10)}. ')} + {emph(words.phrase(2, 4))} + {quote(', ' + pages)}"
        if labelled:
            entries.append(writer.item(f"[{number}]", text, hang="1.9em", gap="0.45em"))
        else:
            entries.append(writer.p("list_item", text, hanging_indent="1.2em"))
    return [writer.heading(0, writer.name(labels.REFERENCES)), f"text(size: 0.9em, {block(*entries)})"]


def _page(writer: Writer) -> str:
    """Running titles and page numbers as journals have them."""
    rng, words = writer.rng, writer.words
    number = rng.choice((PAGE_NUMBER, PAGE_NUMBER, PAGE_OF_PAGES, 'context counter(page).display("– 1 –")'))
    short, journal = quote(words.headline(3, 6)), quote(words.phrase(2, 5))
    extra = {"background": stamp(writer)} if rng.random() < 0.2 else {}
    header = "none"
    numbered = False
    if rng.random() < 0.6:
        rule = rng.choice(("none", "0.4pt"))
        how = rng.choice(({}, {"style": ITALIC}))
        if rng.random() < 0.35:
            odd = writer.running("page_header", (short, None, number), rule, 0.8, **how)
            even = writer.running("page_header", (number, None, journal), rule, 0.8, **how)
            header, numbered = odd_even(odd, even), True
        else:
            pieces = rng.choice(
                ((journal, None, short), (None, short, None), (short, None, None), (None, journal, number))
            )
            header, numbered = writer.running("page_header", pieces, rule, 0.8, **how), number in pieces
        if rng.random() < 0.6:
            header = not_first(header)
    if numbered and rng.random() < 0.85:
        return writer.page(header, **extra)
    footer = "none"
    if rng.random() < 0.85:
        pieces = rng.choice(((None, number, None), (None, number, None), (quote(words.phrase(2, 5)), None, number)))
        footer = writer.running("page_footer", pieces)
    return writer.page(header, footer, **extra)
