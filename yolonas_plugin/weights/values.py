"""Values of a pickle as plain Python: numpy's numbers and arrays, sets, omegaconf's settings, super-gradients' objects.

Only what files describe processing with is converted; anything else is an error, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from yolonas_plugin.weights.unpickle import Global, Record

_MAX_DEPTH: Final = 20
_MAX_VALUES: Final = 50_000  # and 20 letters or bytes count as one more
_NUMPY: Final = ("numpy.core.", "numpy._core.", "numpy.")
_COLLECTIONS: Final = {"set", "frozenset", "list", "tuple", "Size"}


class UnknownValueError(ValueError):
    """A value is of a kind that this package doesn't convert, or is nested too deep."""


def plain_value(value: Any) -> Any:
    """Return ``value`` built of dictionaries, lists, tuples, numbers, text and None only.

    An object of super-gradients becomes ``{class name: attributes}``, the form in which its checkpoints describe steps.

    Raises:
        UnknownValueError: Something in it is unknown, or nested deeper than processing ever is.
    """
    return _Conversion().convert(value, 0)


class _Conversion:
    """One conversion, which counts the values that it returns: a file may name a large value many times."""

    def __init__(self) -> None:
        self.returned = 0

    def spend(self, values: int, letters: int = 0) -> None:
        self.returned += values + letters // 20
        if self.returned > _MAX_VALUES:
            raise UnknownValueError("it is too long, or refers to itself")

    def convert(self, value: Any, depth: int) -> Any:
        self.spend(1, len(value) if isinstance(value, str) else 0)
        if depth > _MAX_DEPTH:
            raise UnknownValueError("it is nested too deep, or refers to itself")
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, Mapping):
            return {self.name(key): self.convert(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (tuple, list, set, frozenset)):
            items = [self.convert(item, depth + 1) for item in value]
            return tuple(items) if isinstance(value, tuple) else items
        if isinstance(value, (np.ndarray, np.generic)):
            return value.tolist()
        if isinstance(value, Record):
            return self.record(value, depth)
        raise UnknownValueError(f"a {type(value).__name__} is in it")

    def name(self, key: Any) -> Any:
        if not isinstance(key, (str, int)):
            raise UnknownValueError(f"a {type(key).__name__} is a key in it")
        self.spend(0, len(key) if isinstance(key, str) else 0)
        return key

    def record(self, record: Record, depth: int) -> Any:
        package, _, name = record.name.rpartition(".")
        state = record.state if isinstance(record.state, dict) else {}
        if record.name.startswith(_NUMPY):
            return self.numpy(record)
        if name in _COLLECTIONS and package in ("builtins", "__builtin__", "torch"):
            return self.convert(record.first if record.args else [], depth + 1)
        if package.startswith("super_gradients."):
            return {name: self.convert(state, depth + 1)}
        if package.startswith("omegaconf.") and ("_content" in state or "_val" in state):
            return self.convert(state.get("_content", state.get("_val")), depth + 1)
        raise UnknownValueError(f"a {record.name} is in it")

    def numpy(self, record: Record) -> Any:
        """Return the number or nested list that numpy would make."""
        function = record.name.rpartition(".")[2]
        try:
            if function == "scalar":
                kind, content = record.args
                return np.frombuffer(self.content(content), dtype=_dtype(kind), count=1).tolist()[0]
            if function in ("_reconstruct", "_frombuffer"):
                if function == "_reconstruct":
                    _, shape, kind, fortran, content = record.state
                else:  # of protocol 5
                    content, kind, shape, order = record.args
                    fortran = order == "F"
                flat = np.frombuffer(self.content(content), dtype=_dtype(kind))
                self.spend(flat.size)
                # an array of nothing may claim any number of rows: its list would have them
                if flat.size > 0 and len(shape) <= 4:
                    return flat.reshape(shape, order="F" if fortran else "C").tolist()
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise UnknownValueError(f"a damaged value of numpy is in it: {error!s:.80}") from error
        raise UnknownValueError(f"a {record.name} is in it")

    def content(self, value: Any) -> bytes:
        """Return bytes, which protocol 2 and Python 2 write as text."""
        if isinstance(value, Record) and value.name == "_codecs.encode":
            value, encoding = value.args
            if encoding != "latin1" or not isinstance(value, str):
                raise TypeError("its content is not bytes")
        if not isinstance(value, (str, bytes, bytearray)):
            raise TypeError("its content is not bytes")
        self.spend(0, len(value))
        return value.encode("latin1") if isinstance(value, str) else bytes(value)


def _dtype(record: Any) -> np.dtype[Any]:
    """Return a plain type of numbers from the record of a ``numpy.dtype``."""
    name = record.first if isinstance(record, Record) and record.name == "numpy.dtype" else None
    if not isinstance(name, str) or name[:1] not in "biufc" or not name[1:].isdigit() or len(name) > 3:
        raise ValueError("its type is not a plain number's")
    order = record.state[1] if record.state else "<"
    return np.dtype(f"{order if order in ('<', '>') else '|'}{name}")


def describe(value: Any) -> str:
    """Return a short text for messages, whatever ``value`` is; ``repr`` would follow deep nesting."""
    if isinstance(value, (Record, Global)):
        return value.name
    if value is None or isinstance(value, (bool, float)):
        return repr(value)
    if isinstance(value, int):
        return repr(value) if abs(value) < 1 << 64 else "a huge number"
    if isinstance(value, str):
        return repr(value[:80])
    if isinstance(value, (Mapping, list, tuple, set)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"
