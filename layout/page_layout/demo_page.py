"""`python -m page_layout.demo_page FILE.pdf`: one page that is always the same, with nearly every class on it.

It needs only the fonts that typst brings. `examples/demo_page.pdf` is this page.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import typst

from .render import compile_pdf
from .writer import prelude


def demo_page() -> bytes:
    """The page as a PDF."""
    source = prelude() + Path(__file__).with_suffix(".typ").read_text(encoding="utf-8")
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
    return compile_pdf(source, typst.Compiler(font_paths=fonts))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m page_layout.demo_page", description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path, help="PDF to write")
    parser.parse_args().file.write_bytes(demo_page())


if __name__ == "__main__":
    main()
