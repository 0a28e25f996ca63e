"""Numbers and lists as callers have them: those of NumPy and torch become Python's, and neither is imported."""

from __future__ import annotations

import math
import operator
from numbers import Real
from typing import Any


def as_python(value: Any) -> Any:
    """Return a scalar of NumPy or torch as Python's, anything else as it is."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return value.item()
    return value


def whole_number(value: Any) -> int | None:
    """Return a whole number, None for what is none; True and False are none."""
    value = as_python(value)
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def finite_number(value: Any) -> float | None:
    """Return a finite number, an integer as such; None for what is none; True and False are none."""
    value = as_python(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    found = value if isinstance(value, int) else float(value)
    return found if isinstance(found, int) or math.isfinite(found) else None


def entries_of(value: Any) -> list[Any] | None:
    """Return the entries of a list, tuple, set, range or array of one dimension; None for anything else."""
    if isinstance(value, (list, tuple, set, frozenset, range)):
        return list(value)
    if getattr(value, "ndim", None) == 1 and hasattr(value, "tolist"):
        entries: list[Any] = value.tolist()
        return entries
    return None
