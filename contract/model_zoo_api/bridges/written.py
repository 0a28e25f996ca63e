"""Settings as people write them: in a command line, a form, a configuration."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from model_zoo_api.errors import SettingError
from model_zoo_api.settings import Setting

_FLAGS: Final = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def writable(settings: Iterable[Setting] | None) -> list[Setting]:
    """Return the settings that a person can write as text: all but callbacks. None, as of a provider that doesn't say
    what it takes, gives none."""
    return [setting for setting in settings or () if setting.kind != "callback"]


def read_value(setting: Setting, text: str) -> Any:
    """Return what a text means to a setting.

    ==================== =====================================================================
    kind                 text
    ==================== =====================================================================
    number, integer      ``0.4``, ``320``
    flag                 ``true``, ``yes``, ``on``, ``1``, and their opposites; case doesn't matter
    choice               one of the choices
    size                 ``640``; height and width as ``320,640`` or ``320x640``
    classes              ``cat, dog`` or ``0,2``; a JSON list where a name has a comma: ``["a, b"]``
    text, path           the text itself
    any, and what a      what it is as JSON, if it is that: ``0``, ``true``, ``["a", "b"]``; else the text
    later contract has
    ==================== =====================================================================

    Raises:
        SettingError: It means nothing to it, or a value that it can't have; the message has name, text and what is
            allowed.
    """
    return setting.accept(_READ.get(setting.kind, _as_json)(setting, text))


def names_in(text: str) -> list[str]:
    """Return the names in a text, between commas or line breaks, or of a JSON list; empty ones are left out.

    Example::

        names_in("cat, traffic light")  # ["cat", "traffic light"]
    """
    listed = _as_list(text)
    names = [str(one) for one in listed] if listed is not None else text.replace("\n", ",").split(",")
    return [name.strip() for name in names if name.strip()]


# -- a reader for each kind: a text that it can't read comes back as it is, and the setting refuses it -----------------


def _as_number(setting: Setting, text: str) -> Any:
    return _read(float, text)


def _as_integer(setting: Setting, text: str) -> Any:
    return _read(int, text)


def _as_flag(setting: Setting, text: str) -> Any:
    return _FLAGS.get(text.strip().lower(), text)


def _as_choice(setting: Setting, text: str) -> Any:
    return next((choice for choice in setting.choices if str(choice) == text.strip()), text)


def _as_size(setting: Setting, text: str) -> Any:
    sides = [_read(int, side) for side in text.strip("[]() ").lower().replace("x", ",").split(",")]
    return sides[0] if len(sides) == 1 else sides


def _as_classes(setting: Setting, text: str) -> Any:
    listed = _as_list(text)
    entries = listed if listed is not None else [_read(int, name) for name in names_in(text)]
    if not entries:
        raise SettingError(f"{setting.name}={text!r} must be {setting.allowed}")
    return entries


def _as_text(setting: Setting, text: str) -> str:
    return text


def _as_json(setting: Setting, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _as_list(text: str) -> list[Any] | None:
    """Return a JSON list, None for a text that is none."""
    if not text.strip().startswith("["):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def _read(kind: Callable[[str], Any], text: str) -> Any:
    """Return a number, or the text if it is none; ``1_000``, which Python alone takes for one, is none."""
    try:
        return text if "_" in text else kind(text)
    except ValueError:
        return text


_READ: Final[dict[str, Callable[[Setting, str], Any]]] = {
    "number": _as_number,
    "integer": _as_integer,
    "flag": _as_flag,
    "choice": _as_choice,
    "size": _as_size,
    "classes": _as_classes,
    "text": _as_text,
    "path": _as_text,
}
