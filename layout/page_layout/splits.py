"""What training may see and what only the test has: fonts and languages; `families` has the kinds of documents."""

from __future__ import annotations

import random
from dataclasses import dataclass

from . import fonts
from .fonts import Face, Font
from .words import LANGUAGES, Language


@dataclass(frozen=True)
class Split:
    """The fonts and languages of one part of the data."""

    name: str  # train, val or test
    fonts: tuple[Font, ...]
    languages: tuple[Language, ...]

    @property
    def held_out(self) -> bool:
        return self.name == "test"

    @classmethod
    def of(cls, name: str) -> Split:
        """`train` and `val` share everything but their seeds; `test` shares nothing with them."""
        held_out = name == "test"
        languages = tuple(language for language in LANGUAGES if language.held_out == held_out)
        return cls(name, fonts.of_split(held_out), languages)

    @classmethod
    def embedded(cls, name: str) -> Split:
        """The same with typst's own fonts, for machines that lack the others; they can write fewer languages."""
        written = {script for font in fonts.EMBEDDED for script in font.scripts}
        every = cls.of(name).languages
        return cls(name, fonts.EMBEDDED, tuple(language for language in every if language.script in written))

    def language(self, rng: random.Random) -> Language:
        return rng.choices(self.languages, [language.weight for language in self.languages])[0]

    def face(self, rng: random.Random, language: Language, *kinds: str, prefer: tuple[str, ...] = ()) -> Face:
        """A font of one of these kinds for the language; one of `prefer` if any of them can write it."""
        able = [font for font in self.fonts if language.script in font.scripts and font.kind != "math"]
        able = [font for font in able if font.kind in kinds] or [font for font in able if font.kind != "mono"]
        able = [font for font in able if font.family in prefer] or able
        chosen = _one(rng, able)
        if "latin" in chosen.scripts:
            return fonts.face(chosen)
        latin = [font for font in self.fonts if "latin" in font.scripts and font.kind == chosen.kind]
        return fonts.face(chosen, _one(rng, latin))

    def plain(self, rng: random.Random, kind: str) -> Face:
        """A font of the kind for Latin letters: code and formulas are the same in every language."""
        return fonts.face(_one(rng, [font for font in self.fonts if font.kind == kind]))


def _one(rng: random.Random, among: list[Font]) -> Font:
    return rng.choices(among, [font.weight for font in among])[0]
