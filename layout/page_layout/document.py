"""One document from a number: its family, its source, its PDF."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typst

from . import fonts
from .families import HELD_OUT, TRAINING
from .pool import Pool
from .render import compile_pdf
from .splits import Split

_POOLS: Final = {"train": 0, "val": 1, "test": 2}


@dataclass(frozen=True)
class Document:
    """A PDF and what it was made of."""

    family: str
    language: str
    fonts: tuple[str, ...]
    source: str
    pdf: bytes


class Press:
    """Makes a split's documents; what it needs for them it keeps below `folder`. `share` is the pool's."""

    def __init__(self, folder: Path, split: Split, seed: int, share: float = 1.0) -> None:
        fonts.require(split.fonts)
        self.split = split
        self.families = HELD_OUT if split.held_out else TRAINING
        self.pool = Pool(folder / "pool", seed * 10 + _POOLS[split.name], share)
        loaded = fonts.compiler_fonts(split.fonts, folder / ("fonts-held-out" if split.held_out else "fonts"))
        self._compiler = typst.Compiler(root=folder, font_paths=loaded)
        self._seed = f"{seed} {split.name}"

    def random(self, *what: object) -> random.Random:
        """The same numbers every time for the same seed, split and `what`."""
        return random.Random(" ".join(map(str, (self._seed, *what))))

    def document(self, number: int, family: str | None = None) -> Document:
        """The document of this number; the same every time."""
        rng = self.random(number)
        drawn = rng.choices(list(self.families), [weight for _, weight in self.families.values()])[0]
        name = family or drawn
        writer, source = self.families[name][0](self.split, rng, self.pool)
        style = writer.style
        faces = (style.body, style.heading, style.mono, style.math)
        families = tuple(dict.fromkeys(family for face in faces for family in face.families))
        return Document(name, style.language.locale, families, source, self.compile(source))

    def compile(self, source: str) -> bytes:
        """Any source, with the split's fonts and pictures."""
        return compile_pdf(source, self._compiler)
