"""Pages of books: novels and non-fiction, with chapters, running titles and dialogue."""

from __future__ import annotations

import random

from ..markup import em, pt, quote
from ..pool import Pool
from ..style import Split, sample
from ..writer import Writer


def book(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A chapter: its name far down the page, then text and little else."""
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
    style.notes = rng.choice((0.1, 0.25)) if learned else 0.0
    for look in style.heads:
        look.numbered, look.mark, look.ink = learned and rng.random() < 0.3, "none", "black"
        look.align = rng.choice(("center", "start"))
    writer = Writer(style, rng, pool)
    words = writer.words
    body: list[str] = []
    for chapter in range(rng.randint(1, 2)):
        if chapter:
            body.append("pagebreak(weak: true)")
        body.append(f"v({pt(rng.uniform(0, 110))})")
        align = rng.choice(("center", "center", "start", "end"))
        if rng.random() < 0.6:
            body.append(
                f"text({style.heading.typst()}, {writer.line('section_header', quote(rng.choice((str(chapter + rng.randint(1, 20)), 'Chapter ' + str(chapter + 1), 'IV', 'XII', words.phrase(1, 1) + ' ' + str(rng.randint(1, 20))))), size=em(rng.uniform(1.0, 1.6)), align=align)})"
            )
        body.append(
            f"text({style.heading.typst()}, hyphenate: false, {writer.line('section_header', quote(words.headline(1, 6)), size=em(rng.uniform(1.3, 2.1)), align=align, weight=rng.choice((chr(34) + 'bold' + chr(34), chr(34) + 'regular' + chr(34))))})"
        )
        body.append(f"v({pt(rng.uniform(8, 50))})")
        if rng.random() < 0.2:  # a motto
            body.append(f'pad(left: 30%, text(size: 0.9em, style: "italic", {writer.paragraph(1, 1, notes=False)}))')
        for _ in range(rng.randint(8, 26)):
            roll = rng.random()
            if roll < 0.25 and not learned:
                body.append(
                    f"p({writer.id('text')}, {quote('— ' if rng.random() < 0.5 else words.quotes[0])} + {writer.rich(words.tokens(rng.randint(3, 14)), 0)})"
                )
            elif roll < 0.28:
                body.append(writer.line("text", quote(rng.choice(("* * *", "⁂", "***"))), align="center"))
            elif roll < 0.33 and learned:
                body.append(writer.heading(rng.choice((1, 2))))
            elif roll < 0.37 and learned:
                body.append(f"pad(x: 1.5em, text(size: 0.9em, {writer.paragraph(1, 4)}))")
            elif roll < 0.40 and learned:
                body += writer.items(rng.randint(2, 5))
            elif roll < 0.43 and learned:
                body.append(writer.figure(writer.room * rng.uniform(0.6, 1.0), kind=rng.choice(("photo", "drawing"))))
            else:
                body.append(writer.paragraph(2, 9))
    number = "context counter(page).display()"
    title, name = quote(words.headline(1, 4)), quote(words.headline(1, 4))
    kind = rng.random()
    size = rng.uniform(0.8, 0.95)
    dress = rng.choice(({}, {"style": '"italic"'}, {"tracking": "0.08em"}))
    if kind < 0.4:
        odd = writer.running("page_header", (None, name, number), "none", size, **dress)
        even = writer.running("page_header", (number, title, None), "none", size, **dress)
        header = f"context if calc.odd(here().page()) {{ {odd} }} else {{ {even} }}"
        footer = "none"
    elif kind < 0.7:
        header = writer.running(
            "page_header", (None, rng.choice((title, name)), None), rng.choice(("none", "0.4pt")), size, **dress
        )
        footer = writer.running("page_footer", (None, number, None), "none", size)
    else:
        header, footer = "none", writer.running("page_footer", (None, number, None), "none", size)
    if header != "none" and rng.random() < 0.6:
        header = f"context if here().page() > 1 {{ {header.removeprefix('context ')} }}"
    return writer, writer.source(writer.page(header, footer), body, rng.randint(1, 400))
