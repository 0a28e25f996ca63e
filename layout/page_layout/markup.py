"""Typst source from Python: all of it is in typst's code mode, so that nothing in a text is ever taken as markup."""

from __future__ import annotations


def quote(text: str) -> str:
    """The text as a string literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def call(function: str, *arguments: str, **named: str | None) -> str:
    """A call; named arguments that are None are left out, and their underscores are typst's hyphens."""
    options = [f"{name.replace('_', '-')}: {value}" for name, value in named.items() if value is not None]
    return f"{function}({', '.join((*options, *arguments))})"


def block(*statements: str) -> str:
    """Several pieces of content, one after the other."""
    return "{\n" + "\n".join(statement for statement in statements if statement) + "\n}"


def box(*statements: str, **named: str | None) -> str:
    """Typst's `block` around several pieces: a frame, a ground, a limit to breaking."""
    return call("block", block(*statements), width="100%", **named)


def pile(gap: float, *parts: str) -> str:
    """Parts above each other, `gap` em apart."""
    return call("pile", em(gap), block(*parts))


def side_by_side(columns: str, *cells: str, **named: str | None) -> str:
    """Cells of a grid with these columns."""
    return call("grid", *cells, columns=columns, **named)


def lines(*texts: str) -> str:
    """Short lines that stand together."""
    return " + linebreak() + ".join(quote(text) for text in texts)


def strong(text: str) -> str:
    return f"strong({quote(text)})"


def emph(text: str) -> str:
    return f"emph({quote(text)})"


def boolean(value: object) -> str:
    return "true" if value else "false"


def pt(length: float) -> str:
    """A length in points."""
    return f"{length:.2f}pt"


def em(length: float) -> str:
    """A length in the font's size."""
    return f"{length:.3f}em"


BOLD = '"bold"'
ITALIC = '"italic"'
PAGE_NUMBER = "context counter(page).display()"
PAGE_OF_PAGES = 'context counter(page).display("1 / 1", both: true)'
