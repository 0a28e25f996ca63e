"""Larger pieces that several kinds of documents share: boxes, theorems, algorithms, addresses, drop capitals."""

from __future__ import annotations

from typing import Final

from . import labels
from .markup import BOLD, block, box, call, em, emph, lines, pile, pt, quote, side_by_side, strong
from .writer import Writer


def admonition(writer: Writer) -> str:
    """A note or warning in a box, between rules or behind a bar; what it says is text."""
    rng, accent = writer.rng, writer.style.accent
    name = writer.name(labels.NOTE)
    look = rng.choice(
        (
            {"stroke": "(y: 0.5pt)", "inset": "(y: 5pt)"},
            {"stroke": "0.5pt", "inset": "7pt"},
            {"stroke": f"(left: 3pt + {accent})", "inset": "8pt", "fill": "luma(245)"},
            {"fill": f"{accent}.lighten(88%)", "inset": "8pt", "radius": "3pt"},
            {"stroke": f"0.8pt + {accent}", "inset": "8pt", "radius": "4pt"},
        )
    )
    text = writer.rich(writer.sentences(1, 4))
    if rng.random() < 0.55:
        parts = [writer.p("text", f"{strong(name + ': ')} + {text}")]
    else:
        parts = [writer.line("text", strong(name)), writer.p("text", text)]
    if rng.random() < 0.15:
        parts += writer.items(rng.randint(2, 3))
    return f"within({pt(writer.height * 0.6)}, {box(*parts, breakable='false', **look)})"


def beside(writer: Writer) -> str:
    """Text to one side of a picture."""
    rng, room = writer.rng, writer.room
    share = rng.uniform(0.35, 0.55)
    writer.room = room * share - 10
    caption = writer.caption("figure") if rng.random() < 0.6 else ""
    picture = writer.together(writer.picture(writer.room, 200), caption)
    writer.room = room * (1 - share) - 10
    heading = writer.heading(1) if rng.random() < 0.4 else ""
    text = block(heading, writer.paragraph(2, 5), writer.paragraph(1, 3) if rng.random() < 0.5 else "")
    writer.room = room
    if rng.random() < 0.5:
        both = side_by_side(f"({share:.3f}fr, {1 - share:.3f}fr)", picture, text, gutter="14pt")
    else:
        both = side_by_side(f"({1 - share:.3f}fr, {share:.3f}fr)", text, picture, gutter="14pt")
    return box(both, breakable="false")


def address(writer: Writer, *texts: str, size: str = "1em", cls: str = "text") -> str:
    """Several short lines that are one element."""
    return writer.line(cls, lines(*texts), size=size)


def pairs(writer: Writer, entries: list[str], bold_last: bool = False) -> str:
    """Names and values in two columns without rules: a small table."""
    cells = []
    for index, entry in enumerate(entries):
        name, _, value = entry.partition(": ")
        show = strong if bold_last and index == len(entries) - 1 else quote
        cells += [show(name), show(value)]
    gap = pt(writer.rng.uniform(4, 10))
    body = call("grid", *cells, columns="2", column_gutter="14pt", row_gutter=gap, align="(start, end)")
    return f"bl({writer.id('table')}, {body})"


def theorem(writer: Writer) -> list[str]:
    """A theorem, definition or remark; its name leads its text. A proof may follow."""
    rng, style, words = writer.rng, writer.style, writer.words
    number = rng.choice((f"{rng.randint(1, 9)}", f"{rng.randint(1, 9)}.{rng.randint(1, 9)}"))
    label = f"{writer.name(labels.THEOREM)} {number}" + rng.choice((".", ":", f" ({words.phrase(1, 3)})"))
    lead = rng.choice((strong(label), f"smallcaps({quote(label)})"))
    text = writer.rich(writer.sentences(1, 3))
    body = f"emph({text})" if style.language.cased and rng.random() < 0.6 else text
    parts = [writer.p("text", f"{lead} + h(0.4em) + {body}")]
    if rng.random() < 0.5:
        parts.append(writer.formula())
    if rng.random() < 0.5:
        name = "Proof." if style.language.code == "en" else words.phrase(1, 1) + "."
        end = f"h(1fr) + {quote(rng.choice(('□', '■', '∎')))}"
        parts.append(writer.p("text", f"{emph(name)} + h(0.4em) + {writer.rich(writer.sentences(2, 4))} + {end}"))
    return parts


_STEPS: Final = (
    ("for", "do", "end for"),
    ("while", "do", "end while"),
    ("if", "then", "end if"),
    ("for each", "do", "end for"),
)


def _steps(writer: Writer) -> list[tuple[int, str]]:
    """The lines of an algorithm, each with how deep it stands."""
    rng, words, inline = writer.rng, writer.words, writer.formulas.inline
    show = strong if rng.random() < 0.85 else quote
    ends = rng.random() < 0.6

    def word(text: str) -> str:
        return show(text + " ")

    given = f"{word(rng.choice(('Require:', 'Input:')))} + {inline()} + {quote(', ' + words.phrase(1, 4).lower())}"
    steps = [(0, given)]
    opened: list[str] = []

    def close() -> None:
        end = opened.pop()
        if ends:
            steps.append((len(opened), word(end)))

    for _ in range(rng.randint(4, 12)):
        roll = rng.random()
        if roll < 0.3 and len(opened) < 3:
            first, then, end = rng.choice(_STEPS)
            steps.append((len(opened), f"{word(first)} + {inline()} + {quote(' ')} + {word(then)}"))
            opened.append(end)
        elif roll < 0.45 and opened:
            close()
        elif roll < 0.8:
            function = f"smallcaps({quote(words.word())}) + {quote('(')} + {inline()} + {quote(')')}"
            value = inline() if rng.random() < 0.5 else function
            steps.append((len(opened), f"{inline()} + {quote(' ← ')} + {value}"))
        else:
            steps.append((len(opened), quote(words.phrase(2, 6))))
    while opened:
        close()
    return [*steps, (0, f"{word('return')} + {inline()}")]


def algorithm(writer: Writer) -> str:
    """An algorithm between rules: its name is a caption, its steps are code."""
    rng, words = writer.rng, writer.words
    numbered = rng.random() < 0.7
    code = writer.id("code")
    rows = []
    for number, (depth, step) in enumerate(_steps(writer)):
        indent = em(depth * 1.2)
        rows.append(f"par(el({code}, {quote(f'{number}:')}))" if numbered and number else "none")
        rows.append(f"par(hanging-indent: {indent} + 1em, el({code}, h({indent}) + {step}))")
    english = writer.style.language.code == "en"
    label = f"{'Algorithm' if english or rng.random() < 0.5 else words.phrase(1, 1)} {rng.randint(1, 9)}"
    caption = writer.p("caption", f"{strong(label)} + {quote(rng.choice((' ', ': ')) + words.headline(2, 6))}")
    rule = f"line(length: 100%, stroke: {rng.choice(('0.5pt', '0.8pt'))})"
    columns, gap = f"({'1.6em' if numbered else '0pt'}, 1fr)", em(rng.uniform(0.25, 0.5))
    body = side_by_side(columns, *rows, column_gutter="0.4em", row_gutter=gap, align="(end, start)")
    return box("set par(justify: false)", pile(0.4, rule, caption, rule, body, rule), breakable="false")


def drop_cap(writer: Writer) -> str:
    """A paragraph whose first letter is as high as two or three lines, or stands high above its own."""
    rng, style = writer.rng, writer.style
    tokens = writer.sentences(4, 7)
    first = tokens[0]
    if not first[0].isalpha():
        return writer.paragraph(4, 7)
    tokens[0] = first[1:] or " "
    dress = {"weight": BOLD, "fill": rng.choice(("black", style.accent))}
    if rng.random() < 0.35 or not style.language.cased:
        letter = call("text", quote(first[:1]), size=em(rng.uniform(1.8, 2.6)), **dress)
        return writer.p("text", f"{letter} + {writer.rich(tokens)}")
    face = style.heading if rng.random() < 0.5 else style.body
    letter = call("text", face.font(), quote(first[:1]), **dress)
    words = f"({', '.join(quote(token) for token in tokens)})"
    high = str(rng.choice((2, 3, 3)))
    return call("drop-cap", writer.id("text"), high, letter, em(style.pitch), f"{face.above:.3f}", words)


def stamp(writer: Writer) -> str:
    """What an archive prints along the left edge of a paper's first page: a header on its side, for the background."""
    rng = writer.rng
    year, month, serial = rng.randint(7, 26), rng.randint(1, 12), rng.randint(1000, 99999)
    field = rng.choice(("cs.CV", "math.NT", "hep-th", "stat.ML", "cs.CL"))
    date = f"{rng.randint(1, 28)} {rng.choice(('Jan', 'Mar', 'Jun', 'Oct', 'Nov'))} 20{year:02d}"
    text = quote(f"arXiv:{year:02d}{month:02d}.{serial:05d}v{rng.randint(1, 9)}  [{field}]  {date}")
    body = writer.line("page_header", text, size=pt(rng.uniform(11, 17)), fill="luma(110)")
    left, down = pt(max(12, writer.style.margin[0] - 50)), pt(writer.style.paper[1] * rng.uniform(0.2, 0.35))
    placed = f"place(top + left, dx: {left}, dy: {down}, rotate(-90deg, reflow: true, {body}))"
    return f"context if here().page() == 1 {{ {placed} }}"
