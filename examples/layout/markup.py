"""Typst source from Python: everything is an expression of typst's code mode, so nothing in a text is ever taken as markup."""

from __future__ import annotations


def quote(text: str) -> str:
    """The text as a string literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def block(*statements: str) -> str:
    """Several pieces of content, one after the other."""
    return "{\n" + "\n".join(statement for statement in statements if statement) + "\n}"


def pt(length: float) -> str:
    """A length in points."""
    return f"{length:.2f}pt"


def em(length: float) -> str:
    """A length in the font's size."""
    return f"{length:.3f}em"
