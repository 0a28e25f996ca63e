"""The elements of a document as typst source: each method gives an expression, and every element its link."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import Final

from . import labels
from .drawings import drawing
from .listings import listing
from .markup import ITALIC, block, boolean, box, call, em, pt, quote, side_by_side, strong
from .pool import Pool
from .prose import Prose
from .style import Style
from .tables import table

Pieces = tuple[str | None, str | None, str | None]  # of a header or footer: left, in the middle, right
_MARKS: Final = {  # of headings: what `block` is told
    "none": "",
    "below": "stroke: (bottom: 0.6pt + {ink}), inset: (bottom: 3pt)",
    "above": "stroke: (top: 0.8pt + {ink}), inset: (top: 4pt)",
    "bar": "stroke: (left: 3pt + {accent}), inset: (left: 7pt, y: 1pt)",
    "band": "fill: {accent}, inset: (x: 6pt, y: 4pt)",
}


@cache
def prelude() -> str:
    return (Path(__file__).parent / "prelude.typ").read_text(encoding="utf-8")


class Writer(Prose):
    """Writes one document in one style. `room` is the width in pt that an element may take; families set it."""

    def __init__(self, style: Style, rng: random.Random, pool: Pool) -> None:
        super().__init__(style, rng)
        self.pool = pool
        self.room = style.column
        self.height = style.height
        self._elements = 0
        self._counts = {"figure": 0, "table": 0, "listing": 0, "formula": 0}
        self._sections = [0, 0, 0]
        self._names = {
            "figure": self.name(labels.FIGURE),
            "table": self.name(labels.TABLE),
            "listing": self.name(labels.LISTING),
        }
        self._chapter = rng.choice(("", "", "", "1.", "2.", "A."))
        self._formula_numbers = rng.random() < 0.6

    def id(self, cls: str) -> str:
        """A new element of a class."""
        self._elements += 1
        return quote(f"{cls}:{self._elements}")

    # ---- text ----

    def p(self, cls: str, body: str, flat: bool = True, **named: str | None) -> str:
        """A paragraph of any class; `flat` ones are never indented."""
        return call("p", self.id(cls), body, first_line_indent="0pt" if flat else None, **named)

    def line(self, cls: str, body: str, align: str | None = None, **how: str | None) -> str:
        """Text that stands for itself; `how` are arguments of typst's `text`."""
        content = self.p(cls, body, justify="false")
        content = call("text", content, **how) if how else content
        return f"align({align}, {content})" if align else content

    def paragraph(self, low: int = 2, high: int = 7, notes: bool = True) -> str:
        """Running text of so many sentences."""
        notes = notes and self.rng.random() < self.style.notes
        return self.p("text", self.rich(self.sentences(low, high), notes=notes), flat=False)

    def heading(self, level: int = 0, text: str | None = None) -> str:
        """A section's heading in the style's look, numbered if that is so."""
        look, rng = self.style.heads[level], self.rng
        self._sections[level] += 1
        self._sections[level + 1 :] = [0] * (2 - level)
        text = text or self.words.headline(1, 4 if rng.random() < 0.6 else 10)
        body = quote(text.upper() if look.case == "upper" else text)
        if look.case == "small":
            body = f"smallcaps({body})"
        if look.numbered:
            number = self._chapter + ".".join(str(max(1, part)) for part in self._sections[: level + 1])
            body = f"{quote(number + (rng.choice(('', '.')) if level == 0 else ''))} + h(0.7em) + {body}"
        ink = "white" if look.mark == "band" else look.ink
        slant = ITALIC if look.italic else None
        content = f"pitched(1.2em, {self.p('section_header', body, justify='false')})"
        how = f"{look.face.typst()}, weight: {quote(look.weight)}, hyphenate: false"
        content = call("text", how, content, size=em(look.size), fill=ink, style=slant)
        size = look.size * self.style.size
        mark = _MARKS[look.mark].format(ink=look.ink, accent=self.style.accent)
        return call(
            "block",
            *([mark] if mark else []),
            f"align({look.align}, {content})",
            above=pt(look.above * size),
            below=pt(look.below * size),
            width="100%",
            sticky="true",
        )

    def items(self, count: int, ordered: bool | None = None, long: bool = False, depth: int = 0) -> list[str]:
        """A list; items now and then have a list of their own below them."""
        rng, style = self.rng, self.style
        ordered = rng.random() < 0.35 if ordered is None else ordered
        scheme = rng.choice(("{}.", "{}.", "{})", "({})", "[{}]")) if ordered else style.bullets[depth]
        letters = rng.random() < 0.3
        side = rng.choice(("start", "start", "end"))
        hang = style.item_hang + (0.5 if ordered else 0) + (0.6 if scheme in ("({})", "[{}]") else 0)
        indent = (style.item_indent + depth * 1.6) * min(1.0, self.room / style.size / 24)
        gap = style.pitch - style.body.height + style.item_gap
        result = []
        for number in range(1, count + 1):
            marker = scheme.format(chr(96 + number) if letters and number < 27 else number)
            if long or rng.random() < 0.3:
                tokens = self.sentences(1, 3 if long else 2)
            else:
                tokens = self.words.tokens(rng.randint(2, 14))
                if rng.random() < 0.5:
                    tokens[-1] = tokens[-1].rstrip(".?。।")
            body = self.rich(tokens)
            if rng.random() < 0.1:
                body = f"{strong(self.words.phrase(1, 2) + self.words.colon + ' ')} + {body}"
            result.append(self.item(marker, body, indent=em(indent), hang=em(hang), gap=em(gap), side=side))
            if depth < 2 and rng.random() < 0.05:
                result += self.items(rng.randint(2, 3), None, False, depth + 1)
        return result

    def item(self, marker: str, body: str, **how: str | None) -> str:
        """One item of a list."""
        return call("item", self.id("list_item"), quote(marker), body, **how)

    def caption(self, kind: str, text: str | None = None) -> str:
        """The caption of the next figure, table or listing."""
        rng, style = self.rng, self.style
        self._counts[kind] += 1
        label = quote(f"{self._names[kind]} {self._chapter}{self._counts[kind]}{style.caption_separator}")
        if style.caption_label == "colour":
            label = call("text", label, fill=style.accent, weight="700")
        elif style.caption_label != "plain":
            label = f"{style.caption_label}({label})"
        tokens = self.words.tokens(rng.randint(3, 12)) if rng.random() < 0.6 else self.sentences(1, 3)
        if rng.random() < 0.4:
            tokens[-1] = tokens[-1].rstrip(".?。।")
        slant = ITALIC if style.caption_italic and style.language.cased else None
        justify = boolean(style.caption_align == "start" and style.justify)
        body = self.p("caption", f"{label} + {quote(text) if text else self.rich(tokens)}", justify=justify)
        body = f"pitched({em(min(style.pitch, 1.3))}, {body})"
        return f"align({style.caption_align}, {call('text', body, size=em(style.caption_size), style=slant)})"

    # ---- what is looked at ----

    def together(self, *parts: str, gap: float = 0.7, align: str = "center") -> str:
        """Parts that no page break separates, such as a picture and its caption."""
        return call("together", em(gap), align, block(*parts))

    def _with_caption(self, kind: str, body: str, above: bool, align: str = "center") -> str:
        caption = self.caption(kind)
        return self.together(*((caption, body) if above else (body, caption)), align=align)

    def table(self, room: float | None = None, rows: int | None = None, columns: int | None = None) -> str:
        """A table alone."""
        style = self.style
        most = max(3, int(self.height * 0.5 / (style.size * 2.2)))
        rows = rows or min(most, self.rng.choice((2, 3, 4, 5, 5, 6, 7, 8, 10, 12, 16)))
        body = table(self.rng, self.words, style.table, room or self.room, style.size, rows, columns)
        return f"within({pt(self.height * 0.8)}, bl({self.id('table')}, {body}))"

    def table_figure(self, room: float | None = None, rows: int | None = None, columns: int | None = None) -> str:
        """A table with its caption, mostly."""
        body = self.table(room, rows, columns)
        align = self.rng.choice(("center", "center", "center", "start"))
        if self.rng.random() < 0.15:
            return self.together(body, align=align)
        return self._with_caption("table", body, self.style.caption_above, align)

    def picture(self, width: float, highest: float | None = None, kind: str | None = None) -> str:
        """A picture `width` pt wide: a photograph, a chart or a drawing."""
        rng = self.rng
        kind = kind or rng.choices(("photo", "chart", "drawing"), (4, 4, 2))[0]
        highest = highest or self.height * 0.42
        if kind == "drawing":
            body, height = drawing(rng, self.words, width, self.style.accent)
            if height <= highest and width > 130:
                return f"bl({self.id('picture')}, {body})"
        if kind != "photo":
            image = self.pool.chart(rng)
            return self._image(image.name, width=pt(min(width, highest / image.ratio)))
        image = self.pool.photo(rng)
        ratio = image.ratio * rng.uniform(0.75, 1.1)
        height = min(highest, width * ratio)
        if height < width * ratio * 0.6:
            width = height / ratio
        frames = ("", "stroke: 0.6pt", f"stroke: 1.5pt + {self.style.accent}", "radius: 6pt, clip: true")
        frame = rng.choices(frames, (8, 1, 0.5, 1))[0]
        return self._image(image.name, frame, width=pt(width), height=pt(height), fit='"cover"')

    def _image(self, name: str, frame: str = "", **named: str) -> str:
        image = call("image", quote(f"/pool/{name}"), **named)
        return f"bl({self.id('picture')}, {f'box({frame}, {image})' if frame else image})"

    def logo(self, width: float, highest: float = 45.0) -> str:
        """A firm's mark."""
        image = self.pool.logo(self.rng)
        return self._image(image.name, width=pt(min(width, highest / image.ratio)))

    def figure(self, room: float | None = None, kind: str | None = None) -> str:
        """A picture, or several side by side, with a caption."""
        rng = self.rng
        room = room or self.room
        if rng.random() < 0.12 and room > 180:
            count = rng.randint(2, 3)
            each = (room - 8 * (count - 1)) / count
            cells = [self.picture(each, each * 0.9, kind or rng.choice(("photo", "chart"))) for _ in range(count)]
            body = side_by_side(str(count), *cells, gutter="8pt", align="center + bottom")
        else:
            body = self.picture(room * rng.choice((1.0, 1.0, rng.uniform(0.5, 0.95))), kind=kind)
        if rng.random() < 0.08:
            return self.together(body)
        return self._with_caption("figure", body, self.style.picture_caption_above)

    def formula(self) -> str:
        """A display formula, numbered or not."""
        rng, style = self.rng, self.style
        number = None
        if self._formula_numbers and rng.random() < 0.75:
            self._counts["formula"] += 1
            number = quote(style.formula_number.format(self._counts["formula"]))
        body = self.formulas.display(self.room / style.size - 5)
        indent = em(rng.choice((0.0, 1.5, 2.5))) if style.formula_left else None
        left = "true" if style.formula_left else None
        gap = em(rng.uniform(0.6, 1.1))
        return call("formula", self.id("formula"), body, number=number, gap=gap, left=left, indent=indent)

    def code(self, lines: int | None = None) -> str:
        """A listing, in a box if the style has one; some have numbers before their lines, some a caption."""
        rng, style = self.rng, self.style
        boxed = style.code_fill or style.code_stroke
        inset = rng.uniform(4, 8) if boxed else 0.0
        size = style.size * style.code_size
        numbered = rng.random() < 0.12
        width = int((self.room - 2 * inset - 2) / (size * 0.605)) - (4 if numbered else 0)
        most = max(2, int(self.height * 0.55 / (size * 1.3)))
        lines = min(most, lines or rng.choice((1, 2, 3, 4, 5, 6, 8, 10, 14, 20)))
        text, language = listing(rng, max(12, width), lines)
        if numbered:
            text = "\n".join(f"{number:>2}  {line}" for number, line in enumerate(text.splitlines(), 1))
        coloured = style.code_colour and language != "pycon" and not numbered
        raw = call("raw", quote(text), lang=quote(language) if coloured else None)
        if boxed:
            radius = pt(rng.choice((0, 0, 2, 4)))
            inside = f"listing({raw})"
            frame = {"fill": style.code_fill, "stroke": style.code_stroke, "radius": radius, "inset": pt(inset)}
            code = f"bl({self.id('code')}, {box(inside, breakable='false', **frame)})"
        else:
            code = box(f"listing({self.p('code', raw)})", breakable="false")
        return self._with_caption("listing", code, style.caption_above) if rng.random() < 0.12 else code

    # ---- pages ----

    def page(self, header: str = "none", footer: str = "none", **extra: str) -> str:
        """The rules that set the paper, its margins and columns, and what runs along all pages."""
        style = self.style
        left, right, top, bottom = (pt(side) for side in style.margin)
        page = call(
            "page",
            width=pt(style.paper[0]),
            height=pt(style.paper[1]),
            columns=str(style.columns),
            fill=style.ground if style.ground != "white" else None,
            margin=f"(left: {left}, right: {right}, top: {top}, bottom: {bottom})",
            header=header,
            footer=footer,
            **extra,
        )
        return f"#set columns(gutter: {pt(style.gutter)})\n#set {page}"

    def running(self, cls: str, pieces: Pieces, rule: str = "none", size: float = 0.85, **how: str) -> str:
        """A header or footer; each piece of it is an element."""
        cells = ", ".join(f"par(el({self.id(cls)}, {piece}))" if piece else "none" for piece in pieces)
        gap, above = pt(self.rng.uniform(2, 5)), boolean(cls == "page_footer")
        body = call("running", f"({cells})", rule=rule, gap=gap, above=above)
        return call("text", f"pitched(1.25em, {body})", size=pt(max(6.0, self.style.size * size)), **how)

    def source(self, page: str, body: list[str], first_page: int = 1) -> str:
        """The whole document."""
        style = self.style
        pitch = em(min(style.pitch, 1.25))
        notes = call("note-marks.with", quote(style.note_scheme), em(0.85), pitch, boolean(style.note_hang))
        start = f"#counter(page).update({first_page})" if first_page != 1 else ""
        return "\n".join((prelude(), style.preamble(), page, f"#show: {notes}", start, f"#{block(*body)}", ""))


def odd_even(odd: str, even: str) -> str:
    """What right and left pages have in the same place."""
    return f"context if calc.odd(here().page()) {{ {odd} }} else {{ {even} }}"


def not_first(running: str) -> str:
    """A header or footer that the first page goes without."""
    return "none" if running == "none" else f"context if here().page() > 1 {{ {running.removeprefix('context ')} }}"
