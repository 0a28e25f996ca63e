"""Parameters of which ``make test`` takes some, and ``make test-all`` the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def first(values: Iterable[Any], count: int = 1) -> list[Any]:
    """Mark all but the first ``count`` of a test's parameters as exhaustive."""
    return [value if index < count else exhaustive(value) for index, value in enumerate(values)]


def sample(values: Iterable[Any], every: int) -> list[Any]:
    """Mark all but each ``every``-th of a test's parameters, beginning with the first, as exhaustive."""
    return [exhaustive(value) if index % every else value for index, value in enumerate(values)]


def exhaustive(value: Any) -> Any:
    """Mark one parameter, or a tuple of those of one case."""
    return pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.exhaustive)
