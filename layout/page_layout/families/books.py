"""Pages of books: novels and non-fiction, with chapters, running titles and dialogue."""

from __future__ import annotations

import random

from ..markup import BOLD, ITALIC, PAGE_NUMBER, em, pt, quote
from ..pool import Pool
from ..splits import Split
from ..style import sample
from ..writer import Writer, not_first, odd_even


def book(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A chapter or two: its name far down the page, then text and little else."""
    style = sample(
        split,
        rng,
        papers=("a5", "b5", "a5", "letter"),
        kinds=("serif",),
        heading_kinds=("serif", "serif", "sans"),
        sizes=(9.5, 11.5),
        margins=(45, 72),
    )
    style.justify, style.hyphenate = True, True
    style.indent, style.spacing = rng.uniform(1.0, 1.8), 0.0
    style.pitch = rng.uniform(1.22, 1.42) + max(0.0, style.body.height - 1.0) * 0.4
    learned = rng.random() < 0.5
    style.notes = rng.choice((0.15, 0.35)) if learned else 0.0
    for look in style.heads:
        look.numbered, look.mark, look.ink = learned and rng.random() < 0.3, "none", "black"
        look.align = rng.choice(("center", "start"))
    writer = Writer(style, rng, pool)
    body: list[str] = []
    for chapter in range(rng.randint(1, 2)):
        body += ["pagebreak(weak: true)"] if chapter else []
        body += _opening(writer)
        for _ in range(rng.randint(8, 26)):
            body += _learned(writer) if learned else _told(writer)
    return writer, writer.source(_page(writer), body, rng.randint(1, 400))


def _opening(writer: Writer) -> list[str]:
    """A chapter's number and name, and sometimes a motto."""
    rng, words, face = writer.rng, writer.words, writer.style.heading.typst()
    align = rng.choice(("center", "center", "start", "end"))
    body = [f"v({pt(rng.uniform(0, 110))})"]
    if rng.random() < 0.6:
        number = rng.randint(1, 20)
        name = rng.choice((str(number), f"Chapter {number}", "IV", "XII", f"{words.phrase(1, 1)} {number}"))
        line = writer.line("section_header", quote(name), align, size=em(rng.uniform(1.0, 1.6)))
        body.append(f"text({face}, {line})")
    size, weight = em(rng.uniform(1.3, 2.1)), rng.choice((BOLD, '"regular"'))
    line = writer.line("section_header", quote(words.headline(1, 6)), align, size=size, weight=weight)
    body += [f"text({face}, hyphenate: false, {line})", f"v({pt(rng.uniform(8, 50))})"]
    if rng.random() < 0.2:
        body.append(f"pad(left: 30%, text(size: 0.9em, style: {ITALIC}, {writer.paragraph(1, 1, notes=False)}))")
    return body


def _told(writer: Writer) -> list[str]:
    """A piece of a story."""
    rng, words = writer.rng, writer.words
    roll = rng.random()
    if roll < 0.25:
        begin = quote("— " if rng.random() < 0.5 else words.quotes[0])
        return [writer.p("text", f"{begin} + {writer.rich(words.tokens(rng.randint(3, 14)), 0)}", flat=False)]
    if roll < 0.28:
        return [writer.line("text", quote(rng.choice(("* * *", "⁂", "***"))), "center")]
    return [writer.paragraph(2, 9)]


def _learned(writer: Writer) -> list[str]:
    """A piece of a treatise."""
    rng = writer.rng
    roll = rng.random()
    if roll < 0.06:
        return [writer.heading(rng.choice((1, 2)))]
    if roll < 0.11:
        return [f"pad(x: 1.5em, text(size: 0.9em, {writer.paragraph(1, 4)}))"]
    if roll < 0.14:
        return writer.items(rng.randint(2, 5))
    if roll < 0.18:
        return [writer.figure(writer.room * rng.uniform(0.6, 1.0), kind=rng.choice(("photo", "drawing")))]
    return [writer.paragraph(2, 9)]


def _page(writer: Writer) -> str:
    rng, words = writer.rng, writer.words
    title, name = quote(words.headline(1, 4)), quote(words.headline(1, 4))
    size = rng.uniform(0.8, 0.95)
    dress = rng.choice(({}, {"style": ITALIC}, {"tracking": "0.08em"}))
    footer = writer.running("page_footer", (None, PAGE_NUMBER, None), "none", size)
    roll = rng.random()
    if roll < 0.4:
        odd = writer.running("page_header", (None, name, PAGE_NUMBER), "none", size, **dress)
        even = writer.running("page_header", (PAGE_NUMBER, title, None), "none", size, **dress)
        header, footer = odd_even(odd, even), "none"
    elif roll < 0.7:
        pieces = (None, rng.choice((title, name)), None)
        header = writer.running("page_header", pieces, rng.choice(("none", "0.4pt")), size, **dress)
    else:
        header = "none"
    return writer.page(not_first(header) if rng.random() < 0.6 else header, footer)
