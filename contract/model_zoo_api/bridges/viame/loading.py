"""A model of the zoo as a configuration of VIAME's names it, and VIAME's images as it takes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from model_zoo_api.bridges.offers import offers
from model_zoo_api.bridges.written import read_value, writable
from model_zoo_api.errors import SourceError, UnknownModelError
from model_zoo_api.predictor import Predictor
from model_zoo_api.settings import Setting
from model_zoo_api.texts import listed
from model_zoo_api.types import ModelProvider
from model_zoo_api.zoo import ModelZoo

OWN_KEYS: Final = ("model", "provider")
"""Keys of the configuration that name the model; the others are its provider's settings and options."""


def load(zoo: ModelZoo, texts: Mapping[str, str]) -> Predictor:
    """Load what a configuration says.

    Raises:
        UnknownModelError: It names no model, or one that isn't there.
        SettingError: A key isn't known, or a text means nothing to it.
        ModelZooError: As :meth:`~model_zoo_api.ModelZoo.predictor`.
    """
    model, provider = texts.get("model", ""), texts.get("provider")
    if not model:
        known = listed([offer.name for offer in offers(zoo)]) or "none: install a provider, such as yolonas-plugin"
        raise UnknownModelError(f"no model is given; known are {known}")
    owner = _owner(zoo, model, provider)
    known_settings = {setting.name: setting for setting in settings_of(owner)}
    values: dict[str, Any] = {}
    for key, text in texts.items():
        if key not in OWN_KEYS:
            # the zoo refuses what isn't known and names the nearest; where a provider doesn't say, anything goes
            values[key] = read_value(known_settings.get(key) or Setting(name="text", kind="any"), text)
    return zoo.predictor(model, provider=owner.name, **values)


def _owner(zoo: ModelZoo, model: str, provider: str | None) -> ModelProvider:
    """Return whose a model is; a provider reads weight files, and has to be named for that.

    Raises:
        UnknownModelError: Nobody has it, several have, or there is no such provider.
    """
    if provider in zoo.providers:
        return zoo.providers[provider]
    if provider is None and Path(model).is_file():
        known = listed(list(zoo.providers))
        raise UnknownModelError(f"{model!r} is a path: say which provider reads it, provider is one of {known}")
    return zoo.find(model, provider=provider)[0]


def settings_of(provider: ModelProvider) -> list[Setting]:
    """Return what a provider may be told in a configuration."""
    return writable((*(provider.options or ()), *(provider.settings or ())))


def as_bgr(pixels: Any) -> Any:
    """Return an image of VIAME's, [height, width] or [height, width, 1, 3 or 4], as blue, green, red.

    Raises:
        SourceError: Its pixels are of another kind.
    """
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    channels = {1: [0, 0, 0], 3: [2, 1, 0], 4: [2, 1, 0]}.get(pixels.shape[-1])
    if str(pixels.dtype) != "uint8" or pixels.ndim != 3 or channels is None:
        raise SourceError(
            f"an image has {pixels.dtype} pixels in {pixels.shape[-1]} channels, where models take bytes in 1, 3 or 4: "
            "put VIAME's filter convert_image with format byte before the detector"
        )
    return pixels[..., channels].copy(order="C")
