"""A host of weight files, asked without the machine's proxies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.weight_host import Host, serving


@pytest.fixture
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def host() -> Iterator[Host]:
    with serving() as host:
        yield host
