"""The tests that the page of security names are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)", PAGE)
    assert len(named) > 30
    missing = []
    for place, test in named:
        files = [file for file in (ROOT / "tests" / place, ROOT / place) if file.is_file()]
        if not files or not re.search(rf"^(async )?def {test}\(", files[0].read_text(encoding="utf-8"), re.MULTILINE):
            missing.append(f"{place}::{test}")
    assert missing == []
