"""What offices send and want to have filled in: letters, invoices and forms."""

from __future__ import annotations

import random

from .. import labels
from ..blocks import address, pairs
from ..markup import BOLD, PAGE_OF_PAGES, call, em, lines, pile, pt, quote, side_by_side, strong
from ..pool import Pool
from ..splits import Split
from ..style import sample
from ..writer import Writer


def letter(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A letter: letterhead, addresses, date, subject, text, signature, small print."""
    typewritten = rng.random() < 0.12
    kinds = ("mono",) if typewritten else ("serif", "sans")
    style = sample(split, rng, kinds=kinds, sizes=(10, 12), margins=(55, 85))
    style.justify = not typewritten and rng.random() < 0.3
    style.indent, style.spacing = 0.0, rng.uniform(0.5, 1.0)
    writer = Writer(style, rng, pool)
    words = writer.words
    firm = words.company()
    body = [_letterhead(writer, firm), f"v({pt(rng.uniform(8, 40))})"]
    to = address(writer, words.name(), words.company(), *words.address())
    date = writer.line("text", quote(f"{words.city()}, {words.date()}"))
    if rng.random() < 0.5:
        body.append(side_by_side("(1fr, auto)", to, date, align="(start, end + bottom)"))
    else:
        body += [to, f"v({pt(rng.uniform(4, 20))})", f"align({rng.choice(('start', 'end'))}, {date})"]
    body.append(f"v({pt(rng.uniform(8, 26))})")
    if rng.random() < 0.75:
        body.append(writer.line("text", quote(words.headline(3, 8)), weight=BOLD))
    body.append(writer.line("text", quote(f"{words.phrase(1, 2)} {words.name()}{words.comma}")))
    for _ in range(rng.randint(3, 7)):
        body.append(writer.paragraph(1, 6))
        if rng.random() < 0.1:
            body += writer.items(rng.randint(2, 5))
        if rng.random() < 0.08:
            body.append(writer.table(rows=rng.randint(2, 5)))
    body += [writer.line("text", quote(words.phrase(2, 3) + words.comma)), f"v({pt(rng.uniform(14, 40))})"]
    if rng.random() < 0.4:
        body.append(_signature(rng))
    body.append(address(writer, words.name(), words.job()))
    if rng.random() < 0.4:
        body.append(writer.line("text", quote(f"{words.phrase(1, 1)}: {words.phrase(1, 4)}"), size="0.9em"))
    return writer, writer.source(writer.page("none", _small_print(writer, firm)), body)


def _letterhead(writer: Writer, firm: str) -> str:
    rng, style, words = writer.rng, writer.style, writer.words
    ink = rng.choice(("black", style.accent))
    name = writer.line("text", quote(firm), size=em(rng.uniform(1.2, 2.0)), weight=BOLD, fill=ink)
    head = pile(0.7, name, address(writer, *words.address(), words.phone(), words.email(), size="0.85em"))
    if rng.random() < 0.4:
        mark = writer.logo(110, 50)
        head = side_by_side("(auto, 1fr)", mark, head, gutter="14pt", align="(start + horizon, end)")
    else:
        head = f"align({rng.choice(('start', 'end', 'center'))}, {head})"
    if rng.random() < 0.4:
        head += f"\nline(length: 100%, stroke: {rng.choice(('0.5pt', '1.5pt'))} + {style.accent})"
    return head


def _small_print(writer: Writer, firm: str) -> str:
    """A footer in two or three columns, or in one line."""
    rng, words = writer.rng, writer.words
    if rng.random() < 0.2:
        return "none"
    if rng.random() < 0.25:
        line = quote(f"{firm} · {words.phone()} · {words.url()}")
        return writer.running("page_footer", (None, line, None), "none", 0.7)
    cells = []
    for _ in range(rng.randint(2, 3)):
        facts = (words.company(), words.phone(), words.email(), words.url())[: rng.randint(2, 4)]
        cells.append(f"par(el({writer.id('page_footer')}, {lines(*facts)}))")
    body = side_by_side(f"(1fr,) * {len(cells)}", *cells, gutter="8pt")
    return f"text(size: 7pt, fill: luma(80), pitched(1.3em, {body}))"


def _signature(rng: random.Random) -> str:
    """A scrawl of ink, which has no class."""
    points = [f"({pt(6 * step + rng.uniform(0, 10))}, {pt(rng.uniform(0, 24))})" for step in range(rng.randint(8, 18))]
    strokes = [f"curve.quad({first}, {second})" for first, second in zip(points[1::2], points[2::2], strict=False)]
    ink = rng.choice(("rgb(20, 30, 120)", "black"))
    return call("curve", f"curve.move({points[0]})", *strokes, stroke=f"(paint: {ink}, thickness: 1pt)")


def invoice(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """An invoice, order or receipt: who to whom, a table of positions, sums, conditions."""
    style = sample(split, rng, kinds=("sans", "sans", "serif"), sizes=(8.5, 11), margins=(40, 70))
    style.justify, style.indent, style.spacing = False, 0.0, rng.uniform(0.3, 0.7)
    writer = Writer(style, rng, pool)
    words = writer.words
    name = writer.name(labels.INVOICE)
    size, ink = em(rng.uniform(1.6, 3)), rng.choice(("black", style.accent))
    title = writer.line("title", quote(name.upper() if rng.random() < 0.4 else name), size=size, weight=BOLD, fill=ink)
    sender = address(writer, words.company(), *words.address(), words.phone(), size="0.9em")
    pair = [writer.logo(130, 55) if rng.random() < 0.7 else sender, title]
    rng.shuffle(pair)
    body = [side_by_side("(1fr, auto)", *pair, align="(start + horizon, end + horizon)"), _space(rng)]
    receiver = address(writer, words.name(), words.company(), *words.address())
    if rng.random() < 0.5:
        receiver = pile(0.6, writer.line("section_header", quote(words.phrase(1, 2)), weight=BOLD), receiver)
    values = (words.date(), str(rng.randint(1000, 999999)), words.name())
    entries = [f"{words.phrase(1, 2)}: {rng.choice(values)}" for _ in range(rng.randint(2, 5))]
    facts = address(writer, *entries) if rng.random() < 0.6 else pairs(writer, entries)
    body += [side_by_side("(1fr, auto)", receiver, facts, gutter="20pt"), _space(rng)]
    if rng.random() < 0.5:
        body.append(writer.paragraph(1, 2))
    body.append(writer.table(rows=rng.randint(2, 14), columns=rng.randint(4, 7)))
    if rng.random() < 0.8:
        count = rng.randint(1, 4)
        sums = [f"{words.phrase(1, 2)}: {rng.randint(1, 9999)}.{rng.randint(0, 99):02d}" for _ in range(count)]
        body.append(f"align(end, {pairs(writer, sums, bold_last=True)})")
    body.append(_space(rng))
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.4:
            body.append(writer.heading(2))
        body.append(writer.paragraph(1, 3))
    if rng.random() < 0.3:
        body += writer.items(rng.randint(2, 4))
    if rng.random() < 0.4:
        body += [_space(rng), *_fields(writer)]
    who = (quote(words.company()), quote(words.email()), quote(words.phone()))
    page = (None, f"{quote(words.phrase(1, 1) + ' ')} + {PAGE_OF_PAGES}", None)
    footer = writer.running("page_footer", rng.choice((who, page)), rng.choice(("none", "0.5pt")), 0.78)
    return writer, writer.source(writer.page("none", footer if rng.random() < 0.75 else "none"), body)


def _space(rng: random.Random) -> str:
    return f"v({pt(rng.uniform(8, 24))})"


def _fields(writer: Writer) -> list[str]:
    """Places to fill in: a label with a line or a box behind it, or a box to tick before it."""
    rng, words = writer.rng, writer.words
    dotted = 'line(length: 100%, stroke: (thickness: 0.6pt, dash: "dotted"))'
    blanks = ("line(length: 100%, stroke: 0.5pt)", dotted, "rect(width: 100%, height: 1.3em, stroke: 0.5pt)")
    blank = rng.choice(blanks)
    parts = []
    for _ in range(rng.randint(2, 6)):
        if rng.random() < 0.3:
            tick = "box(width: 0.8em, height: 0.8em, stroke: 0.6pt, baseline: 0.1em)"
            label = writer.line("text", quote(words.phrase(2, 6)))
            parts.append(side_by_side("(auto, 1fr)", tick, label, gutter="6pt"))
        else:
            label = writer.line("text", quote(words.phrase(1, 3) + ":"))
            parts.append(side_by_side("(auto, 1fr)", label, blank, gutter="8pt", align="bottom"))
    return [f"block(width: 100%, {part})" for part in parts]


def form(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A form to fill in by hand: sections with fields, boxes to tick, tables with empty cells, small print."""
    style = sample(split, rng, kinds=("sans", "sans", "serif"), sizes=(8.5, 11), margins=(40, 65))
    style.justify, style.indent, style.spacing = False, 0.0, rng.uniform(0.5, 0.9)
    mark = rng.choice(("band", "below", "none"))
    for look in style.heads:
        look.mark = mark
    writer = Writer(style, rng, pool)
    words = writer.words
    size, align = em(rng.uniform(1.4, 2.0)), rng.choice(("start", "center"))
    body = [writer.line("title", quote(words.headline(2, 6)), align, size=size, weight=BOLD)]
    if rng.random() < 0.7:
        body.append(writer.paragraph(1, 3))
    for _ in range(rng.randint(2, 5)):
        body.append(writer.heading(0))
        for _ in range(rng.randint(1, 2)):
            roll = rng.random()
            if roll < 0.55:
                fields = _fields(writer)
                halves = side_by_side("(1fr, 1fr)", *fields, gutter="16pt", row_gutter="8pt")
                body += [halves] if rng.random() < 0.4 else fields
            elif roll < 0.75:
                body.append(writer.table())
            else:
                body.append(writer.paragraph(1, 4))
        if rng.random() < 0.2:
            body += writer.items(rng.randint(2, 5))
    code = quote(f"{words.phrase(1, 1)} {rng.randint(10, 999)}-{rng.choice('ABCDEF')}")
    footer = writer.running("page_footer", (code, None, PAGE_OF_PAGES), "none", 0.75)
    who = (quote(words.company()), None, quote(words.date()))
    header = writer.running("page_header", who, rng.choice(("none", "0.5pt")), 0.8) if rng.random() < 0.5 else "none"
    return writer, writer.source(writer.page(header, footer), body)


def cv(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A life on a page or two: name and portrait, places to write to, years beside what was done in them."""
    style = sample(split, rng, kinds=("sans", "sans", "serif"), sizes=(9, 11), margins=(40, 70))
    style.justify, style.indent, style.spacing = False, 0.0, rng.uniform(0.3, 0.6)
    mark = rng.choice(("below", "below", "none", "band", "bar"))
    for look in style.heads:
        look.mark, look.numbered, look.align = mark if look is style.heads[0] else "none", False, "start"
        look.size = min(look.size, 1.35)
    writer = Writer(style, rng, pool)
    words = writer.words
    ink, size = rng.choice(("black", style.accent)), em(rng.uniform(1.8, 2.6))
    name = writer.line("title", quote(words.name()), size=size, weight=BOLD, fill=ink)
    facts = (words.email(), words.phone(), ", ".join(words.address()), words.url())[: rng.randint(2, 4)]
    job = writer.line("text", quote(words.job()), size="1.1em", fill="luma(80)") if rng.random() < 0.6 else ""
    apart = rng.choice(("  |  ", " · ", None))
    contact = writer.line("text", quote(apart.join(facts))) if apart else address(writer, *facts)
    head = pile(0.7, name, job, contact)
    if rng.random() < 0.4:
        head = side_by_side("(1fr, auto)", head, writer.picture(80, 100, "photo"), gutter="14pt", align="(start, end)")
    body = [head, writer.paragraph(1, 3) if rng.random() < 0.5 else ""]
    years = rng.random() < 0.55
    for _ in range(rng.randint(3, 5)):
        body.append(writer.heading(0, words.headline(1, 3)))
        for _ in range(rng.randint(1, 4)):
            body.append(_station(writer, years))
        if rng.random() < 0.3:
            body += writer.items(rng.randint(2, 5), ordered=False)
    footer = writer.running("page_footer", (None, PAGE_OF_PAGES, None), "none", 0.8) if rng.random() < 0.4 else "none"
    return writer, writer.source(writer.page("none", footer), body)


def _station(writer: Writer, years: bool) -> str:
    """A place that somebody worked or learned at, with its years to one side."""
    rng, words = writer.rng, writer.words
    first = rng.randint(1985, 2024)
    when = writer.line("text", quote(f"{first}–{first + rng.randint(1, 9)}"))
    what = writer.line("text", f"{strong(words.job())} + {quote(', ' + words.company())}")
    more = writer.items(rng.randint(1, 3), ordered=False) if rng.random() < 0.5 else [writer.paragraph(1, 2)]
    if years:
        return side_by_side("(5.5em, 1fr)", when, pile(0.45, what, *more), gutter="8pt")
    return pile(0.45, side_by_side("(1fr, auto)", what, when), *more)
