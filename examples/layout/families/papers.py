"""Scientific papers: two columns as conferences have them, one column as preprints and working papers."""

from __future__ import annotations

import random

from ..blocks import algorithm, stamp, theorem
from ..markup import em, quote
from ..pool import Pool
from ..style import Split, Style, sample
from ..writer import Writer

LATEX = ("New Computer Modern", "Latin Modern Roman", "CMU Serif")
TIMES = ("Liberation Serif", "TeX Gyre Termes", "STIX")


def two_columns(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A conference paper: title and authors over both columns, floats at the top of pages, references at the end."""
    prefer = rng.choice((LATEX, TIMES, TIMES, ("Libertinus Serif",), ("TeX Gyre Pagella",), ()))
    style = sample(
        split,
        rng,
        columns=2,
        kinds=("serif",) if rng.random() < 0.85 else ("sans",),
        prefer=prefer,
        sizes=(8.3, 10.2),
        margins=(36, 62),
    )
    style.justify = rng.random() < 0.92
    style.pitch = rng.uniform(1.12, 1.25) + max(0.0, style.body.height - 1.0) * 0.5
    if rng.random() < 0.8:
        style.indent, style.spacing = rng.uniform(0.9, 1.6), rng.uniform(0, 0.05)
    style.code_size = rng.uniform(0.7, 0.85)
    _paper_heads(rng, style)
    writer = Writer(style, rng, pool)
    body = [_front(writer, spanning=True)]
    if rng.random() < 0.25:
        body.append(_first_note(writer))
    if rng.random() < 0.2:
        body.append(stamp(writer))
    if rng.random() < 0.85:
        body += _abstract(writer)
    body += _sections(writer, rng.randint(2, 7), floats=True)
    body += _references(writer)
    return writer, writer.source(_page(writer), body, first_page=rng.choice((1, 1, 1, rng.randint(2, 900))))


def article(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A preprint in one column."""
    prefer = rng.choice((LATEX, LATEX, TIMES, ("Libertinus Serif", "TeX Gyre Pagella"), ()))
    style = sample(
        split,
        rng,
        kinds=("serif",) if rng.random() < 0.85 else ("sans",),
        prefer=prefer,
        sizes=(9.5, 12),
        margins=(62, 125),
    )
    style.justify = rng.random() < 0.9
    _paper_heads(rng, style)
    if rng.random() < 0.12:
        style.pitch *= rng.uniform(1.25, 1.6)  # for reviewers
    writer = Writer(style, rng, pool)
    body = [_front(writer, spanning=False)]
    if rng.random() < 0.25:
        body.insert(0, stamp(writer))
    if rng.random() < 0.85:
        body += _abstract(writer)
    body += _sections(writer, rng.randint(2, 5), floats=rng.random() < 0.7)
    body += _references(writer)
    page = _page(writer)
    if rng.random() < 0.08:  # line numbers for reviewers
        page += '\n#set par.line(numbering: n => text(size: 7pt, fill: luma(120), el("nothing:l", str(n))))'
    return writer, writer.source(page, body)


def _paper_heads(rng: random.Random, style: Style) -> None:
    numbered = rng.random() < 0.8
    for level, look in enumerate(style.heads):
        look.numbered = numbered
        look.ink = "black" if rng.random() < 0.9 else style.accent
        look.size = (
            rng.choice(((1.2, 1.2, 1.45), (1.0, 1.1, 1.2), (1.0, 1.0, 1.0)))[2 - level]
            if rng.random() < 0.8
            else look.size
        )
        look.mark = "none"


def _front(writer: Writer, spanning: bool) -> str:
    """Title, authors, affiliations, date."""
    rng, words, style = writer.rng, writer.words, writer.style
    align = "center" if rng.random() < 0.85 else "start"
    size = rng.uniform(1.5, 2.3)
    weight = rng.choice(('"bold"', '"bold"', '"regular"'))
    face = style.heading.typst()
    parts = [
        f"align({align}, text({face}, size: {em(size)}, weight: {weight}, hyphenate: false, pitched(1.2em, "
        f"p({writer.id('title')}, {quote(words.headline(4, 14))}, justify: false))))"
    ]
    authors = [words.name() for _ in range(rng.randint(1, 6))]
    layout = rng.random()
    if layout < 0.4 and len(authors) > 1:
        cells = []
        for name in authors[:4]:
            lines = [name, words.company(), words.city(), words.email()][: rng.randint(2, 4)]
            text = " + linebreak() + ".join(quote(line) for line in lines)
            cells.append(f"align({align}, p({writer.id('text')}, {text}, justify: false))")
        parts.append(
            f"grid(columns: (1fr,) * {min(len(cells), rng.choice((2, 3, 4)))}, gutter: 10pt, {', '.join(cells)})"
        )
    else:
        names = " + ".join(
            f"{quote(name)} + super({quote(str(rng.randint(1, 3)))})"
            + (f" + {quote(', ')}" if index < len(authors) - 1 else "")
            for index, name in enumerate(authors)
        )
        parts.append(writer.line("text", names, align=align, size=em(rng.uniform(1.0, 1.2))))
        for number in range(rng.randint(0, 3)):
            parts.append(
                writer.line(
                    "text",
                    f"super({quote(str(number + 1))}) + {quote(words.company() + ', ' + words.city())}",
                    align=align,
                    size=em(0.9),
                )
            )
    if rng.random() < 0.3:
        parts.append(writer.line("text", quote(words.date()), align=align))
    gap = rng.uniform(0.5, 1.1)
    body = (
        f"block(width: 100%, below: {em(1.6)}, {{ set par(spacing: {em(gap)}, first-line-indent: 0pt)\nset block(spacing: {em(gap)})\n"
        + "\n".join(parts)
        + "\n})"
    )
    return f'place(top, scope: "parent", float: true, clearance: 1.4em, {body})' if spanning else body


def _first_note(writer: Writer) -> str:
    """Rights and addresses at the foot of the first column, below a rule: a footnote without a number."""
    words = writer.words
    text = quote(
        f"{words.sentence(8, 30)} {words.email()}. {words.sentence(5, 20)} © {writer.rng.randint(1990, 2026)} {words.company()}."
    )
    note = f"text(size: 0.8em, pitched(1.2em, p({writer.id('footnote')}, {text}, first-line-indent: 0pt)))"
    return f"place(bottom, float: true, clearance: 1em, block(width: 100%, {{ set block(spacing: 4pt)\nset par(spacing: 4pt)\nline(length: 35%, stroke: 0.4pt)\n{note} }}))"


def _abstract(writer: Writer) -> list[str]:
    rng, style, words = writer.rng, writer.style, writer.words
    name = {"en": "Abstract", "de": "Zusammenfassung", "fr": "Résumé", "es": "Resumen", "pt": "Resumo"}.get(
        style.language.code
    ) or words.phrase(1, 1)
    tokens = writer.sentences(3, 8)
    size = rng.choice((0.9, 0.9, 1.0))
    weight = ', weight: "bold"' if rng.random() < 0.15 else ""
    text = writer.rich(tokens, 0)
    parts = []
    if rng.random() < 0.45:  # the name runs in
        lead = rng.choice(
            (f"strong({quote(name + '. ')})", f"strong(emph({quote(name + '—')}))", f"strong({quote(name + ': ')})")
        )
        parts.append(f"p({writer.id('text')}, {lead} + {text}, first-line-indent: 0pt)")
    else:
        align = rng.choice(("center", "center", "start"))
        parts.append(
            f'align({align}, text({style.heading.typst()}, weight: "bold", size: {em(rng.uniform(1.0, 1.2))}, p({writer.id("section_header")}, {quote(name)}, first-line-indent: 0pt)))'
        )
        parts.append(f"p({writer.id('text')}, {text}, first-line-indent: 0pt)")
    if rng.random() < 0.4:
        keys = ", ".join(words.phrase(1, 2) for _ in range(rng.randint(3, 6)))
        parts.append(
            f"p({writer.id('text')}, strong({quote(rng.choice(('Keywords', 'Index Terms', words.phrase(1, 1))) + ': ')}) + {quote(keys)}, first-line-indent: 0pt)"
        )
    narrow = f"inset: (x: {em(rng.uniform(1.5, 4))}), " if style.columns == 1 and rng.random() < 0.7 else ""
    return [
        f"block({narrow}width: 100%, below: 1.4em, text(size: {em(size)}{weight}, {{ set par(spacing: 0.6em)\n"
        + "\n".join(parts)
        + "\n}))"
    ]


def _sections(writer: Writer, count: int, floats: bool) -> list[str]:
    """Sections of text with formulas, lists, code, floats and footnotes in them."""
    rng, style = writer.rng, writer.style
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
                    if rng.random() < 0.7:
                        body.append(writer.paragraph(1, 3))
                elif roll < mathematical + 0.1:
                    body += writer.items(rng.randint(2, 5))
                elif roll < mathematical + 0.1 + listings:
                    body.append(writer.code())
                if rng.random() < theorems:
                    body += theorem(writer)
                if rng.random() < algorithms:
                    body.append(algorithm(writer))
                if rng.random() < 0.28:
                    body.append(_float(writer, floats))
    return body


def _float(writer: Writer, floats: bool) -> str:
    rng, style = writer.rng, writer.style
    wide = style.columns > 1 and rng.random() < 0.25
    room = style.width if wide else style.column
    make = writer.table_figure if rng.random() < 0.45 else writer.figure
    if not floats and not wide:
        return make(room)
    scope = ', scope: "parent"' if wide else ""
    place = "top" if wide or rng.random() < 0.6 else rng.choice(("auto", "bottom"))
    return f"place({place}, float: true{scope}, clearance: {em(rng.uniform(1.2, 2.0))}, {make(room)})"


def _references(writer: Writer) -> list[str]:
    """The list of what was cited: every entry is an item."""
    rng, words, style = writer.rng, writer.words, writer.style
    if rng.random() < 0.25:
        return []
    name = {"en": "References", "de": "Literatur", "fr": "Références", "es": "Referencias"}.get(
        style.language.code
    ) or words.phrase(1, 2)
    body = [writer.heading(0, name)]
    labelled = rng.random() < 0.75
    for number in range(1, rng.randint(6, 30)):
        authors = ", ".join(words.name() for _ in range(rng.randint(1, 3)))
        text = f"{quote(authors + '. ' + words.headline(4, 10) + '. ')} + emph({quote(words.phrase(2, 4))}) + {quote(f', {rng.randint(1, 40)}:{rng.randint(1, 900)}–{rng.randint(901, 999)}, {rng.randint(1970, 2026)}.')}"
        if labelled:
            body.append(
                f"text(size: 0.9em, item({writer.id('list_item')}, {quote(f'[{number}]')}, {text}, hang: 1.9em, gap: {em(0.45)}))"
            )
        else:
            body.append(
                f"text(size: 0.9em, p({writer.id('list_item')}, {text}, hanging-indent: 1.2em, first-line-indent: 0pt))"
            )
    return body


def _page(writer: Writer) -> str:
    """Running titles and page numbers as journals have them."""
    rng, words = writer.rng, writer.words
    number = rng.choice(
        (
            "counter(page).display()",
            "counter(page).display()",
            'counter(page).display("– 1 –")',
            'counter(page).display("1/1", both: true)',
        )
    )
    number = f"context {number}"
    header = footer = "none"
    if rng.random() < 0.6:
        short, journal = quote(words.headline(3, 6)), quote(words.phrase(2, 5))
        rule = rng.choice(("none", "0.4pt"))
        style = rng.choice(({}, {"style": '"italic"'}))
        odd = writer.running("page_header", (short, None, number), rule, 0.8, **style)
        even = writer.running("page_header", (number, None, journal), rule, 0.8, **style)
        plain = writer.running(
            "page_header",
            rng.choice(((journal, None, short), (None, short, None), (short, None, None), (None, journal, number))),
            rule,
            0.8,
            **style,
        )
        header = rng.choice((f"context if calc.odd(here().page()) {{ {odd} }} else {{ {even} }}", plain, plain))
        if rng.random() < 0.6:
            header = f"context if here().page() > 1 {{ {header.removeprefix('context ')} }}"
        if header.count("counter(page)") and rng.random() < 0.85:
            return writer.page(header, "none")
    if rng.random() < 0.85:
        footer = writer.running(
            "page_footer",
            rng.choice(((None, number, None), (None, number, None), (quote(words.phrase(2, 5)), None, number))),
            "none",
            0.85,
        )
    return writer.page(header, footer)
