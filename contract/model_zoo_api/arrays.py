"""Rows of numbers as NumPy's arrays, where NumPy is installed; the contract works without it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

_KINDS: Final = {"float": "float64", "integer": "int64"}


class Rows(list[Any]):
    """What stands for an array where there is no NumPy: a list that knows its shape."""

    def __init__(self, values: Sequence[Any], shape: tuple[int, ...]) -> None:
        super().__init__(Rows(value, shape[1:]) for value in values) if len(shape) > 1 else super().__init__(values)
        self.shape = (len(self), *shape[1:])

    def __reduce__(self) -> Any:
        return Rows, (list(self), self.shape)

    def tolist(self) -> list[Any]:
        """Return it as lists in lists."""
        return [value.tolist() if isinstance(value, Rows) else value for value in self]


def as_array(values: Any, shape: tuple[int, ...], kind: str) -> Any:
    """Return an array as it is, and a list or tuple as an array.

    Args:
        values: An array, on the CPU, or numbers in lists.
        shape: Of the array; the first side is as long as ``values``, and -1 elsewhere stands for any.
        kind: ``"float"`` or ``"integer"``; of lists only, an array keeps its own.

    Raises:
        ValueError: The shape is another one.
    """
    if isinstance(values, (list, tuple)) and not isinstance(values, Rows):
        try:
            numpy = import_module("numpy")
        except ImportError:
            values = Rows(values, shape)
        else:
            empty = (0, *(max(side, 0) for side in shape[1:]))
            values = numpy.array(values, dtype=_KINDS[kind]) if values else numpy.empty(empty, _KINDS[kind])
    found = tuple(getattr(values, "shape", ()))
    if len(found) != len(shape) or any(side not in (-1, had) for side, had in zip(shape[1:], found[1:], strict=True)):
        wanted = ", ".join(["N", *("K" if side == -1 else str(side) for side in shape[1:])])
        raise ValueError(f"its shape is {list(found)}, expected [{wanted}]")
    return values
