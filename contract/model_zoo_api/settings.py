"""Options of loaders and settings of predictors as data: hosts make forms and command lines of them, and check values.

What is checked here is what can be known before anything is loaded; a provider may refuse more.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from types import NoneType
from typing import Any, Final, Literal, TypeAlias

from model_zoo_api.errors import SettingError
from model_zoo_api.foreign import is_a, plain, shown
from model_zoo_api.records import TEXT, check_extra, check_tuple, check_types, keeping_unknown, make_tuples
from model_zoo_api.texts import suggest
from model_zoo_api.values import as_python, entries_of, finite_number, whole_number

Kind: TypeAlias = Literal["number", "integer", "flag", "text", "choice", "size", "classes", "path", "callback", "any"]
"""What a setting takes.

``number``: a finite one; ``integer``; ``flag``: True or False; ``text``; ``choice``: one of ``choices``; ``size``: one
side in pixels, or height and width; ``classes``: one or several, by name or index; ``path``: text or ``os.PathLike``;
``callback``: a callable; ``any``: what ``help`` says.
"""

RESERVED: Final = ("name", "provider", "load", "source", "model", "card")
"""Words that calls of the contract have for themselves."""

_NUMERIC: Final = ("number", "integer", "size")
_LIMIT: Final = (int, float, NoneType)


@keeping_unknown
@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """Something that a loader, a predictor or a trainer may be told.

    It can be made of any keywords; :meth:`check` says what is wrong, and ``ModelZoo`` asks it when it takes a provider.

    Args:
        name: The keyword.
        kind: What it takes, see :data:`Kind`; a kind of a later contract takes anything.
        default: What it is if it isn't given: plain data, as JSON has it. None is what the model or its file says.
        minimum: The least value of a number, or of each side of a size.
        maximum: The greatest.
        multiple_of: What an integer or each side of a size is a multiple of.
        choices: The values of a choice.
        help: What it does, in one line.
        extra: What this contract doesn't know, by name.
    """

    name: str
    kind: str
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    multiple_of: int | None = None
    choices: tuple[str | int, ...] = ()
    help: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        make_tuples(self, "choices")

    def check(self) -> None:
        """See that each field is what it should be, and fits the kind.

        Raises:
            TypeError, ValueError: One isn't; the message says which, what was found and what was expected.
        """
        who = f"setting {self.name!r}" if type(self.name) is str else f"setting {shown(self.name)}"
        check_types(self, who, name=TEXT, kind=TEXT, help=TEXT)
        if not self.name.isidentifier() or iskeyword(self.name) or self.name in RESERVED:
            taken = f", and none of {', '.join(RESERVED)}"
            raise ValueError(f"{who}: a name is a word that Python takes for a keyword of a call{taken}")
        if not self.kind.isidentifier() or not self.help.isprintable():
            raise ValueError(
                f"{who}: kind is {shown(self.kind)}, help is {shown(self.help)}; expected a word, and a line"
            )
        check_types(self, who, minimum=_LIMIT, maximum=_LIMIT, multiple_of=(int, NoneType))
        check_tuple(self, who, "choices", object)
        check_extra(self, who)
        if self.kind not in _CHECKS:
            return  # what its fields mean is for a later contract to say
        if self.kind not in _NUMERIC and any(
            limit is not None for limit in (self.minimum, self.maximum, self.multiple_of)
        ):
            raise ValueError(f"{who}: it has a limit, and is no number but a {self.kind}")
        if self.multiple_of is not None and (self.kind == "number" or self.multiple_of < 1):
            raise ValueError(f"{who}: multiple_of is {self.multiple_of}; it is 1 or more, of an integer or a size")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"{who}: from {self.minimum} to {self.maximum} there is no value")
        if self.choices:
            object.__setattr__(self, "choices", tuple(map(plain, self.choices)))
        if bool(self.choices) != (self.kind == "choice") or any(type(one) not in (str, int) for one in self.choices):
            raise ValueError(f"{who}: choices are {shown(self.choices)}, expected texts or integers if it is a choice")
        if self.default is None:
            return
        object.__setattr__(self, "default", _plain(self.default, who))
        try:
            self.accept(self.default)
        except SettingError as error:
            raise ValueError(f"{who}: its default is none that it may have: {error}") from error

    def accept(self, value: Any) -> Any:
        """Return a value as the setting takes it: numbers of other libraries as Python's; None as it is.

        Raises:
            SettingError: It is of another kind, or out of its range.
        """
        return None if value is None else _CHECKS.get(self.kind, _check_any)(self, value)

    @property
    def allowed(self) -> str:
        """What it takes, in words, such as ``"a number from 0 to 1"``."""
        if self.kind == "choice":
            return f"one of {', '.join(map(str, self.choices))}"
        number = _in_range(self.minimum, self.maximum)
        if self.kind == "size":
            multiple = f", each a multiple of {self.multiple_of}" if self.multiple_of else ""
            return f"one side in pixels, or height and width{f', each {number}' if number else ''}{multiple}"
        multiple = f", a multiple of {self.multiple_of}" if self.multiple_of else ""
        return f"{_WORDS.get(self.kind, self.kind)}{f' {number}' if number else ''}{multiple}"


def check_settings(
    given: Mapping[str, Any], known: Iterable[Setting], who: str, others: Iterable[Setting] = (), whose: str = "another"
) -> dict[str, Any]:
    """Return settings as they are meant. Those that are None are left out, as if they weren't given.

    Args:
        given: Values by name.
        known: The settings that there are.
        who: Who takes them, for the message, such as ``"the predictor of 'acme'"``.
        others: Settings of somebody else, one of which may have been meant by an unknown name.
        whose: Who that is, such as ``"its loader"``.

    Raises:
        SettingError: There is no such setting, the nearest is named; or a value is none that it may have.
    """
    settings = {setting.name: setting for setting in known}
    elsewhere = [setting.name for setting in others]
    for name in given:
        if name not in settings:
            near = f"; {whose} has it" if name in elsewhere else suggest(name, [*settings, *elsewhere])
            raise SettingError(f"{who} has no setting {shown(name)}{near}")
    return {name: settings[name].accept(value) for name, value in given.items() if value is not None}


# -- a check for each kind ---------------------------------------------------------------------------------------------


def _check_number(setting: Setting, value: Any) -> float:
    number = finite_number(value)
    if number is None or not _fits(setting, number):
        raise _refusal(setting, value)
    return number


def _check_integer(setting: Setting, value: Any) -> int:
    number = whole_number(value)
    if number is None or not _fits(setting, number):
        raise _refusal(setting, value)
    return number


def _check_flag(setting: Setting, value: Any) -> bool:
    flag = as_python(value)
    if not isinstance(flag, int) or flag not in (0, 1):
        raise _refusal(setting, value)
    return bool(flag)


def _check_text(setting: Setting, value: Any) -> str:
    if not isinstance(value, str):
        raise _refusal(setting, value)
    return value


def _check_choice(setting: Setting, value: Any) -> str | int:
    found = as_python(value)
    if isinstance(found, bool) or not isinstance(found, (str, int)) or found not in setting.choices:
        near = suggest(found, [str(one) for one in setting.choices]) if isinstance(found, str) else ""
        raise _refusal(setting, value, near if near.startswith("; did") else "")
    return found


def _check_size(setting: Setting, value: Any) -> int | tuple[int, ...]:
    several = entries_of(value)
    sides = [whole_number(side) for side in ([value] if several is None else several)]
    if len(sides) not in (1, 2) or not all(side is not None and side > 0 and _fits(setting, side) for side in sides):
        raise _refusal(setting, value)
    found = tuple(side for side in sides if side is not None)
    return found[0] if len(found) == 1 else found


def _check_classes(setting: Setting, value: Any) -> list[str | int]:
    several = entries_of(value)
    found: list[str | int] = []
    for entry in [value] if several is None else several:
        index = whole_number(entry)
        if isinstance(entry, str):
            found.append(entry)
        elif index is not None and index >= 0:
            found.append(index)
        else:
            raise _refusal(setting, value)
    return found


def _check_path(setting: Setting, value: Any) -> Any:
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str) or not path.strip():
        raise _refusal(setting, value)
    return value


def _check_callback(setting: Setting, value: Any) -> Callable[..., Any]:
    if not callable(value):
        raise _refusal(setting, value)
    found: Callable[..., Any] = value
    return found


def _check_any(setting: Setting, value: Any) -> Any:
    return value


_CHECKS: Final[dict[str, Callable[[Setting, Any], Any]]] = {
    "number": _check_number,
    "integer": _check_integer,
    "flag": _check_flag,
    "text": _check_text,
    "choice": _check_choice,
    "size": _check_size,
    "classes": _check_classes,
    "path": _check_path,
    "callback": _check_callback,
    "any": _check_any,
}

_WORDS: Final = {
    "number": "a number",
    "integer": "a whole number",
    "flag": "True or False",
    "text": "text",
    "classes": "names of classes or their indices, one or several",
    "path": "a path",
    "callback": "a function",
    "any": "anything",
}


def _refusal(setting: Setting, value: Any, hint: str = "") -> SettingError:
    return SettingError(f"{setting.name}={shown(as_python(value))} must be {setting.allowed}{hint}")


def _fits(setting: Setting, number: float) -> bool:
    least, most, multiple = setting.minimum, setting.maximum, setting.multiple_of
    too_small, too_large = least is not None and number < least, most is not None and number > most
    return not (too_small or too_large or (multiple is not None and number % multiple))


def _in_range(minimum: float | None, maximum: float | None) -> str:
    if minimum is None and maximum is None:
        return ""
    if minimum is None:
        return f"of at most {maximum:.16g}"
    return f"of {minimum:.16g} or more" if maximum is None else f"from {minimum:.16g} to {maximum:.16g}"


def _plain(value: Any, who: str) -> Any:
    """Return data as JSON has it, which nobody can change: lists become tuples.

    Raises:
        ValueError: It is something else.
    """
    value = plain(value)
    if value is None or type(value) in (str, int, bool) or (type(value) is float and math.isfinite(value)):
        return value
    for kind in (list, tuple):
        if is_a(value, kind):
            return tuple(
                _plain(entry, who) for entry in kind.__iter__(value)
            )  # not a subclass's own, which may never end
    raise ValueError(f"{who}: its default is {shown(value)}, which JSON doesn't have")


# -- options that providers have in common -----------------------------------------------------------------------------

PROGRESS: Final = Setting(
    name="progress", kind="callback", help="called during a download with the bytes done, and the bytes in all or None"
)
"""An option of loaders that download: ``progress(done, total)``, now and then, from the thread that loads."""

CANCELLED: Final = Setting(
    name="cancelled", kind="callback", help="asked during a download; True ends it, and what is there is kept"
)
"""An option of loaders that download: ``cancelled() -> bool``; True ends it with a ``DownloadError``."""

ACCEPT_LICENCE: Final = Setting(
    name="accept_licence",
    kind="flag",
    default=False,
    help="accept the licence of published weights, if they are downloaded now",
)
"""An option of loaders that download: the user's own word, which a host never says for somebody else."""

PRETRAINED: Final = Setting(name="pretrained", kind="flag", default=True, help="False: random weights, to be trained")
"""An option of loaders whose models can be trained from random weights."""
