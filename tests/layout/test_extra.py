"""The tests here need the extra `layout`."""

from __future__ import annotations

import pytest

from .conftest import missing


def test_the_extra_is_installed():
    if missing:
        pytest.skip(f"no {', '.join(missing)}: pip install 'yolonas-plugin[layout]' to test the layout pages")
