"""Values that other people's code made: taken as what they are, and put into words, whatever their methods do.

Whatever that code raises is caught here, ``SystemExit`` and ``GeneratorExit`` included; only ``KeyboardInterrupt``,
which is the user's, passes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

from model_zoo_api.texts import printable

T = TypeVar("T")

_ADDRESS: Final = re.compile(r" at 0x[0-9A-Fa-f]+")
_LONGEST_VALUE: Final = 200
_LONGEST_ERROR: Final = 2000


def attempt(call: Callable[[], T], otherwise: T) -> T:
    """Return what others' code answers, or ``otherwise`` when it raises."""
    try:
        return call()
    except KeyboardInterrupt:
        raise
    except BaseException:
        return otherwise


def is_a(value: object, kind: Any) -> bool:
    """``isinstance`` by the real class: what ``__class__`` says, as in a lazy proxy or a mock, doesn't count."""
    return issubclass(type(value), kind)


def plain(value: Any) -> Any:
    """Return a string or number as the built-in kind, without what a subclass overrides; anything else as it is."""
    if type(value) in (str, int, float, bool, type(None)):
        return value
    for kind, convert in ((str, str.__str__), (int, int.__int__), (float, float.__float__)):
        if is_a(value, kind):
            return convert(value)
    return value


def text_or(otherwise: str, call: Callable[[], object]) -> str:
    """Return the text that others' code answers, or ``otherwise`` when it raises or answers something else."""
    answer = plain(attempt(call, None))
    return answer if is_a(answer, str) else otherwise


def class_name(kind: type) -> str:
    """Return a class's name as Python stored it: a metaclass can't change it."""
    return printable(str(plain(vars(type)["__name__"].__get__(kind))))


def shown(value: object) -> str:
    """Return what a value looks like, in one printable line of some 200 characters, the same in every process."""
    text = text_or(f"<{class_name(type(value))}, which can't be shown>", lambda: repr(value))
    return _ADDRESS.sub("", _line(text, _LONGEST_VALUE))


def describe(error: BaseException) -> str:
    """Return the class and the message of an exception in one printable line of some 2,000 characters."""
    said = _line(text_or("", lambda: str(error)), _LONGEST_ERROR)
    return f"{class_name(type(error))}: {said}" if said else class_name(type(error))


def _line(text: str, longest: int) -> str:
    line = printable(" ".join(text[: 2 * longest].split()))
    return line if len(line) <= longest and len(text) <= 2 * longest else f"{line[:longest]}..."
