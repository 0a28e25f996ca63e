"""Which fonts there are, for which scripts, which of them training never sees, and how high their letters are.

A line's box goes from the top of its font's ascending letters (b, d, l) to the foot of its descending ones (p, g). What
a font file declares as ascender and descender would not do: it differs between files by half a line with nothing to see
of it on the page (Noto Sans declares 1.07 em above the baseline, Liberation Serif 0.69; their letters reach 0.76 and
0.69), so no detector could learn it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import typst
from PIL import ImageFont


@dataclass(frozen=True)
class Font:
    """One family: where Debian has it (None: embedded in typst), what it is like and which scripts it covers."""

    family: str
    package: str | None
    kind: str  # serif, sans, mono or math
    scripts: tuple[str, ...]
    held_out: bool = False
    weight: float = 1.0


def _fonts(
    package: str | None, kind: str, scripts: str, *families: str, held_out: bool = False, weight: float = 1.0
) -> list[Font]:
    return [Font(family, package, kind, tuple(scripts.split()), held_out, weight) for family in families]


_WIDE = "latin vietnamese cyrillic"

FONTS: Final[tuple[Font, ...]] = (
    *_fonts(None, "serif", _WIDE, "New Computer Modern", weight=3),
    *_fonts(None, "serif", _WIDE, "Libertinus Serif", weight=1.5),
    *_fonts(None, "mono", "latin cyrillic", "DejaVu Sans Mono", weight=1.5),
    *_fonts(None, "math", "latin", "New Computer Modern Math", weight=3),
    *_fonts("fonts-lmodern", "serif", "latin vietnamese", "Latin Modern Roman", weight=2),
    *_fonts("fonts-lmodern", "sans", "latin vietnamese", "Latin Modern Sans"),
    *_fonts("fonts-lmodern", "mono", "latin vietnamese", "Latin Modern Mono", weight=1.5),
    *_fonts("fonts-lmodern", "math", "latin", "Latin Modern Math"),
    *_fonts("fonts-liberation", "serif", "latin cyrillic", "Liberation Serif", weight=3),
    *_fonts("fonts-liberation", "sans", "latin cyrillic", "Liberation Sans", weight=3),
    *_fonts("fonts-liberation", "mono", "latin cyrillic", "Liberation Mono"),
    *_fonts("fonts-dejavu-extra", "serif", _WIDE, "DejaVu Serif"),
    *_fonts("fonts-dejavu-core", "sans", _WIDE, "DejaVu Sans"),
    *_fonts("fonts-noto-core", "serif", _WIDE, "Noto Serif"),
    *_fonts("fonts-noto-core", "sans", _WIDE, "Noto Sans"),
    *_fonts("fonts-noto-mono", "mono", _WIDE, "Noto Sans Mono"),
    *_fonts("fonts-texgyre", "serif", "latin vietnamese", "TeX Gyre Pagella", weight=1.5),
    *_fonts("fonts-texgyre", "serif", "latin vietnamese", "TeX Gyre Termes"),
    *_fonts("fonts-texgyre", "sans", "latin vietnamese", "TeX Gyre Heros", weight=1.5),
    *_fonts("fonts-texgyre", "mono", "latin vietnamese", "TeX Gyre Cursor"),
    *_fonts("fonts-texgyre-math", "math", "latin", "TeX Gyre Pagella Math", "TeX Gyre Termes Math"),
    *_fonts("fonts-ebgaramond", "serif", _WIDE, "EB Garamond 12"),
    *_fonts("fonts-crosextra-caladea", "serif", "latin", "Caladea"),
    *_fonts("fonts-crosextra-carlito", "sans", _WIDE, "Carlito", weight=2),
    *_fonts("fonts-sil-gentiumplus", "serif", _WIDE, "Gentium Plus", weight=0.7),
    *_fonts("fonts-cmu", "serif", _WIDE, "CMU Serif"),
    *_fonts("fonts-cmu", "sans", _WIDE, "CMU Sans Serif", weight=0.5),
    *_fonts("fonts-cmu", "mono", _WIDE, "CMU Typewriter Text", weight=0.5),
    *_fonts("fonts-paratype", "serif", "latin cyrillic", "PT Serif"),
    *_fonts("fonts-paratype", "sans", "latin cyrillic", "PT Sans"),
    *_fonts("fonts-paratype", "mono", "latin cyrillic", "PT Mono", weight=0.7),
    *_fonts("fonts-lato", "sans", _WIDE, "Lato"),
    *_fonts("fonts-roboto-unhinted", "sans", _WIDE, "Roboto"),
    *_fonts("fonts-roboto-slab", "serif", _WIDE, "Roboto Slab", weight=0.5),
    *_fonts("fonts-open-sans", "sans", _WIDE, "Open Sans"),
    *_fonts("fonts-hack", "mono", "latin cyrillic", "Hack"),
    *_fonts("fonts-firacode", "mono", "latin cyrillic", "Fira Code"),
    *_fonts("fonts-inconsolata", "mono", "latin", "Inconsolata"),
    *_fonts("fonts-hosny-amiri", "serif", "arabic", "Amiri"),
    *_fonts("fonts-noto-core", "serif", "arabic", "Noto Naskh Arabic"),
    *_fonts("fonts-noto-core", "sans", "arabic", "Noto Sans Arabic"),
    *_fonts("fonts-noto-core", "serif", "devanagari", "Noto Serif Devanagari"),
    *_fonts("fonts-noto-core", "sans", "devanagari", "Noto Sans Devanagari"),
    *_fonts("fonts-lohit-deva", "sans", "devanagari", "Lohit Devanagari"),
    *_fonts("fonts-noto-cjk", "serif", "hans", "Noto Serif CJK SC"),
    *_fonts("fonts-noto-cjk", "sans", "hans", "Noto Sans CJK SC"),
    *_fonts("fonts-wqy-zenhei", "sans", "hans", "WenQuanYi Zen Hei", weight=0.5),
    *_fonts("fonts-arphic-uming", "serif", "hans", "AR PL UMing", weight=0.5),
    *_fonts("fonts-noto-cjk", "serif", "hant", "Noto Serif CJK TC"),
    *_fonts("fonts-noto-cjk", "sans", "hant", "Noto Sans CJK TC"),
    *_fonts("fonts-arphic-uming", "serif", "hant", "AR PL UMing TW", weight=0.5),
    *_fonts("fonts-noto-cjk", "serif", "kana", "Noto Serif CJK JP"),
    *_fonts("fonts-noto-cjk", "sans", "kana", "Noto Sans CJK JP"),
    *_fonts("fonts-ipaexfont-mincho", "serif", "kana", "IPAexMincho"),
    *_fonts("fonts-ipaexfont-gothic", "sans", "kana", "IPAexGothic"),
    *_fonts("fonts-vlgothic", "sans", "kana", "VL PGothic", weight=0.5),
    # ---- never seen in training ----
    *_fonts("fonts-urw-base35", "serif", "latin greek", "C059", held_out=True),
    *_fonts("fonts-texgyre", "serif", "latin", "TeX Gyre Bonum", held_out=True),
    *_fonts("fonts-texgyre", "sans", "latin", "TeX Gyre Adventor", held_out=True, weight=0.5),
    *_fonts("fonts-vollkorn", "serif", "latin greek", "Vollkorn", held_out=True),
    *_fonts("fonts-oldstandard", "serif", "latin greek", "Old Standard TT", held_out=True),
    *_fonts("fonts-sil-charis", "serif", "latin", "Charis SIL", held_out=True),
    *_fonts("fonts-stix", "serif", "latin greek", "STIX", held_out=True),
    *_fonts("fonts-gfs-didot", "serif", "greek", "GFS Didot", held_out=True),
    *_fonts("fonts-gfs-artemisia", "serif", "greek", "GFS Artemisia", held_out=True),
    *_fonts("fonts-gfs-neohellenic", "sans", "greek", "GFS Neohellenic", held_out=True),
    *_fonts("fonts-clear-sans", "sans", "latin greek", "Clear Sans", held_out=True, weight=1.5),
    *_fonts("fonts-cantarell", "sans", "latin greek", "Cantarell", held_out=True),
    *_fonts("fonts-go", "sans", "latin greek", "Go", held_out=True),
    *_fonts("fonts-karla", "sans", "latin", "Karla", held_out=True),
    *_fonts("fonts-manrope", "sans", "latin greek", "Manrope", held_out=True, weight=0.7),
    *_fonts("fonts-sil-andika", "sans", "latin", "Andika", held_out=True),
    *_fonts("fonts-jetbrains-mono", "mono", "latin greek", "JetBrains Mono", held_out=True),
    *_fonts("fonts-anonymous-pro", "mono", "latin greek", "Anonymous Pro", held_out=True),
    *_fonts("fonts-go", "mono", "latin greek", "Go Mono", held_out=True),
    *_fonts("fonts-mononoki", "mono", "latin greek", "mononoki", held_out=True),
    *_fonts("fonts-courier-prime", "mono", "latin", "Courier Prime Code", held_out=True),
    *_fonts("fonts-texgyre-math", "math", "latin", "TeX Gyre Schola Math", "TeX Gyre Bonum Math", held_out=True),
    *_fonts("fonts-oflb-asana-math", "math", "latin", "Asana Math", held_out=True),
    *_fonts("culmus", "serif", "hebrew", "David CLM", "Frank Ruehl CLM", held_out=True),
    *_fonts("fonts-noto-core", "serif", "hebrew", "Noto Serif Hebrew", held_out=True),
    *_fonts("fonts-noto-core", "sans", "hebrew", "Noto Sans Hebrew", held_out=True),
    *_fonts("fonts-nanum", "serif", "hangul", "NanumMyeongjo", held_out=True),
    *_fonts("fonts-nanum", "sans", "hangul", "NanumGothic", "NanumBarunGothic", held_out=True),
    *_fonts("fonts-unfonts-core", "serif", "hangul", "UnBatang", held_out=True),
    *_fonts("fonts-unfonts-core", "sans", "hangul", "UnDotum", held_out=True),
    *_fonts("fonts-tlwg-norasi-otf", "serif", "thai", "Norasi", held_out=True),
    *_fonts("fonts-tlwg-loma-otf", "sans", "thai", "Loma", held_out=True),
    *_fonts("fonts-noto-core", "serif", "thai", "Noto Serif Thai", held_out=True),
)

# What shows how high a script's letters go and how deep.
_LETTERS: Final = {
    "latin": ("bdhkl", "gpqy"),
    "arabic": ("لكط", "جع"),
    "devanagari": ("कीर्ति", "कुपू"),
    "hans": ("国语书", "国语书"),
    "hant": ("國語書", "國語書"),
    "kana": ("国語書", "国語書"),
    "hebrew": ("לאב", "קןך"),
    "hangul": ("한국어를", "한국어를"),
    "thai": ("ปี่ฟ้า", "กุฤญ"),
}

# The embedded fonts are in no file that could be measured.
_EMBEDDED_EDGES: Final = {
    "New Computer Modern": (0.694, 0.205),
    "New Computer Modern Math": (0.694, 0.205),
    "Libertinus Serif": (0.698, 0.238),
    "DejaVu Sans Mono": (0.76, 0.236),
}


@dataclass(frozen=True)
class Face:
    """A font as a style uses it: families in order of preference, and how far its letters reach, in em."""

    families: tuple[str, ...]
    above: float
    below: float

    @property
    def height(self) -> float:
        """From the foot of p to the top of b, in em."""
        return self.above + self.below

    def font(self) -> str:
        """The argument of `text` that chooses the families alone."""
        return f"font: ({', '.join(f'{chr(34)}{family}{chr(34)}' for family in self.families)},)"

    def typst(self) -> str:
        """The arguments of `text` that choose the font and the edges of its lines."""
        return f"{self.font()}, top-edge: {self.above:.3f}em, bottom-edge: -{self.below:.3f}em"


class FontsMissingError(RuntimeError):
    """Fonts that the split needs are not on this machine; the message has the command that brings them."""


@cache
def _system() -> dict[str, typst.FontInfo]:
    """The upright file of normal weight (or what comes nearest) of each family on this machine."""
    best: dict[str, tuple[float, typst.FontInfo]] = {}
    for info in typst.Fonts(include_system_fonts=True, include_embedded_fonts=True).fonts():
        cost = abs(info.weight - 400) + 1000 * (info.style != "normal") + 1000 * abs(info.stretch - 1)
        if info.family not in best or cost < best[info.family][0]:
            best[info.family] = (cost, info)
    return {family: info for family, (_, info) in best.items()}


def require(fonts: tuple[Font, ...]) -> None:
    """All of them are here, or an error that says how to get those that are not."""
    missing = [font for font in fonts if font.family not in _system()]
    if missing:
        packages = sorted({font.package for font in missing if font.package})
        raise FontsMissingError(
            f"{len(missing)} fonts are not installed ({', '.join(font.family for font in missing)}). "
            f"They are in Debian: apt-get install {' '.join(packages)}"
        )


def of_split(held_out: bool) -> tuple[Font, ...]:
    """The fonts of training and validation, or those of the test."""
    return tuple(font for font in FONTS if font.held_out == held_out)


EMBEDDED: Final = tuple(font for font in FONTS if font.package is None)


@cache
def edges(font: Font) -> tuple[float, float]:
    """How far the letters of its first script reach above and below the baseline, in em."""
    if font.package is None:
        return _EMBEDDED_EDGES[font.family]
    info = _system()[font.family]
    high, low = _LETTERS.get(font.scripts[0], _LETTERS["latin"])
    face = ImageFont.truetype(str(info.path), 1000, index=info.index)
    return -face.getbbox(high, anchor="ls")[1] / 1000, face.getbbox(low, anchor="ls")[3] / 1000


def face(*fonts: Font) -> Face:
    """The first font, and where it has no glyph the others."""
    above, below = edges(fonts[0])
    return Face(tuple(font.family for font in fonts), round(above, 3), round(below, 3))


def compiler_fonts(fonts: tuple[Font, ...], folder: Path) -> typst.Fonts:
    """These fonts alone, so that a missing glyph can't be borrowed from a font of the other split.

    Typst takes folders, so `folder` is filled with links to the files.
    """
    families = {font.family for font in fonts if font.package}
    folder.mkdir(parents=True, exist_ok=True)
    if families:
        for info in typst.Fonts(include_system_fonts=True, include_embedded_fonts=False).fonts():
            if info.family in families and info.path:
                link = folder / f"{info.path.strip('/').replace('/', '_')}"
                if not link.exists():
                    temporary = folder / f".{os.getpid()}.{link.name}"
                    temporary.symlink_to(info.path)
                    temporary.replace(link)
    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=any(font.package is None for font in fonts),
        font_paths=[folder] if families else [],
    )
