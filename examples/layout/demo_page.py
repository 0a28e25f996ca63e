"""One page that is always the same: nearly every class is on it, and it needs only the fonts that typst brings."""

from __future__ import annotations

from pathlib import Path

import typst

from .render import compile_pdf
from .writer import prelude


def demo_page() -> bytes:
    """The page as a PDF."""
    source = prelude() + Path(__file__).with_suffix(".typ").read_text(encoding="utf-8")
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
    return compile_pdf(source, typst.Compiler(font_paths=fonts))
