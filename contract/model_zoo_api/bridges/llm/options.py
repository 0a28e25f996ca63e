"""The settings of a model's provider as llm's options."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Annotated, Any, ClassVar, Final

import llm
from pydantic import BeforeValidator, Field, ValidationError, create_model
from pydantic_core import PydanticCustomError

from model_zoo_api.bridges.written import names_in, read_value, writable
from model_zoo_api.errors import SettingError
from model_zoo_api.settings import Setting
from model_zoo_api.texts import suggest
from model_zoo_api.types import ModelProvider

_TYPES: Final[dict[str, Any]] = {"number": float, "integer": int, "flag": bool, "text": str, "path": str}
PICTURE: Final = "picture"
_PICTURE_HELP: Final = (
    "write the picture with its boxes to this file, which isn't there yet, such as found.png; "
    "for several attachments as many names, separated by commas"
)


class ZooOptions(llm.Options):  # type: ignore[misc]
    """Options of one provider's models; of what isn't given the value is None.

    ``settings`` has what they stand for, by the names of the fields.
    """

    settings: ClassVar[dict[str, Setting]] = {}

    def __init__(self, **given: Any) -> None:
        fields = type(self).model_fields
        unknown = [name for name in given if name not in fields]
        if unknown:
            lines = [
                {
                    "type": _error(f"there is no such option{suggest(name, fields)}"),
                    "loc": (name,),
                    "input": given[name],
                }
                for name in unknown
            ]
            raise ValidationError.from_exception_data("options", lines)
        super().__init__(**given)

    def given(self) -> dict[str, Any]:
        """Return what is given, by the names of the settings; ``picture`` by its own."""
        return {
            self.settings[name].name if name in self.settings else name: value
            for name, value in self
            if value is not None
        }


def options_of(provider: ModelProvider) -> type[ZooOptions]:
    """Return the class of options of a provider's models: settings of its predictor and options of its loader.

    A name that llm has itself, such as ``stream``, gets a ``_`` at its end.
    """
    fields: dict[str, Any] = {}
    settings: dict[str, Setting] = {}
    for setting in (*writable(provider.settings), *writable(provider.options)):
        name = setting.name.strip("_") or "_"
        while name in _taken() or name in fields:
            name += "_"
        settings[name] = setting
        kind = _TYPES.get(setting.kind, Any)
        fields[name] = (Annotated[kind | None, BeforeValidator(_reader(setting))], _field(_help(setting)))
    fields[PICTURE] = (Annotated[Any, BeforeValidator(_names)], _field(_PICTURE_HELP))
    made: type[ZooOptions] = create_model(f"{provider.name} options", __base__=ZooOptions, **fields)
    made.settings = settings
    return made


def _taken() -> set[str]:
    """Return the names that an option can't have: of what llm's prompt takes, and of what pydantic's records do."""
    return {*signature(llm.Conversation.prompt).parameters, *dir(ZooOptions), PICTURE, "key"}


def _field(text: str) -> Any:
    return Field(default=None, description=text)


def _help(setting: Setting) -> str:
    default = "" if setting.default is None else f"; default: {setting.default}"
    return f"{setting.help} ({setting.allowed}{default})" if setting.help else f"{setting.allowed}{default}"


def _reader(setting: Setting) -> Callable[[Any], Any]:
    """Return what makes a value of what is given: text as people write it, or what a program gives."""

    def read(value: Any) -> Any:
        try:
            return read_value(setting, value) if isinstance(value, str) else setting.accept(value)
        except SettingError as error:
            raise _error(str(error)) from error

    return read


def _names(value: Any) -> Any:
    return names_in(value) if isinstance(value, str) else value


def _error(text: str) -> PydanticCustomError:
    return PydanticCustomError("setting", "{text}", {"text": text})
