"""What every command prints, and the codes it exits with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import IO, Any, Final

FAILED: Final = 1
INCOMPLETE: Final = 3
INTERRUPTED: Final = 130


def print_json(value: Any, out: IO[str]) -> None:
    """Print a value as JSON."""
    json.dump(value, out, indent=2)
    out.write("\n")


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], out: IO[str]) -> None:
    """Print rows under their headings, in columns as wide as they need."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip(), file=out)


def tally(classes: Counter[str]) -> str:
    """Say how many there are of each class, most first."""
    return ", ".join(f"{count} {name}" for name, count in classes.most_common()) or "none"
