"""The elements of a document as typst source: each method gives an expression, and every element its link."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import Final

from .drawings import drawing
from .formulas import Formulas
from .listings import identifier, listing
from .markup import block, em, pt, quote
from .pool import Pool
from .style import Style
from .tables import table
from .words import Words

FIGURE: Final = {"en": "Figure|Fig.", "de": "Abbildung|Abb.", "fr": "Figure|Fig.", "es": "Figura|Fig.", "pt": "Figura|Fig.", "nl": "Figuur|Fig.",
    "it": "Figura|Fig.", "pl": "Rysunek|Rys.", "cs": "Obrázek|Obr.", "sv": "Figur|Fig.", "fi": "Kuva", "da": "Figur|Fig.", "ru": "Рисунок|Рис.",
    "uk": "Рисунок|Рис.", "zh": "图", "ja": "図", "ko": "그림", "el": "Σχήμα|Εικόνα", "tr": "Şekil", "he": "איור", "ar": "الشكل", "vi": "Hình",
    "id": "Gambar", "hi": "चित्र", "th": "รูปที่", "la": "Fig."}  # fmt: skip
TABLE: Final = {"en": "Table|Tab.|TABLE", "de": "Tabelle|Tab.", "fr": "Tableau|Tab.", "es": "Tabla|Cuadro", "pt": "Tabela|Quadro", "nl": "Tabel",
    "it": "Tabella|Tab.", "pl": "Tabela|Tab.", "cs": "Tabulka|Tab.", "sv": "Tabell", "fi": "Taulukko", "da": "Tabel", "ru": "Таблица|Табл.",
    "uk": "Таблиця", "zh": "表", "ja": "表", "ko": "표", "el": "Πίνακας", "tr": "Tablo", "he": "טבלה", "ar": "الجدول", "vi": "Bảng",
    "id": "Tabel", "hi": "तालिका", "th": "ตารางที่", "la": "Tab."}  # fmt: skip


@cache
def prelude() -> str:
    return (Path(__file__).parent / "prelude.typ").read_text(encoding="utf-8")


class Writer:
    """Writes one document in one style. `room` is the width in pt that an element may take; families set it."""

    def __init__(self, style: Style, rng: random.Random, pool: Pool) -> None:
        self.style = style
        self.rng = rng
        self.pool = pool
        self.words = Words(style.language, rng)
        self.formulas = Formulas(rng)
        self.room = style.column
        self.height = style.height
        self._elements = 0
        self._counts = {"figure": 0, "table": 0, "listing": 0, "formula": 0, "note": 0}
        self._sections = [0, 0, 0]
        self._figure_word = rng.choice(FIGURE[style.language.code].split("|"))
        self._table_word = rng.choice(TABLE[style.language.code].split("|"))
        self._listing_word = "Listing" if style.language.code in ("en", "de", "it", "sv") else self.words.phrase(1, 1)
        self._chapter = rng.choice(("", "", "", "1.", "2.", "A."))
        self._formula_numbers = rng.random() < 0.6
        self._bullets = rng.choice(("bullets", "bullets", "mixed"))

    # ---- parts of elements ----

    def id(self, cls: str) -> str:
        """A new element of a class."""
        self._elements += 1
        return quote(f"{cls}:{self._elements}")

    def rich(self, tokens: list[str], emphasis: float | None = None, notes: bool = False) -> str:
        """Words with bold, italics, code, references and small formulas among them."""
        rng, style = self.rng, self.style
        share = style.emphasis if emphasis is None else emphasis
        separator = " " if style.language.spaced else ""
        parts: list[str] = []
        plain: list[str] = []
        note_at = rng.randrange(max(1, len(tokens) // 2), len(tokens)) if notes and len(tokens) > 6 else -1

        def flush() -> None:
            if plain:
                parts.append(quote("".join(plain)))
                plain.clear()

        index = 0
        while index < len(tokens):
            if index:
                plain.append(separator)
            if rng.random() < share:
                span = min(rng.choice((1, 1, 2, 3)), len(tokens) - index)
                flush()
                parts.append(self._decorated(separator.join(tokens[index : index + span])))
                index += span
            else:
                plain.append(tokens[index])
                index += 1
            if index - 1 == note_at:
                flush()
                parts.append(self._note())
        flush()
        return " + ".join(parts) or '""'

    def _decorated(self, text: str) -> str:
        rng, style = self.rng, self.style
        roll = rng.random()
        if roll < 0.22:
            return f"strong({quote(text)})"
        if roll < 0.42:
            return f"emph({quote(text)})" if style.language.cased else f"strong({quote(text)})"
        if roll < 0.58:
            return f"raw({quote(identifier(rng))})"
        if roll < 0.72:
            mark = rng.choice(
                (
                    f"[{rng.randint(1, 60)}]",
                    f"[{rng.randint(1, 30)}, {rng.randint(31, 60)}]",
                    f"({self.words.word().title()}, {rng.randint(1980, 2026)})",
                )
            )
            cited = quote(mark) if style.link_ink is None else f"text(fill: {style.link_ink}, {quote(mark)})"
            return f"{quote(text + ' ')} + {cited}"
        if roll < 0.84:
            return f"text(fill: {style.link_ink or style.accent}, {quote(text)})"
        if roll < 0.9:
            return f"{quote(text)} + super({quote(str(rng.randint(1, 40)))})"
        if roll < 0.93:
            return f"underline({quote(text)})"
        return f"{quote(text + ' ')} + {self.formulas.inline()}"

    def _note(self) -> str:
        self._counts["note"] += 1
        return f"footnote({self.rich(self.words.tokens(self.rng.randint(4, 28)), 0.02)})"

    def sentences(self, low: int, high: int) -> list[str]:
        """The words of so many sentences."""
        tokens: list[str] = []
        for _ in range(self.rng.randint(low, high)):
            tokens += self.words.tokens(self.rng.randint(5, 26))
        return tokens

    # ---- elements ----

    def line(self, cls: str, body: str, **how: str) -> str:
        """Text of any class; `how` are arguments of typst's `text` (and `align`)."""
        align = how.pop("align", None)
        arguments = "".join(f"{name}: {value}, " for name, value in how.items())
        content = f"p({self.id(cls)}, {body}, justify: false)"
        if arguments:
            content = f"text({arguments}{content})"
        return f"align({align}, {content})" if align else content

    def paragraph(self, low: int = 2, high: int = 7, cls: str = "text", notes: bool = True) -> str:
        """Running text of so many sentences."""
        tokens = self.sentences(low, high)
        return f"p({self.id(cls)}, {self.rich(tokens, notes=notes and self.rng.random() < self.style.notes)})"

    def heading(self, level: int = 0, text: str | None = None, cls: str = "section_header") -> str:
        """A section's heading in the style's look, numbered if that is so."""
        look = self.style.heads[level]
        self._sections[level] += 1
        self._sections[level + 1 :] = [0] * (2 - level)
        text = text or self.words.headline(1, 4 if self.rng.random() < 0.6 else 10)
        if look.case == "upper":
            text = text.upper()
        body = quote(text)
        if look.case == "small":
            body = f"smallcaps({body})"
        if look.numbered:
            number = self._chapter + ".".join(str(max(1, part)) for part in self._sections[: level + 1])
            body = f"{quote(number + self.rng.choice(('', '.') if level == 0 else ('',)))} + h(0.7em) + {body}"
        arguments = f"{look.face.typst()}, size: {em(look.size)}, weight: {quote(look.weight)}, hyphenate: false"
        if look.italic:
            arguments += ', style: "italic"'
        ink = "white" if look.mark == "band" else look.ink
        content = f"text({arguments}, fill: {ink}, pitched(1.2em, p({self.id(cls)}, {body}, justify: false, first-line-indent: 0pt)))"
        if look.align != "start":
            content = f"align({look.align}, {content})"
        size = look.size * self.style.size
        outside = f"above: {pt(look.above * size)}, below: {pt(look.below * size)}, width: 100%, sticky: true"
        match look.mark:
            case "below":
                outside += f", stroke: (bottom: 0.6pt + {look.ink}), inset: (bottom: 3pt)"
            case "above":
                outside += f", stroke: (top: 0.8pt + {look.ink}), inset: (top: 4pt)"
            case "bar":
                outside += f", stroke: (left: 3pt + {self.style.accent}), inset: (left: 7pt, y: 1pt)"
            case "band":
                outside += f", fill: {self.style.accent}, inset: (x: 6pt, y: 4pt)"
        return f"block({outside}, {content})"

    def items(self, count: int, ordered: bool | None = None, long: bool = False, depth: int = 0) -> list[str]:
        """A list; items now and then have a list of their own below them."""
        rng, style = self.rng, self.style
        ordered = rng.random() < 0.35 if ordered is None else ordered
        scheme = rng.choice(("{}.", "{}.", "{})", "({})", "[{}]")) if ordered else ""
        letters = rng.random() < 0.3
        side = rng.choice(("start", "start", "end"))
        hang = style.item_hang + (0.5 if ordered else 0) + (0.6 if scheme in ("({})", "[{}]") else 0)
        gap = style.pitch - style.body.height + style.item_gap
        result = []
        for number in range(1, count + 1):
            marker = (
                scheme.format(chr(96 + number) if letters and number < 27 else number)
                if ordered
                else style.bullets[depth % 3]
            )
            if long or rng.random() < 0.3:
                tokens = self.sentences(1, 3 if long else 2)
            else:
                tokens = self.words.tokens(rng.randint(2, 14))
                if rng.random() < 0.5:
                    tokens[-1] = tokens[-1].rstrip(".?。।")
            body = self.rich(tokens)
            if rng.random() < 0.1:
                body = f"strong({quote(self.words.phrase(1, 2) + self.words.colon + ' ')}) + {body}"
            result.append(
                f"item({self.id('list_item')}, {quote(marker)}, {body}, indent: {em((style.item_indent + depth * 1.6) * min(1.0, self.room / style.size / 24))}, "
                f"hang: {em(hang)}, gap: {em(gap)}, side: {side})"
            )
            if depth < 2 and rng.random() < 0.05:
                result += self.items(rng.randint(2, 3), None, False, depth + 1)
        return result

    def table(self, room: float | None = None, rows: int | None = None, columns: int | None = None) -> str:
        """A table alone."""
        most = max(3, int(self.height * 0.5 / (self.style.size * 2.2)))
        rows = rows or min(most, self.rng.choice((2, 3, 4, 5, 5, 6, 7, 8, 10, 12, 16)))
        assert self.style.table is not None
        body = f"bl({self.id('table')}, {table(self.rng, self.words, self.style.table, room or self.room, self.style.size, rows, columns)})"
        return f"within({pt(self.height * 0.8)}, {body})"

    def caption(self, kind: str, text: str | None = None) -> str:
        """The caption of the next figure, table or listing."""
        rng, style = self.rng, self.style
        self._counts[kind] += 1
        word = {"figure": self._figure_word, "table": self._table_word}.get(kind) or self._listing_word
        label = f"{word} {self._chapter}{self._counts[kind]}"
        label = quote(label + style.caption_separator)
        match style.caption_label:
            case "strong":
                label = f"strong({label})"
            case "emph":
                label = f"emph({label})"
            case "smallcaps":
                label = f"smallcaps({label})"
            case "colour":
                label = f"text(fill: {style.accent}, weight: 700, {label})"
        tokens = self.words.tokens(rng.randint(3, 12)) if rng.random() < 0.6 else self.sentences(1, 3)
        if rng.random() < 0.4:
            tokens[-1] = tokens[-1].rstrip(".?。।")
        body = f"{label} + {quote(text) if text else self.rich(tokens)}"
        slant = ', style: "italic"' if style.caption_italic and style.language.cased else ""
        align = style.caption_align
        return f"align({align}, text(size: {em(style.caption_size)}{slant}, pitched({em(min(style.pitch, 1.3))}, p({self.id('caption')}, {body}, justify: {str(align == 'start' and style.justify).lower()}, first-line-indent: 0pt))))"

    def together(self, *parts: str, gap: float = 0.7, align: str = "center") -> str:
        """Parts that no page break separates, such as a picture and its caption."""
        return (
            f"block(width: 100%, breakable: false, {{ set par(spacing: {em(gap)}, first-line-indent: 0pt)\n"
            f"set block(spacing: {em(gap)})\nset align({align})\n" + "\n".join(parts) + "\n})"
        )

    def table_figure(self, room: float | None = None, rows: int | None = None, columns: int | None = None) -> str:
        """A table with its caption, mostly."""
        body = self.table(room, rows, columns)
        align = self.rng.choice(("center", "center", "center", "start"))
        if self.rng.random() < 0.15:
            return self.together(body, align=align)
        parts = (self.caption("table"), body) if self.style.caption_above else (body, self.caption("table"))
        return self.together(*parts, align=align)

    def picture(self, width: float, highest: float | None = None, kind: str | None = None) -> str:
        """A picture `width` pt wide: a photograph, a chart or a drawing."""
        rng = self.rng
        kind = kind or rng.choices(("photo", "chart", "drawing"), (4, 4, 2))[0]
        highest = highest or self.height * 0.42
        if kind == "drawing" and width > 130:
            body, _, height = drawing(rng, self.words, width, self.style.accent)
            if height <= highest:
                return f"bl({self.id('picture')}, {body})"
        if kind == "drawing":
            kind = "chart"
        image = self.pool.chart(rng) if kind == "chart" else self.pool.photo(rng)
        if kind == "chart":
            width = min(width, highest / image.ratio)
            return f'bl({self.id("picture")}, image("/pool/{image.name}", width: {pt(width)}))'
        ratio = image.ratio * rng.uniform(0.75, 1.1)
        height = min(highest, width * ratio)
        if height < width * ratio * 0.6:
            width = height / ratio
        extra = rng.choices(
            ("", "stroke: 0.6pt, ", f"stroke: 1.5pt + {self.style.accent}, ", "radius: 6pt, clip: true, "),
            (8, 1, 0.5, 1),
        )[0]
        inner = f'image("/pool/{image.name}", width: {pt(width)}, height: {pt(height)}, fit: "cover")'
        return f"bl({self.id('picture')}, box({extra}{inner}))" if extra else f"bl({self.id('picture')}, {inner})"

    def logo(self, width: float, highest: float = 45.0) -> str:
        """A firm's mark."""
        image = self.pool.logo(self.rng)
        return f'bl({self.id("picture")}, image("/pool/{image.name}", width: {pt(min(width, highest / image.ratio))}))'

    def figure(self, room: float | None = None, kind: str | None = None) -> str:
        """A picture, or several side by side, with a caption."""
        rng = self.rng
        room = room or self.room
        if rng.random() < 0.12 and room > 180:
            count = rng.randint(2, 3)
            each = (room - 8 * (count - 1)) / count
            cells = ", ".join(
                self.picture(each, each * 0.9, kind or rng.choice(("photo", "chart"))) for _ in range(count)
            )
            body = f"grid(columns: {count}, gutter: 8pt, align: center + bottom, {cells})"
        else:
            body = self.picture(room * rng.choice((1.0, 1.0, rng.uniform(0.5, 0.95))), kind=kind)
        if rng.random() < 0.08:
            return self.together(body)
        caption = self.caption("figure")
        return self.together(*((caption, body) if self.style.picture_caption_above else (body, caption)))

    def formula(self) -> str:
        """A display formula, numbered or not."""
        rng, style = self.rng, self.style
        number = "none"
        if self._formula_numbers and rng.random() < 0.75:
            self._counts["formula"] += 1
            number = quote(style.formula_number.format(self._counts["formula"]))
        body = self.formulas.display(self.room / style.size - 5)
        extra = f", left: true, indent: {em(rng.choice((0.0, 1.5, 2.5)))}" if style.formula_left else ""
        return f"formula({self.id('formula')}, {body}, number: {number}, gap: {em(rng.uniform(0.6, 1.1))}{extra})"

    def code(self, lines: int | None = None, room: float | None = None) -> str:
        """A listing, in a box if the style has one; some have numbers before their lines, some a caption."""
        rng, style = self.rng, self.style
        boxed = style.code_fill or style.code_stroke
        inset = rng.uniform(4, 8) if boxed else 0.0
        size = style.size * style.code_size
        numbered = rng.random() < 0.12
        width = int(((room or self.room) - 2 * inset - 2) / (size * 0.605)) - (4 if numbered else 0)
        most = max(2, int(self.height * 0.55 / (size * 1.3)))
        text, language = listing(rng, max(12, width), min(most, lines or rng.choice((1, 2, 3, 4, 5, 6, 8, 10, 14, 20))))
        if numbered:
            text = "\n".join(f"{number:>2}  {line}" for number, line in enumerate(text.splitlines(), 1))
        lang = f", lang: {quote(language)}" if style.code_colour and language != "pycon" and not numbered else ""
        raw = f"raw({quote(text)}{lang})"
        dress = "set par(first-line-indent: 0pt, justify: false)\nset text(fill: black)\nset align(left)\n"
        if boxed:
            fill = f"fill: {style.code_fill}, " if style.code_fill else ""
            stroke = f"stroke: {style.code_stroke}, " if style.code_stroke else ""
            inside = f"{fill}{stroke}radius: {rng.choice((0, 0, 2, 4))}pt, inset: {pt(inset)}, {{ {dress} pitched(1.2em, {raw}) }}"
            code = f"bl({self.id('code')}, block(width: 100%, breakable: false, {inside}))"
        else:
            code = f"block(width: 100%, breakable: false, {{ {dress} pitched(1.2em, p({self.id('code')}, {raw})) }})"
        if rng.random() < 0.12:
            caption = self.caption("listing")
            return self.together(*((caption, code) if style.caption_above else (code, caption)))
        return code

    # ---- pages ----

    def page(self, header: str = "none", footer: str = "none", **extra: str) -> str:
        """The rule that sets the paper, its margins and columns, and what runs along all pages."""
        style = self.style
        left, right, top, bottom = style.margin
        more = "".join(f", {name.replace('_', '-')}: {value}" for name, value in extra.items())
        ground = f", fill: {style.ground}" if style.ground != "white" else ""
        columns = f"#set columns(gutter: {pt(style.gutter)})\n" if style.columns > 1 else ""
        return (
            f"{columns}#set page(width: {pt(style.paper[0])}, height: {pt(style.paper[1])}, columns: {style.columns}{ground}, "
            f"margin: (left: {pt(left)}, right: {pt(right)}, top: {pt(top)}, bottom: {pt(bottom)}), "
            f"header: {header}, footer: {footer}{more})"
        )

    def running(
        self,
        cls: str,
        pieces: tuple[str | None, str | None, str | None],
        rule: str = "none",
        size: float = 0.85,
        **how: str,
    ) -> str:
        """A header or footer: what stands left, in the middle and right, each an element."""
        arguments = "".join(f", {name}: {value}" for name, value in how.items())
        cells = ", ".join(f"par(el({self.id(cls)}, {piece}))" if piece else "none" for piece in pieces)
        above = "true" if cls == "page_footer" else "false"
        return (
            f"text(size: {pt(max(6.0, self.style.size * size))}{arguments}, pitched(1.25em, "
            f"running(({cells}), rule: {rule}, gap: {pt(self.rng.uniform(2, 5))}, above: {above})))"
        )

    def source(self, page: str, body: list[str], first_page: int = 1) -> str:
        """The whole document."""
        style = self.style
        notes = f"#show: note-marks.with({quote(style.note_scheme)}, {em(0.85)}, {em(min(style.pitch, 1.25))}, {str(style.note_hang).lower()})"
        start = f"#counter(page).update({first_page})\n" if first_page != 1 else ""
        return f"{prelude()}\n{style.preamble()}\n{page}\n{notes}\n{start}#{block(*body)}\n"
