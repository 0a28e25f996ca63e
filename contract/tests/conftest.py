from __future__ import annotations

from pathlib import Path

import pytest

from sites import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site directory with one plugin; what a test installs into it is seen beside that, and nothing else is."""
    site = Site(tmp_path / "site", alone=True)
    site.add_plugin("zebra")
    return site
