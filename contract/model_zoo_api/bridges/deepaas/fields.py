"""Settings of several providers as arguments of DEEPaaS: fields with help, default, range and choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from marshmallow import ValidationError, fields

from model_zoo_api.bridges.deepaas.choosing import by_a_person, in_training_folder, spelled
from model_zoo_api.bridges.written import read_value
from model_zoo_api.errors import SettingError
from model_zoo_api.settings import Setting
from model_zoo_api.types import ModelProvider

_FIELDS: Final = {"number": fields.Float, "integer": fields.Int, "flag": fields.Bool}
_WRITTEN: Final = {"size": "640, or 320,640", "classes": "cat, dog, or as 0,2", "any": "JSON, or text"}
_PLAIN: Final = ("flag", "choice", "text", "path", "any")
"""Kinds of which the page says itself what they take, or of which there is nothing to say."""


@dataclass(frozen=True)
class Argument:
    """What one argument means to each provider that has a setting of its name.

    Args:
        name: Of the argument and of the settings.
        settings: By provider; one at least.
        providers: How many providers there are.
    """

    name: str
    settings: Mapping[str, Setting]
    providers: int

    @property
    def default(self) -> Any:
        """What it is if it isn't given: the same for each provider that has it, or None."""
        first, *others = [setting.default for setting in self.settings.values()]
        if any(other != first or type(other) is not type(first) for other in others):
            return None
        return first if type(first) in (str, int, float, bool) else None

    def is_given(self, value: Any) -> bool:
        """Whether a value is more than the default, which forms and command lines send in any case."""
        return value is not None and (self.default is None or value != self.default)

    def value_for(self, provider: ModelProvider, value: Any) -> Any:
        """Return a value as the provider's setting takes it.

        Raises:
            SettingError: The provider hasn't it, or it is a value that it can't have.
        """
        setting = self.settings.get(provider.name)
        if setting is None:
            whose = " and ".join(self.settings)
            raise SettingError(
                f"{self.name} is of {whose}; this model is of {provider.name}, which hasn't it: leave it out"
            )
        return _taken(setting, value)

    def field(self) -> fields.Field:
        """Return it as a field. What it refuses, each provider's setting refuses."""
        settings = list(self.settings.values())
        kinds = {setting.kind for setting in settings}
        kind = kinds.pop() if len(kinds) == 1 else "number" if kinds == {"number", "integer"} else "any"
        made: fields.Field = _FIELDS.get(kind, fields.Str)(
            **({} if self.default is None and not by_a_person() else {"load_default": self.default}),
            allow_none=True,
            validate=self._validate,
            error_messages=dict.fromkeys(("invalid", "special"), self._allowed()),
            metadata={"description": self._description(kind), **_bounds(kind, settings)},
        )
        return made

    def _validate(self, value: Any) -> None:
        refusals = []
        for setting in self.settings.values():
            try:
                _taken(setting, value)
            except SettingError as error:
                refusals.append(str(error))
            else:
                return
        raise ValidationError(list(dict.fromkeys(refusals)))

    def _allowed(self) -> str:
        words = dict.fromkeys(setting.allowed for setting in self.settings.values())
        return f"{self.name} must be {', or '.join(words)}"

    def _description(self, kind: str) -> str:
        """Return what it does and takes; whose it is, where that isn't everybody."""
        by_help: dict[str, list[str]] = {}
        for provider, setting in self.settings.items():
            by_help.setdefault(setting.help, []).append(provider)
        everybody = len(by_help) == 1 and len(self.settings) == self.providers
        parts = [text if everybody else f"{text} ({', '.join(whose)})".strip() for text, whose in by_help.items()]
        what = "; ".join(part for part in parts if part)
        words = dict.fromkeys(one.allowed for one in self.settings.values() if one.kind not in _PLAIN)
        told = ": ".join(part for part in (what, ", or ".join(words)) if part)
        written = f" Written as {_WRITTEN[kind]}." if kind in _WRITTEN else ""
        if kind == "path" and not by_a_person():
            written = " A name in the folder for trainings, such as cells/data.yaml."
        return f"{told[:1].upper()}{told[1:]}.{written}"


def merged(providers: Iterable[tuple[ModelProvider, Sequence[Setting]]]) -> dict[str, Argument]:
    """Return an argument for each name among the settings of all providers, in their order, by how it is spelled."""
    pairs = list(providers)
    found: dict[str, dict[str, Setting]] = {}
    for provider, settings in pairs:
        for setting in settings:
            found.setdefault(setting.name, {})[provider.name] = setting
    return {spelled(name): Argument(name, settings, len(pairs)) for name, settings in found.items()}


def _bounds(kind: str, settings: Sequence[Setting]) -> dict[str, Any]:
    """Return what OpenAPI says of the values: those that at least one of the settings takes."""
    if kind == "choice":
        return {"enum": list(dict.fromkeys(str(choice) for setting in settings for choice in setting.choices))}
    if kind not in ("number", "integer"):
        return {}
    lows, highs = [one.minimum for one in settings], [one.maximum for one in settings]
    multiples = {one.multiple_of for one in settings}
    return {
        **({} if None in lows else {"minimum": min(low for low in lows if low is not None)}),
        **({} if None in highs else {"maximum": max(high for high in highs if high is not None)}),
        **({} if None in multiples or len(multiples) > 1 else {"multipleOf": multiples.pop()}),
    }


def _taken(setting: Setting, value: Any) -> Any:
    """Return a value as a setting takes it: text is read, 3.0 is 3 to an integer, a client's path is in its folder.

    Raises:
        SettingError: It can't have that value.
    """
    if setting.kind == "path" and isinstance(value, str) and not by_a_person():
        return in_training_folder(setting.name, value)
    if isinstance(value, str):
        return read_value(setting, value)
    whole = setting.kind == "integer" and isinstance(value, float) and value.is_integer()
    return setting.accept(int(value) if whole else value)
