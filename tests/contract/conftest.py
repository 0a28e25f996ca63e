from __future__ import annotations

from pathlib import Path

import pytest

from .distributions import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An empty site directory; what a test installs into it is seen beside what is installed for real."""
    return Site(tmp_path / "site")
