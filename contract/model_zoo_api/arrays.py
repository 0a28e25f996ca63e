"""Rows of numbers as NumPy's arrays, where NumPy is installed; the contract works without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

_KINDS: Final = {"float": "float64", "integer": "int64"}
_NUMBERS: Final[dict[str, Callable[[Any], Any]]] = {"float": float, "integer": int}


class Rows(list[Any]):
    """What stands for an array where there is no NumPy: a list that knows its shape.

    Args:
        values: Numbers, or lists of them as deep as there are.
        number: ``float`` or ``int``, which each becomes.
        inner: The shape of one of the values; it counts where there is none.

    Raises:
        TypeError, ValueError: Some aren't numbers, or lists differ in length.
    """

    def __init__(self, values: Sequence[Any], number: Callable[[Any], Any], inner: tuple[int, ...] = ()) -> None:
        super().__init__(
            Rows(value, number, inner[1:]) if isinstance(value, (list, tuple)) else number(value) for value in values
        )
        shapes = {value.shape if isinstance(value, Rows) else () for value in self} or {inner}
        if len(shapes) > 1:
            raise ValueError(f"its rows differ in shape: {', '.join(str(list(shape)) for shape in sorted(shapes))}")
        self.shape: tuple[int, ...] = (len(self), *shapes.pop())

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
        inner = tuple(max(side, 0) for side in shape[1:])
        try:
            numpy = import_module("numpy")
        except ImportError:
            values = Rows(values, _NUMBERS[kind], inner)
        else:
            values = numpy.array(values, dtype=_KINDS[kind]) if values else numpy.empty((0, *inner), _KINDS[kind])
    found = tuple(getattr(values, "shape", ()))
    if len(found) != len(shape) or any(side not in (-1, had) for side, had in zip(shape[1:], found[1:], strict=True)):
        wanted = ", ".join(["N", *("K" if side == -1 else str(side) for side in shape[1:])])
        raise ValueError(f"its shape is {list(found)}, expected [{wanted}]")
    return values
