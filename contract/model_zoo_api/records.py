"""Records that a later contract may add to: they keep what they don't know, and say what is wrong when they are asked.

A record can be made of anything. So a wrong or later card doesn't stop the hook that makes it, and with it the plugin;
whoever takes a record checks it, with ``check``.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import fields
from functools import partial, wraps
from itertools import islice
from types import NoneType
from typing import Any, Final, TypeVar

from model_zoo_api.foreign import attempt, class_name, describe, is_a, plain, shown
from model_zoo_api.texts import listed

R = TypeVar("R")

TEXT: Final = (str,)
OPTIONAL_TEXT: Final = (str, NoneType)

LARGEST: Final = 2**63 - 1
"""The largest count; more is no number of bytes or parameters, and hosts couldn't print or store it."""

_LONGEST: Final = 1_000_000
"""Items that a field may hold; one that gives more never ends."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class Missing:
    """What stands in a field that must be given and wasn't: :data:`MISSING`, the only one, in every process."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "missing"

    def __reduce__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()


def keeping_unknown(kind: type[R]) -> type[R]:
    """Let a frozen dataclass with a field ``extra`` be made of any keywords, all of them optional.

    What it doesn't know goes into ``extra``; what must be given and isn't is missing, which its check refuses.
    """
    made: Any = kind.__init__
    items: Any = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
    no_default = dataclasses.MISSING
    needed = {name: MISSING for name, item in items.items() if item.default is item.default_factory is no_default}

    @wraps(made)
    def __init__(self: R, /, **given: Any) -> None:  # noqa: N807
        unknown = {name: given.pop(name) for name in [*given] if name not in items}
        extra = given.get("extra", {})
        if is_a(extra, dict):
            given["extra"] = {**dict(dict.items(extra)), **unknown}
        made(self, **{**needed, **given})

    opened: Any = kind
    opened.__init__ = __init__
    return kind


def as_record(kind: type[R], value: Any) -> R:
    """Return a record as it is; of a subclass, which may answer otherwise at each reading, a plain one.

    Fields that a subclass adds stay with the plugin.
    """
    if type(value) is kind:
        found: R = value
        return found
    made: Any = kind
    return made(**{item.name: getattr(value, item.name) for item in fields(made)})  # type: ignore[no-any-return]


def check_extra(owner: Any, who: str) -> None:
    """See that what a record keeps for later contracts has names."""
    extra = owner.extra
    if type(extra) is not dict:
        raise TypeError(f"{who}: extra is {shown(extra)} ({class_name(type(extra))}), expected dict")
    for name in extra:
        if not is_a(name, str):
            raise TypeError(f"{who}: extra has the name {shown(name)} ({class_name(type(name))}), expected str")


def check_name(owner: Any, kind: str) -> None:
    """See that a record's name is one that users can write."""
    name = plain(owner.name)
    object.__setattr__(owner, "name", name)
    if not is_a(name, str):
        raise TypeError(f"{kind} name is {shown(name)}, not a string{_unknown(owner, name)}")
    check_spelling(kind, name)


def check_spelling(kind: str, name: str) -> None:
    """See that a name is one that users can write."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{kind} name {shown(name)} may hold only letters, digits, '.', '_' and '-', 200 at most")


def check_types(owner: Any, who: str, **expected: tuple[type, ...]) -> None:
    """See that each named field is of one of its kinds, and a number that can be one; make it plain."""
    for name, kinds in expected.items():
        value = getattr(owner, name)
        if not _is_a(value, kinds):
            names = " or ".join("None" if item is NoneType else item.__name__ for item in kinds)
            raise TypeError(f"{who}: {name} is {_found(value)}, expected {names}{_unknown(owner, value)}")
        if value is None or type(value) is str:
            continue
        value = plain_part(value, kinds)
        if type(value) in (int, float) and not abs(value) <= LARGEST:
            raise ValueError(f"{who}: {name} is {shown(value)}, which hosts can't print or store")
        object.__setattr__(owner, name, value)


def check_tuple(owner: Any, who: str, name: str, item: type) -> None:
    """Make the field a tuple, and see that it holds nothing but ``item``; make each plain."""
    taken = take_tuple(owner, who, name, item)
    for value in taken:
        if not _is_a(value, (item,)):
            raise TypeError(f"{who}: {name} holds {shown(value)}, not a {item.__name__}")
    if taken:
        object.__setattr__(owner, name, tuple(plain_part(value, (item,)) for value in taken))


def make_tuples(owner: Any, *names: str) -> None:
    """Make fields of a new record tuples where they are lists or the like; whatever else they are stays as it is."""
    for name in names:
        if type(getattr(owner, name)) is not tuple:
            attempt(partial(take_tuple, owner, "", name, object), None)


def take_tuple(owner: Any, who: str, name: str, item: type) -> tuple[Any, ...]:
    """Make the field a tuple, whatever it holds. That it can't be read or never ends is kept, to be found again."""
    values = getattr(owner, name)
    if type(values) is not tuple:
        if is_a(values, str) or not hasattr(type(values), "__iter__"):
            raise TypeError(
                f"{who}: {name} is {shown(values)}, expected a tuple of {item.__name__}{_unknown(owner, values)}"
            )
        values = _drained(values)
        object.__setattr__(owner, name, values)
        if is_a(values, str):
            raise TypeError(f"{who}: {name} can't be read: {values}")
    if len(values) > _LONGEST:
        raise ValueError(f"{who}: {name} holds more than {_LONGEST} items, or never ends")
    taken: tuple[Any, ...] = values
    return taken


def _drained(values: Iterable[Any]) -> tuple[Any, ...] | str:
    """Return the items, or how reading them failed."""
    try:
        return tuple(islice(values, _LONGEST + 1))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return describe(error)


def check_parts(who: str, parts: Iterable[Any]) -> None:
    """Check the records in a record."""
    for part in parts:
        try:
            part.check()
        except (TypeError, ValueError) as error:
            raise (TypeError if isinstance(error, TypeError) else ValueError)(f"{who}: {error}") from error


def plain_part(value: Any, kinds: Iterable[type]) -> Any:
    """Return a part of a record without what a subclass overrides."""
    for kind in kinds:
        if type(value) is kind:
            return value
        if kind.__module__.startswith("model_zoo_api.") and is_a(value, kind):
            return as_record(kind, value)
    return plain(value)


def _is_a(value: object, kinds: tuple[type, ...]) -> bool:
    """Whether a value is of one of the kinds; a bool is no number."""
    return type(value) in kinds or (is_a(value, kinds) and (type(value) is not bool or bool in kinds))


def _found(value: object) -> str:
    return "missing" if value is MISSING else f"{shown(value)} ({class_name(type(value))})"


def _unknown(owner: Any, value: object) -> str:
    """What a record has that the contract doesn't know, where something is missing: it may be misspelt."""
    extra = owner.extra
    if value is not MISSING or type(extra) is not dict or not extra:
        return ""
    return f"; it has {listed(sorted(map(shown, extra)))}, which this host's contract doesn't know"
