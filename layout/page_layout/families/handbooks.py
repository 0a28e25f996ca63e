"""Handbooks: DocBook through a formatter, Texinfo through TeX, and textbooks with notes in the margin."""

from __future__ import annotations

import random

from .. import labels
from ..listings import identifier
from ..markup import BOLD, ITALIC, PAGE_NUMBER, block, box, call, em, emph, pile, pt, quote, side_by_side, strong
from ..pool import Pool
from ..splits import Split
from ..style import sample
from ..writer import Writer, not_first, odd_even


def docbook(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """Bold sans headings without colour, examples with titles, notes with a sign beside them, terms with meanings."""
    style = sample(
        split, rng, kinds=("serif", "serif", "sans"), heading_kinds=("sans",), sizes=(9, 11), margins=(55, 90)
    )
    style.indent, style.spacing = 0.0, rng.uniform(0.5, 0.8)
    style.justify = rng.random() < 0.6
    style.caption_above, style.picture_caption_above, style.caption_label = True, True, "strong"
    style.caption_separator, style.caption_align, style.caption_size = ". ", "start", 1.0
    style.code_fill, style.code_stroke = rng.choice(((None, None), ("luma(240)", None), ("luma(238)", "0.5pt")))
    style.emphasis = rng.uniform(0.01, 0.05)
    for level, look in enumerate(style.heads):
        look.weight, look.mark, look.align, look.case, look.ink = "bold", "none", "start", "none", "black"
        look.size, look.italic = (2.0, 1.55, 1.2)[level], False
    side = rng.choice((0.0, 0.0, 36.0, 48.0))  # some set the text in, and the headings not
    writer = Writer(style, rng, pool)
    words = writer.words
    writer.room -= side
    body: list[str] = []
    chapter = words.headline(1, 5)
    if rng.random() < 0.4:
        body.append(_book_title(writer))
    elif rng.random() < 0.6:
        name = quote(f"Chapter {rng.randint(1, 20)}. {chapter}" if rng.random() < 0.7 else chapter)
        line = writer.line("section_header", name, size=em(rng.uniform(2.0, 2.5)), weight=BOLD)
        body.append(box(f"set text({style.heading.typst()})", line, below="1.6em"))
    for _ in range(rng.randint(3, 6)):
        body.append(writer.heading(rng.choice((0, 1, 1, 2))))
        parts: list[str] = []
        for _ in range(rng.randint(1, 5)):
            parts += _docbook_piece(writer)
        body.append(f"pad(left: {pt(side)}, {block(*parts)})" if side else block(*parts))
    rule = rng.choice(("none", "0.5pt"))
    header = writer.running("page_header", (None, quote(chapter), None), rule, 0.9)
    if rng.random() < 0.5:
        odd = writer.running("page_footer", (None, None, PAGE_NUMBER), rule, 0.9)
        footer = odd_even(odd, writer.running("page_footer", (PAGE_NUMBER, None, None), rule, 0.9))
    else:
        footer = writer.running("page_footer", (None, PAGE_NUMBER, None), rule, 0.9)
    return writer, writer.source(writer.page(not_first(header), footer), body, rng.randint(1, 200))


def _book_title(writer: Writer) -> str:
    """The name of a whole handbook with its edition and authors, as on a short one's first page."""
    rng, words = writer.rng, writer.words
    align = rng.choice(("start", "start", "center"))
    size, ink = em(rng.uniform(2.0, 3.0)), rng.choice(("black", writer.style.accent))
    title = writer.line(
        "title", quote(words.headline(1, 6)), align, size=size, weight=BOLD, fill=ink, hyphenate="false"
    )
    edition = quote(f"{words.phrase(1, 2)} {rng.randint(0, 9)}.{rng.randint(0, 20)}, {words.date()}")
    facts = [writer.line("text", edition, align), writer.line("text", quote(words.name()), align, weight=BOLD)]
    dress = f"set text({writer.style.heading.typst()})"
    return box(dress, pile(rng.uniform(0.7, 1.0), title, *facts[: rng.randint(0, 2)]), below="2.2em")


def _docbook_piece(writer: Writer) -> list[str]:
    rng, words = writer.rng, writer.words
    roll = rng.random()
    if roll < 0.35:
        return [writer.paragraph(1, 5)]
    if roll < 0.5:
        return [writer.paragraph(1, 2), writer.code()]
    if roll < 0.6:
        return [_signed_note(writer)]
    if roll < 0.72:
        pairs = []
        for _ in range(rng.randint(2, 4)):
            term = rng.choice((f"raw({quote(identifier(rng))})", emph(words.phrase(1, 2)), strong(words.phrase(1, 2))))
            pairs += [writer.line("text", term), f"pad(left: 24pt, {writer.paragraph(1, 2)})"]
        return pairs
    if roll < 0.86:
        return [writer.paragraph(1, 1), *writer.items(rng.randint(2, 6))]
    return [writer.table_figure()] if roll < 0.94 else [writer.figure(kind=rng.choice(("drawing", "photo")))]


def _signed_note(writer: Writer) -> str:
    """A note with a sign to its left, which has no class: nobody reads it."""
    rng = writer.rng
    sign = rng.choice(
        (
            'circle(radius: 10pt, stroke: 1.2pt, inset: 0pt, align(center + horizon, el("nothing:i", strong("i"))))',
            "polygon(stroke: 1.2pt, (10pt, 0pt), (20pt, 18pt), (0pt, 18pt))",
            "rect(width: 18pt, height: 18pt, radius: 3pt, fill: luma(160))",
        )
    )
    name = writer.line("text", strong(writer.name(labels.NOTE)), size="1.1em")
    cells = (f"block({sign})", pile(0.6, name, writer.paragraph(1, 3, notes=False)))
    return box(side_by_side("(auto, 1fr)", *cells, gutter="14pt"), breakable="false", inset="(left: 12pt, y: 4pt)")


def texinfo(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A manual as TeX sets Texinfo: definitions of functions, examples set in, a running chapter with the page."""
    prefer = ("New Computer Modern", "CMU Serif", "Latin Modern Roman")
    style = sample(split, rng, kinds=("serif",), prefer=prefer, sizes=(9.5, 11.5), margins=(60, 95))
    style.justify, style.hyphenate = True, True
    if rng.random() < 0.6:
        style.indent, style.spacing = rng.uniform(1.0, 1.5), rng.uniform(0.2, 0.5)
    style.code_fill = style.code_stroke = None
    style.code_size, style.code_colour = rng.uniform(0.85, 1.0), False
    style.emphasis = rng.uniform(0.01, 0.05)
    numbered = rng.random() < 0.85
    for level, look in enumerate(style.heads):
        look.face, look.weight, look.mark, look.align, look.case = style.body, "bold", "none", "start", "none"
        look.size, look.numbered, look.ink, look.italic = (1.75, 1.4, 1.15)[level], numbered, "black", False
    writer = Writer(style, rng, pool)
    words = writer.words
    chapter = words.headline(1, 4)
    body = [_book_title(writer)] if rng.random() < 0.35 else []
    body += [writer.heading(0, chapter)] if rng.random() < 0.6 else []
    for _ in range(rng.randint(3, 6)):
        body.append(writer.heading(rng.choice((1, 1, 2))))
        for _ in range(rng.randint(1, 5)):
            roll = rng.random()
            if roll < 0.4:
                body.append(writer.paragraph(1, 6))
            elif roll < 0.6:
                body.append(writer.paragraph(1, 2))
                writer.room -= 30
                body.append(f"pad(left: 30pt, {writer.code()})")
                writer.room += 30
            elif roll < 0.8:
                body += _definition(writer)
            elif roll < 0.92:
                body += writer.items(rng.randint(2, 6))
            else:
                body.append(writer.table())
    head = quote(f"Chapter {rng.randint(1, 30)}: {chapter}")
    header = writer.running("page_header", (head, None, PAGE_NUMBER), "none", 0.95)
    title = writer.running("page_header", (PAGE_NUMBER, None, quote(words.headline(2, 4))), "none", 0.95)
    header = odd_even(header, title) if rng.random() < 0.4 else header
    return writer, writer.source(writer.page(header), body, rng.randint(1, 300))


def _definition(writer: Writer) -> list[str]:
    """What is defined to the left, what it is to the right, and its meaning set in."""
    rng = writer.rng
    name = identifier(rng).strip("()-")
    arguments = " ".join(identifier(rng).strip("()-").split(".")[0] for _ in range(rng.randint(0, 3)))
    kind = rng.choice(("[Function]", "[Variable]", "[Command]", "[Option]"))
    line = f"strong(raw({quote(name)})) + {quote(' ')} + {emph(arguments)} + h(1fr) + {quote(kind)}"
    meaning = [writer.paragraph(1, 3)] + ([writer.paragraph(1, 2)] if rng.random() < 0.3 else [])
    return [writer.p("text", line, justify="false"), f"pad(left: 30pt, {block(*meaning)})"]


def textbook(split: Split, rng: random.Random, pool: Pool) -> tuple[Writer, str]:
    """A schoolbook: coloured boxes for what is to be learned, notes in a wide margin, pictures, tasks at the end."""
    style = sample(split, rng, papers=("a4", "letter", "b5"), sizes=(9.5, 11.5), margins=(45, 65))
    style.spacing = max(style.spacing, 0.1)
    margin = rng.choice((0.0, 110.0, 140.0))
    left, right, top, bottom = style.margin
    style.margin = (left, right + margin, top, bottom)
    for look in style.heads:
        look.ink = style.accent
    writer = Writer(style, rng, pool)
    words = writer.words
    body = [_book_title(writer)] if rng.random() < 0.35 else []
    body.append(writer.heading(0))
    for _ in range(rng.randint(3, 6)):
        for _ in range(rng.randint(2, 5)):
            roll = rng.random()
            if margin and rng.random() < 0.3:
                body.append(_with_margin_note(writer, margin))
            elif roll < 0.5:
                body.append(writer.paragraph(2, 6))
            elif roll < 0.65:
                body.append(_lesson(writer))
            elif roll < 0.78:
                body.append(writer.figure(writer.room * rng.uniform(0.6, 1.0)))
            elif roll < 0.86:
                body.append(writer.formula())
            elif roll < 0.92:
                body.append(writer.table_figure())
            else:
                body += writer.items(rng.randint(2, 4))
        body.append(writer.heading(rng.choice((0, 1, 1))))
    body += [writer.paragraph(1, 1), *writer.items(rng.randint(3, 7), ordered=True)]
    name = quote(words.headline(1, 4))
    footer = writer.running(
        "page_footer", rng.choice(((PAGE_NUMBER, None, name), (None, None, PAGE_NUMBER))), "none", 0.9
    )
    header = (
        writer.running("page_header", (name, None, None), f"1pt + {style.accent}") if rng.random() < 0.4 else "none"
    )
    return writer, writer.source(writer.page(header, footer), body, rng.randint(1, 250))


def _with_margin_note(writer: Writer, width: float) -> str:
    """A paragraph with a few words beside it."""
    rng, style = writer.rng, writer.style
    text = writer.paragraph(3, 6)
    if style.language.right_to_left:
        return text
    room = width - 30
    words = writer.rich(writer.words.tokens(rng.randint(3, 11)), 0)
    slant = ITALIC if style.language.cased and rng.random() < 0.4 else None
    note = writer.line("text", words, size="0.82em", fill=rng.choice(("black", style.accent)), style=slant)
    note = f"block(width: {pt(room)}, pitched(1.2em, {note}))"
    return box(call("place", note, dx=pt(writer.room + 16)), text, breakable="false")


def _lesson(writer: Writer) -> str:
    """A box with what is to be remembered, or with an example."""
    rng, accent = writer.rng, writer.style.accent
    title = strong(writer.name(labels.THEOREM))
    band = rng.random() < 0.4
    head = writer.line("section_header", title, fill="white" if band else accent)
    parts = [writer.paragraph(1, 3)] + (writer.items(rng.randint(2, 3)) if rng.random() < 0.3 else [])
    if rng.random() < 0.3:
        parts.append(writer.formula())
    if band:
        inner = box(head, fill=accent, inset="6pt", below="0pt") + "\n" + box(*parts, inset="8pt", above="0pt")
        return f"within({pt(writer.height * 0.5)}, {box(inner, stroke=f'0.8pt + {accent}', breakable='false')})"
    fill = f"{accent}.lighten({rng.choice((85, 90))}%)"
    return f"within({pt(writer.height * 0.5)}, {box(head, *parts, fill=fill, inset='9pt', breakable='false')})"
