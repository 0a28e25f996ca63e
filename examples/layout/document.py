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
from .render import compile_pdf, compiler
from .style import Split

_SEEDS: Final = {"train": 0, "val": 1, "test": 2}


@dataclass(frozen=True)
class Document:
    """A PDF and what it was made of."""

    family: str
    language: str
    fonts: list[str]
    source: str
    pdf: bytes


class Press:
    """Makes a split's documents; everything that it needs lies below `folder`."""

    def __init__(self, folder: Path, split: str, seed: int, share: float = 1.0) -> None:
        self.split = Split.of(split)
        self.seed = f"{seed} {split}"
        fonts.require(self.split.fonts)
        held_out = split == "test"
        self.families = HELD_OUT if held_out else TRAINING
        self.pool = Pool(folder / "pool", seed * 10 + _SEEDS[split], share)
        loaded = fonts.compiler_fonts(self.split.fonts, folder / ("fonts-held-out" if held_out else "fonts"))
        self.compiler: typst.Compiler = compiler(loaded, folder)

    def document(self, number: int, family: str | None = None) -> Document:
        """The document of this number; the same every time."""
        rng = random.Random(f"{self.seed} {number}")
        drawn = rng.choices(list(self.families), [weight for _, weight in self.families.values()])[0]
        name = family or drawn
        writer, source = self.families[name][0](self.split, rng, self.pool)
        style = writer.style
        faces = dict.fromkeys(
            family for face in (style.body, style.heading, style.mono, style.math) for family in face.families
        )
        return Document(name, style.language.locale, list(faces), source, compile_pdf(source, self.compiler))
