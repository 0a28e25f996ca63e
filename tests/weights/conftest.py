"""A host of weight files, asked without the machine's proxies; objects of super-gradients' classes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

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


@pytest.fixture
def super_gradients(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Make objects of super-gradients' classes, which exist only while they are pickled."""
    home = "super_gradients.training.processing.processing"
    for index in range(home.count(".") + 1):
        name = ".".join(home.split(".")[: index + 1])
        monkeypatch.setitem(sys.modules, name, ModuleType(name))

    def make(name: str, **attributes: Any) -> Any:
        module = sys.modules[home]
        if not hasattr(module, name):
            setattr(module, name, type(name, (), {"__module__": home}))
        made = getattr(module, name)()
        vars(made).update(attributes)
        return made

    return make
