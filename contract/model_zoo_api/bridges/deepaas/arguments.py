"""The arguments of a prediction."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from marshmallow import ValidationError, fields, validate

from model_zoo_api.bridges.deepaas.choosing import (
    chosen,
    default_of,
    offered,
    prediction_settings,
    to_be_trained,
    trainable,
    training_settings,
)
from model_zoo_api.bridges.deepaas.fields import Argument, merged
from model_zoo_api.bridges.offers import Offer
from model_zoo_api.bridges.pictures import FORMATS
from model_zoo_api.errors import ModelZooError
from model_zoo_api.settings import Setting
from model_zoo_api.types import ModelProvider

JSON: Final = "application/json"
DRAWN: Final = {"image/png": "PNG", "image/jpeg": "JPEG"}
"""The kinds of a drawn picture, by Pillow's names."""


class Accept(fields.Str):
    """The header ``Accept``, as browsers and programs send it: the best of what can be answered."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        return negotiated(text)


def negotiated(header: str) -> str:
    """Return the kind of answer that a header asks for most; the header itself if it asks for none that there is.

    ``*/*`` is JSON and ``image/*`` PNG. Example: ``"image/webp, image/jpeg;q=0.9, */*;q=0.1"`` is ``"image/jpeg"``.
    """
    known = {"*/*": JSON, "application/*": JSON, "image/*": "image/png", JSON: JSON, **{kind: kind for kind in DRAWN}}
    best, most = header, 0.0
    for part in header.lower().split(","):
        kind, *parameters = (text.strip() for text in part.split(";"))
        weight = next((text[2:] for text in parameters if text.startswith("q=")), "1")
        try:
            quality = float(weight)
        except ValueError:
            continue
        if kind in known and quality > most:
            best, most = known[kind], quality
    return best


def settings_of_all(
    models: Sequence[Offer], settings_of: Callable[[ModelProvider], list[Setting]] = prediction_settings
) -> dict[str, Argument]:
    """Return the settings of the models' providers as arguments."""
    providers = {offer.provider.name: offer.provider for offer in models}
    return merged((provider, settings_of(provider)) for provider in providers.values())


def told(
    offer: Offer, arguments: Mapping[str, Argument], given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return options for a model's loader and settings, of what was given.

    Raises:
        SettingError: The model's provider hasn't one, or it can't have that value.
    """
    of_loader = {option.name for option in offer.provider.options or ()}
    options: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for key, argument in arguments.items():
        if argument.is_given(given.get(key)):
            value = argument.value_for(offer.provider, given[key])
            (options if argument.name in of_loader else settings)[argument.name] = value
    return options, settings


def model_field(
    models: Sequence[Offer], choose: Callable[[str], Offer], help: str, default: Offer | None
) -> fields.Field:
    """Return the argument that chooses among models; it is required where there is no default."""

    def known(name: str) -> None:
        try:
            choose(name)
        except ModelZooError as error:
            raise ValidationError(str(error)) from error

    wanted: dict[str, Any] = {"required": True} if default is None else {"load_default": default.name}
    made: fields.Field = fields.Str(
        **wanted, validate=known, metadata={"description": help, "enum": [offer.name for offer in models]}
    )
    return made


def _file_field(help: str) -> fields.Field:
    """Return the argument of an uploaded file, which DEEPaaS knows by its class and its metadata."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # marshmallow has another class for it since 3.24, which DEEPaaS doesn't know
        return fields.Field(
            required=True,
            error_messages={"required": "there is no picture: upload one as a file, multipart/form-data"},
            metadata={"description": help, "type": "file", "location": "form"},
        )


def predict_arguments() -> dict[str, fields.Field]:
    """Return all arguments of a prediction by name."""
    models = offered()
    return {
        "image": _file_field(f"The picture: {', '.join(FORMATS)}."),
        "model": model_field(models, partial(chosen, models), "What looks at the picture.", default_of(models)),
        "accept": Accept(
            load_default=JSON,
            validate=validate.OneOf([JSON, *DRAWN], error="the answer is one of {choices}, not {input}"),
            metadata={
                "description": "What the answer is: data, or the picture with what was found drawn on it.",
                "location": "headers",
            },
        ),
        **{name: argument.field() for name, argument in settings_of_all(models).items()},
    }


def train_arguments() -> dict[str, fields.Field]:
    """Return all arguments of a training by name; none where no provider has a trainer."""
    models = trainable()
    if not models:
        return {}
    settings = settings_of_all(models, training_settings)
    return {
        "model": model_field(models, to_be_trained, "What is trained.", None),
        **{name: argument.field() for name, argument in settings.items()},
    }
