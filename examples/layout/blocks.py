"""Larger pieces that several kinds of documents share: boxes, theorems, algorithms, addresses, drop capitals."""

from __future__ import annotations

from .markup import em, pt, quote
from .writer import Writer


def admonition(writer: Writer) -> str:
    """A note or warning in a box, between rules or behind a bar; what it says is text."""
    rng, style = writer.rng, writer.style
    name = (
        rng.choice(("Note", "Warning", "Tip", "Important", "See also", "Caution"))
        if style.language.code == "en"
        else writer.words.phrase(1, 1)
    )
    label = f"strong({quote(name + ': ')})"
    look = rng.choice((
        "stroke: (y: 0.5pt), inset: (y: 5pt)",
        "stroke: 0.5pt, inset: 7pt",
        f"stroke: (left: 3pt + {style.accent}), inset: 8pt, fill: luma(245)",
        f"fill: {style.accent}.lighten(88%), inset: 8pt, radius: 3pt",
        f"stroke: 0.8pt + {style.accent}, inset: 8pt, radius: 4pt",
    ))  # fmt: skip
    parts = []
    tokens = writer.rich(writer.sentences(1, 4))
    if rng.random() < 0.55:
        parts.append(f"p({writer.id('text')}, {label} + {tokens}, first-line-indent: 0pt)")
    else:
        parts.append(writer.line("text", f"strong({quote(name)})"))
        parts.append(f"p({writer.id('text')}, {tokens}, first-line-indent: 0pt)")
    if rng.random() < 0.15:
        parts += writer.items(rng.randint(2, 3))
    box = (
        f"block(width: 100%, breakable: false, {look}, {{ set par(first-line-indent: 0pt)\n" + "\n".join(parts) + "\n})"
    )
    return f"within({pt(writer.height * 0.6)}, {box})"


def beside(writer: Writer) -> str:
    """Text to one side of a picture."""
    rng = writer.rng
    share = rng.uniform(0.35, 0.55)
    room = writer.room
    writer.room = room * share - 10
    picture = writer.together(
        writer.picture(writer.room, 200), *([writer.caption("figure")] if rng.random() < 0.6 else [])
    )
    writer.room = room * (1 - share) - 10
    text = (
        "{\n"
        + "\n".join(
            [
                *([writer.heading(1)] if rng.random() < 0.4 else []),
                writer.paragraph(2, 5),
                *([writer.paragraph(1, 3)] if rng.random() < 0.5 else []),
            ]
        )
        + "\n}"
    )
    writer.room = room
    pair = (picture, text) if rng.random() < 0.5 else (text, picture)
    columns = (share, 1 - share) if pair[0] is picture else (1 - share, share)
    return f"block(width: 100%, breakable: false, grid(columns: ({columns[0]:.3f}fr, {columns[1]:.3f}fr), gutter: 14pt, {pair[0]}, {pair[1]}))"


def address(writer: Writer, lines: list[str], size: str = "1em", cls: str = "text") -> str:
    """Several short lines that are one element."""
    text = " + linebreak() + ".join(quote(line) for line in lines)
    return f"text(size: {size}, p({writer.id(cls)}, {text}, justify: false, first-line-indent: 0pt))"


def pairs(writer: Writer, entries: list[str], bold_last: bool = False) -> str:
    """Names and values in two columns without rules: a small table."""
    cells = []
    for index, entry in enumerate(entries):
        name, _, value = entry.partition(": ")
        bold = bold_last and index == len(entries) - 1
        cells += [
            f"strong({quote(name)})" if bold else quote(name),
            f"strong({quote(value)})" if bold else quote(value),
        ]
    gap = pt(writer.rng.uniform(2, 5))
    return f"bl({writer.id('table')}, table(columns: 2, stroke: none, inset: (x: 0pt, y: {gap}), column-gutter: 14pt, align: (start, end), {', '.join(cells)}))"


def theorem(writer: Writer) -> list[str]:
    """A theorem, definition or remark; its name leads its text. A proof may follow."""
    rng, style, words = writer.rng, writer.style, writer.words
    names = ("Theorem", "Lemma", "Definition", "Proposition", "Remark", "Corollary", "Example")
    name = rng.choice(names) if style.language.code == "en" else words.phrase(1, 1)
    label = f"{name} {rng.randint(1, 9)}" + rng.choice(("", f".{rng.randint(1, 9)}")) + rng.choice((".", ":", ""))
    lead = rng.choice(
        (
            f"strong({quote(label)})",
            f"smallcaps({quote(label)})",
            f"strong({quote(label + f' ({words.phrase(1, 3)})')})",
        )
    )
    text = writer.rich(writer.sentences(1, 3))
    body = f"emph({text})" if style.language.cased and rng.random() < 0.6 else text
    parts = [f"p({writer.id('text')}, {lead} + h(0.4em) + {body}, first-line-indent: 0pt)"]
    if rng.random() < 0.5:
        parts.append(writer.formula())
    if rng.random() < 0.5:
        proof = "Proof." if style.language.code == "en" else words.phrase(1, 1) + "."
        parts.append(
            f"p({writer.id('text')}, emph({quote(proof)}) + h(0.4em) + {writer.rich(writer.sentences(2, 4))} + h(1fr) + {quote(rng.choice(('□', '■', '∎')))}, first-line-indent: 0pt)"
        )
    return parts


_STEPS = (
    ("for", "do", "end for"),
    ("while", "do", "end while"),
    ("if", "then", "end if"),
    ("for each", "do", "end for"),
)


def algorithm(writer: Writer) -> str:
    """An algorithm between rules: its name is a caption, its steps are code."""
    rng, style = writer.rng, writer.style
    bold = rng.random() < 0.85
    word = lambda text: f"strong({quote(text + ' ')})" if bold else quote(text + " ")  # noqa: E731
    lines: list[tuple[int, str]] = [
        (
            0,
            f"{word(rng.choice(('Require:', 'Input:')))} + {writer.formulas.inline()} + {quote(', ' + writer.words.phrase(1, 4).lower())}",
        )
    ]
    open_blocks: list[str] = []
    ends = rng.random() < 0.6
    for _ in range(rng.randint(4, 12)):
        roll = rng.random()
        if roll < 0.3 and len(open_blocks) < 3:
            first, then, end = rng.choice(_STEPS)
            lines.append(
                (len(open_blocks), f"{word(first)} + {writer.formulas.inline()} + {quote(' ')} + {word(then)}")
            )
            open_blocks.append(end)
        elif roll < 0.45 and open_blocks:
            end = open_blocks.pop()
            if ends:
                lines.append((len(open_blocks), word(end)))
        else:
            step = rng.choice((
                f"{writer.formulas.inline()} + {quote(' ← ')} + {writer.formulas.inline()}",
                f"{writer.formulas.inline()} + {quote(' ← ')} + smallcaps({quote(writer.words.word())}) + {quote('(')} + {writer.formulas.inline()} + {quote(')')}",
                quote(writer.words.phrase(2, 6)),
            ))  # fmt: skip
            lines.append((len(open_blocks), step))
    while open_blocks:
        end = open_blocks.pop()
        if ends:
            lines.append((len(open_blocks), word(end)))
    lines.append((0, f"{word('return')} + {writer.formulas.inline()}"))
    numbered = rng.random() < 0.7
    name = writer.id("code")
    rows = []
    for number, (depth, line) in enumerate(lines):
        rows += [
            f"par(el({name}, {quote(f'{number}:')}))" if numbered and number else "none",
            f"par(hanging-indent: {em(depth * 1.2 + 1)}, el({name}, h({em(depth * 1.2)}) + {line}))",
        ]
    word_ = "Algorithm" if style.language.code == "en" or rng.random() < 0.5 else writer.words.phrase(1, 1)
    caption = f"p({writer.id('caption')}, strong({quote(f'{word_} {rng.randint(1, 9)}')}) + {quote(rng.choice((' ', ': ')) + writer.words.headline(2, 6))}, first-line-indent: 0pt)"
    rule = f"line(length: 100%, stroke: {rng.choice(('0.5pt', '0.8pt'))})"
    gap = rng.uniform(0.25, 0.5)
    steps = f"grid(columns: ({'1.6em' if numbered else '0pt'}, 1fr), column-gutter: 0.4em, row-gutter: {em(gap)}, align: (end, start), {', '.join(rows)})"
    inside = "\n".join((rule, caption, rule, steps, rule))
    return f"block(width: 100%, breakable: false, {{ set par(first-line-indent: 0pt, justify: false, spacing: {em(0.4)})\nset block(spacing: {em(0.4)})\n{inside}\n}})"


def drop_cap(writer: Writer) -> str:
    """A paragraph whose first letter is as high as two or three lines, or stands high above its own."""
    rng, style = writer.rng, writer.style
    tokens = writer.sentences(4, 7)
    first = tokens[0]
    if not first[0].isalpha():
        return writer.paragraph(4, 7)
    tokens[0] = first[1:] or " "
    ink = rng.choice(("black", style.accent))
    if rng.random() < 0.35 or not style.language.cased:
        return f'p({writer.id("text")}, text(size: {em(rng.uniform(1.8, 2.6))}, weight: "bold", fill: {ink}, {quote(first[:1])}) + {writer.rich(tokens)}, first-line-indent: 0pt)'
    words = ", ".join(quote(token) for token in tokens)
    face = style.heading if rng.random() < 0.5 else style.body
    return f'drop-cap({writer.id("text")}, {rng.choice((2, 3, 3))}, text({face.font()}, weight: "bold", fill: {ink}, {quote(first[:1])}), {em(style.pitch)}, {face.above:.3f}, ({words}))'


def stamp(writer: Writer) -> str:
    """What an archive prints along the left edge of a paper's first page: a header that stands on its side."""
    rng = writer.rng
    text = quote(
        f"arXiv:{rng.randint(7, 26):02d}{rng.randint(1, 12):02d}.{rng.randint(1000, 99999):05d}v{rng.randint(1, 9)}  [{rng.choice(('cs.CV', 'math.NT', 'hep-th', 'stat.ML', 'cs.CL'))}]  {rng.randint(1, 28)} {rng.choice(('Jan', 'Mar', 'Jun', 'Oct', 'Nov'))} 20{rng.randint(10, 26)}"
    )
    side = writer.style.margin[0]
    return f"place(top + left, dx: {pt(-min(side - 12, 50))}, dy: {pt(rng.uniform(60, 130))}, rotate(-90deg, reflow: true, text(size: {pt(rng.uniform(11, 17))}, fill: luma(110), p({writer.id('page_header')}, {text}, justify: false))))"
