"""What stands in the cells of a table: columns of numbers, names, dates, marks, code or sentences."""

from __future__ import annotations

import random
from typing import Final

from .listings import identifier
from .markup import quote
from .words import Words

KINDS: Final = (
    "integer", "decimal", "percent", "money", "date", "short", "long", "mark", "code", "name", "range",
)  # fmt: skip
NUMERIC: Final = ("integer", "decimal", "percent", "money", "range")
# how much room a column needs for text of 9 pt, in pt
ROOM: Final = {
    "integer": 40.0,
    "decimal": 44.0,
    "percent": 40.0,
    "mark": 34.0,
    "range": 62.0,
    "long": 140.0,
    "code": 100.0,
}
SHORT: Final = ("integer", "decimal", "percent", "mark", "range")


def columns(rng: random.Random, width: float, count: int | None) -> list[str]:
    """Kinds of columns that fit into `width`, which is in pt for text of 9 pt; the first names the rows."""
    kinds = [rng.choice(("name", "short", "code", "short", "name"))]
    used = 80.0
    limit = count or rng.choices((2, 3, 4, 5, 6, 7, 8, 9, 10), (2, 4, 5, 5, 4, 3, 2, 1, 1))[0]
    main = rng.choice(KINDS)
    while len(kinds) < limit:
        kind = main if rng.random() < 0.5 else rng.choice(KINDS)
        if kind == "long" and ("long" in kinds or limit > 5):
            continue
        used += ROOM.get(kind, 74.0)
        if used > width:
            break
        kinds.append(kind)
    return kinds if len(kinds) > 1 else [*kinds, "integer"]


def heading(rng: random.Random, words: Words, kind: str) -> str:
    """What stands above a column."""
    if kind in SHORT and rng.random() < 0.2:
        return rng.choice(("%", "n", "No.", "F1", "mAP", "kg", "2024", "2025", "Q1"))
    return words.phrase(1, 1)[:9] if kind in SHORT else words.phrase(1, 2)


def cell(rng: random.Random, words: Words, kind: str) -> str:
    """A cell's content as a typst expression."""
    digit = rng.randint(0, 9)
    match kind:
        case "integer":
            text = str(rng.randint(0, rng.choice((9, 99, 999, 9999))))
        case "decimal":
            text = f"{rng.uniform(-1, 10 ** rng.randint(0, 3)):.{rng.randint(1, 3)}f}"
        case "percent":
            text = f"{rng.uniform(0, 100):.1f}{rng.choice(('%', '', '%'))}"
        case "money":
            amount = f"{rng.randint(1, 99)},{rng.randint(0, 999):03d}.{rng.randint(0, 99):02d}"
            text = rng.choice(("$", "€", "", "")) + amount
        case "date":
            text = words.date()
        case "mark":
            text = rng.choice(("✓", "✗", "×", "–", "+", "A", "B", "Y", "N"))
        case "code":
            name = identifier(rng).replace(".", ".\u200b").replace("_", "_\u200b")  # places where it may break
            return f"raw({quote(name)})"
        case "name":
            text = words.name() if rng.random() < 0.3 else words.phrase(1, 3)
        case "range":
            low = rng.randint(0, 50)
            text = rng.choice(
                (f"{low}–{low + 9}", f"{low}.{digit} ± {rng.randint(0, 3)}.{digit}", f"[{low}, {low + digit}]")
            )
        case "long":
            text = words.sentence(3, 16)
        case _:
            text = words.phrase(1, 2)
    return quote(text)
