"""How a document looks: paper, fonts, sizes, spaces, colours, numbering. Every document draws its own."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

from . import fonts
from .fonts import Face
from .markup import boolean, call, em, pt, quote
from .splits import Split
from .tables import TableLook
from .words import Language

PAPERS: Final = {  # pt
    "a4": (595.28, 841.89),
    "letter": (612.0, 792.0),
    "legal": (612.0, 1008.0),
    "a5": (419.53, 595.28),
    "b5": (498.9, 708.66),
    "tabloid": (792.0, 1224.0),
    "slide169": (720.0, 405.0),
    "slide43": (720.0, 540.0),
}
COLOURS: Final = (
    "#1f3a5f", "#0b5394", "#a61c00", "#38761d", "#741b47", "#134f5c", "#444444", "#b45f06", "#20639b", "#c0392b",
    "#16a085", "#8e44ad", "#2c3e50", "#d35400", "#007a87", "#5b2c6f", "#1b4f72", "#7b241c", "#0e6655", "#e67e22",
)  # fmt: skip


@dataclass
class HeadLook:
    """One level of headings. Sizes are of the body's size, spaces of the heading's own."""

    face: Face
    size: float
    weight: str = "bold"
    italic: bool = False
    ink: str = "black"
    align: str = "start"
    case: str = "none"  # none, upper, small
    numbered: bool = False
    above: float = 1.3
    below: float = 0.6
    mark: str = "none"  # none, below, above, bar, band


@dataclass
class Style:
    """Everything that a document's writer asks for. Lengths are in pt, or in em where that is said."""

    split: Split
    language: Language
    paper: tuple[float, float]
    margin: tuple[float, float, float, float]  # left, right, top, bottom
    columns: int
    gutter: float
    body: Face
    heading: Face
    mono: Face
    math: Face
    size: float
    pitch: float  # em, from baseline to baseline
    justify: bool
    hyphenate: bool
    indent: float  # em
    spacing: float  # em, between paragraphs, beyond the pitch
    accent: str
    table: TableLook
    heads: list[HeadLook] = field(default_factory=list)
    caption_above: bool = False  # of tables; those of pictures stand below unless this is drawn for them too
    picture_caption_above: bool = False
    caption_size: float = 0.9
    caption_label: str = "strong"
    caption_separator: str = ": "
    caption_italic: bool = False
    caption_align: str = "center"
    bullets: tuple[str, ...] = ("•", "–", "·")
    item_gap: float = 0.3  # em
    item_indent: float = 0.0  # em
    item_hang: float = 1.4  # em
    emphasis: float = 0.01  # share of words
    link_ink: str | None = None
    code_fill: str | None = None
    code_stroke: str | None = None
    code_size: float = 0.85
    code_colour: bool = True
    formula_left: bool = False
    formula_number: str = "({})"
    notes: float = 0.0  # share of paragraphs with a footnote
    note_hang: bool = False
    note_scheme: str = "1"
    ground: str = "white"
    ink: str = "black"

    @property
    def width(self) -> float:
        """Of the text, all columns together."""
        return self.paper[0] - self.margin[0] - self.margin[1]

    @property
    def height(self) -> float:
        return self.paper[1] - self.margin[2] - self.margin[3]

    @property
    def column(self) -> float:
        return (self.width - self.gutter * (self.columns - 1)) / self.columns

    def preamble(self) -> str:
        """The set rules that hold in the whole document; `page` comes from the writer."""
        language, leading = self.language, self.pitch - self.body.height
        text = call(
            "text",
            self.body.typst(),
            size=pt(self.size),
            fill=self.ink,
            hyphenate=boolean(self.hyphenate),
            lang=quote(language.code),
            region=quote(language.region) if language.region else None,
            dir="rtl" if language.right_to_left else "ltr",
        )
        par = call(
            "par",
            leading=em(leading),
            spacing=em(leading + self.spacing),
            justify=boolean(self.justify),
            first_line_indent=em(self.indent),
        )
        lines = [
            f"set {text}",
            f"set {par}",
            f"set block(spacing: {em(leading + max(self.spacing, 0.3))})",
            f"show raw: set text({self.mono.typst()}, size: {em(self.code_size / 0.8)})",
            f"show math.equation: set text({self.math.typst()})",
        ]
        return "\n".join(f"#{line}" for line in lines)


def sample(
    split: Split,
    rng: random.Random,
    *,
    papers: tuple[str, ...] = ("a4", "a4", "letter"),
    columns: int = 1,
    kinds: tuple[str, ...] = ("serif", "sans"),
    heading_kinds: tuple[str, ...] | None = None,
    prefer: tuple[str, ...] = (),
    sizes: tuple[float, float] = (9.0, 12.0),
    margins: tuple[float, float] = (45.0, 95.0),
    language: Language | None = None,
) -> Style:
    """Any style within these bounds; a family narrows it and changes what makes it that family."""
    language = language or split.language(rng)
    accent = f'rgb("{rng.choice(COLOURS)}")'
    body = split.face(rng, language, *kinds, prefer=prefer)
    other = heading_kinds or kinds
    heading = body if heading_kinds is None and rng.random() < 0.6 else split.face(rng, language, *other)
    math_names = {name: name + " Math" for name in ("TeX Gyre Pagella", "TeX Gyre Termes", "New Computer Modern")}
    math = split.plain(rng, "math")
    for font in split.fonts:
        if font.family == math_names.get(body.families[0]):
            math = fonts.face(font)
    side = rng.uniform(*margins)
    indented = rng.random() < 0.45
    size = rng.uniform(*sizes)
    style = Style(
        split=split,
        language=language,
        paper=PAPERS[rng.choice(papers)],
        margin=(
            side,
            side if rng.random() < 0.7 else rng.uniform(*margins),
            max(40.0, rng.uniform(*margins)),
            max(40.0, rng.uniform(*margins)),
        ),
        columns=columns,
        gutter=rng.uniform(12, 26),
        body=body,
        heading=heading,
        mono=split.plain(rng, "mono"),
        math=math,
        size=size,
        pitch=rng.uniform(1.15, 1.42)
        + (0.35 * (body.height - 0.93) if body.height > 1.1 else 0)
        + (0.2 if language.square else 0),
        justify=rng.random() < 0.6,
        hyphenate=rng.random() < 0.7,
        indent=rng.uniform(1.0, 2.0) if indented else 0.0,
        spacing=rng.uniform(0.0, 0.1) if indented else rng.uniform(0.35, 0.9),
        accent=accent,
        table=TableLook.sample(rng, accent),
        caption_above=rng.random() < 0.6,
        picture_caption_above=rng.random() < 0.06,
        caption_size=rng.choice((0.8, 0.85, 0.9, 0.9, 1.0)),
        caption_label=rng.choice(("strong", "strong", "emph", "plain", "smallcaps", "colour")),
        caption_separator=rng.choice((": ", ". ", " – ", "   ", " | ")),
        caption_italic=rng.random() < 0.2,
        caption_align=rng.choice(("center", "center", "start")),
        bullets=tuple(rng.sample(("•", "–", "▪", "◦", "‣", "∗", "-", "■", "○"), 3))
        if rng.random() < 0.4
        else ("•", "–", "·"),
        item_gap=rng.choice((0.0, 0.05, 0.2, 0.35, 0.6)),
        item_indent=rng.choice((0.0, 0.0, 0.8, 1.5, 2.2)),
        item_hang=rng.uniform(1.0, 2.0),
        emphasis=rng.choice((0.0, 0.005, 0.01, 0.02, 0.05)),
        link_ink=rng.choice((None, None, "blue", accent)),
        code_fill=rng.choice(
            (None, "luma(243)", "luma(238)", "luma(230)", 'rgb("#e8eefc")', 'rgb("#fff3c4")', 'rgb("#eeffcc")')
        ),
        code_stroke=rng.choice((None, None, "0.5pt + luma(180)", "0.5pt + black", "0.75pt + luma(210)")),
        code_size=rng.uniform(0.75, 0.95),
        code_colour=rng.random() < 0.55,
        formula_left=rng.random() < 0.15,
        formula_number=rng.choice(("({})", "({})", "({})", "[{}]", "(1.{})", "(A{})")),
        notes=rng.choice((0.0, 0.08, 0.15, 0.3)),
        note_hang=rng.random() < 0.3,
        note_scheme=rng.choice(("1", "1", "1", "a", "*")),
    )
    style.heads = sample_heads(rng, style)
    return style


def sample_heads(rng: random.Random, style: Style) -> list[HeadLook]:
    """Three levels of headings that belong together."""
    cased = style.language.cased
    ink = rng.choice(("black", "black", style.accent))
    numbered = rng.random() < 0.5
    top = rng.uniform(1.15, 1.9)
    centred = rng.random() < 0.12
    upper = cased and rng.random() < 0.15
    mark = rng.choices(("none", "below", "above", "bar", "band"), (12, 2, 1, 1, 1))[0]
    weight = rng.choices(("bold", "regular"), (8, 1))[0]
    heads = []
    for level in range(3):
        size = max(1.0, top ** (1 - 0.45 * level)) if level < 2 else rng.choice((1.0, 1.0, 1.05))
        heads.append(
            HeadLook(
                face=style.heading,
                size=size,
                weight=weight if level == 0 else "bold" if rng.random() < 0.85 else "regular",
                italic=cased and level > 0 and rng.random() < 0.2,
                ink=ink,
                align="center" if centred and level == 0 else "start",
                case="upper" if upper and level == 0 else "small" if cased and rng.random() < 0.06 else "none",
                numbered=numbered and (level < 2 or rng.random() < 0.6),
                above=rng.uniform(0.9, 1.7),
                below=rng.uniform(0.35, 0.8),
                mark=mark if level == 0 else "none",
            )
        )
    return heads
