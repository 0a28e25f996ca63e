"""Damaged files are faults or errors of ours, never a traceback."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.data.sets import SPLITS, WRITERS
from yolonas_plugin.data import check_data
from yolonas_plugin.errors import SourceError

ROUNDS = 120


def damaged(content: bytes, draw: random.Random) -> bytes:
    """Change, cut out, repeat or cut off a piece."""
    start = draw.randrange(len(content) + 1)
    stop = min(len(content), start + draw.choice([1, 1, 2, 8, 40]))
    piece = content[start:stop]
    kind = draw.randrange(5)
    if kind == 0:
        piece = bytes(draw.randrange(256) for _ in piece)
    elif kind == 1:
        piece = draw.choice([b"", b"null", b"-1", b"1e999", b"NaN", b"[]", b"{}", b'"', b"<", b"\n", b"\0", b"9" * 400])
    elif kind == 2:
        piece *= draw.randrange(4)
    elif kind == 3:
        return content[:start]
    return content[:start] + piece + content[stop:]


@pytest.mark.parametrize("format", WRITERS)
def test_damaged_files_never_surprise(format: str, tmp_path: Path) -> None:
    draw = random.Random(0)
    root = WRITERS[format](tmp_path, {split: SPLITS[split] for split in ("train", "val")})
    files = sorted(path for path in root.rglob("*") if path.is_file())
    outcomes, errors = set(), []
    for _ in range(ROUNDS):
        path = draw.choice(files)
        whole = path.read_bytes()
        path.write_bytes(damaged(whole, draw))
        try:
            outcomes.add("faults" if check_data(root).faults else "no faults")
        except SourceError as error:
            outcomes.add("error")
            errors.append(str(error))
        path.write_bytes(whole)
    assert outcomes == {"faults", "no faults", "error"}
    assert all(str(root) in error for error in errors)
