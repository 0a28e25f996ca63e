"""Running text of a document: words with bold, italics, code, references, small formulas and footnotes among them."""

from __future__ import annotations

import random
from collections.abc import Mapping

from .formulas import Formulas
from .listings import identifier
from .markup import call, emph, quote, strong
from .style import Style
from .words import Words


class Prose:
    """What is said in one document, in its style."""

    def __init__(self, style: Style, rng: random.Random) -> None:
        self.style = style
        self.rng = rng
        self.words = Words(style.language, rng)
        self.formulas = Formulas(rng)

    def name(self, names: Mapping[str, str]) -> str:
        """What something is called in the document's language."""
        return self.rng.choice(names.get(self.style.language.code, self.words.phrase(1, 1)).split("|"))

    def rich(self, tokens: list[str], emphasis: float | None = None, notes: bool = False) -> str:
        """Words with bold, italics, code, references and small formulas among them."""
        rng = self.rng
        share = self.style.emphasis if emphasis is None else emphasis
        separator = " " if self.style.language.spaced else ""
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
                parts.append(f"footnote({self.rich(self.words.tokens(rng.randint(4, 28)), 0.02)})")
        flush()
        return " + ".join(parts) or '""'

    def _decorated(self, text: str) -> str:
        rng, style = self.rng, self.style
        roll = rng.random()
        if roll < 0.22:
            return strong(text)
        if roll < 0.42:
            return emph(text) if style.language.cased else strong(text)
        if roll < 0.58:
            return f"raw({quote(identifier(rng))})"
        if roll < 0.72:
            numbers = f"[{rng.randint(1, 30)}, {rng.randint(31, 60)}]"
            author = f"({self.words.word().title()}, {rng.randint(1980, 2026)})"
            mark = quote(rng.choice((f"[{rng.randint(1, 60)}]", numbers, author)))
            return f"{quote(text + ' ')} + {call('text', mark, fill=style.link_ink)}"
        if roll < 0.84:
            return call("text", quote(text), fill=style.link_ink or style.accent)
        if roll < 0.9:
            return f"{quote(text)} + super({quote(str(rng.randint(1, 40)))})"
        if roll < 0.93:
            return f"underline({quote(text)})"
        return f"{quote(text + ' ')} + {self.formulas.inline()}"

    def sentences(self, low: int, high: int) -> list[str]:
        """The words of so many sentences."""
        tokens: list[str] = []
        for _ in range(self.rng.randint(low, high)):
            tokens += self.words.tokens(self.rng.randint(5, 26))
        return tokens
