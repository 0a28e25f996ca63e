"""A detector as VIAME's pipelines have them, for any model of the zoo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from viame import log
from viame.algo import ImageObjectDetector
from viame.types import BoundingBoxD, DetectedObject, DetectedObjectSet, DetectedObjectType, Point2d

from model_zoo_api.bridges.offers import installed_zoo, offers
from model_zoo_api.bridges.written import read_value, writable
from model_zoo_api.detections import SHOWN, Detections
from model_zoo_api.errors import SourceError, UnknownModelError
from model_zoo_api.foreign import describe
from model_zoo_api.predictor import Predictor
from model_zoo_api.settings import Setting
from model_zoo_api.texts import listed, printable
from model_zoo_api.types import ModelProvider
from model_zoo_api.zoo import ModelZoo

_LOG: Final = log.getLogger(__name__)

_OWN: Final = ("model", "provider")
"""Keys of the configuration that name the model; the others are its provider's settings and options."""

_checked: dict[frozenset[tuple[str, str]], Predictor] = {}
"""Predictors by their configuration, until they are taken: VIAME has one instance check it, and uses another."""


class ModelZooDetector(ImageObjectDetector):
    """Finds objects by a model of the zoo. VIAME makes one for each ``image_object_detector`` of a pipeline.

    The configuration has ``model``, its name, or with ``provider`` the path of a weight file, and the provider's
    settings and options as text, as :func:`~model_zoo_api.bridges.written.read_value` takes them. What is empty is as
    if it weren't there.
    """

    def __init__(self) -> None:
        ImageObjectDetector.__init__(self)
        self._texts: dict[str, str] = {}
        self._predictor: Predictor | None = None

    # -- what VIAME asks the class ---------------------------------------------------------------------------------

    @staticmethod
    def plugin_name() -> str:
        """Return what a pipeline calls it."""
        return "model_zoo"

    @classmethod
    def from_config(cls, configuration: Any) -> ModelZooDetector:
        """Make one; its configuration is set later."""
        return cls()

    @classmethod
    def get_default_config(cls, configuration: Any) -> None:
        """Add the keys that there are to a configuration."""
        configuration.merge_config(cls().get_configuration())

    # -- what VIAME asks of one ------------------------------------------------------------------------------------

    def get_configuration(self) -> Any:
        """Return all keys that a provider understands, with what is set."""
        configuration = super().get_configuration()
        settings = (setting for provider in installed_zoo().providers.values() for setting in _settings_of(provider))
        for key in (*_OWN, *(setting.name for setting in settings)):
            configuration.set_value(key, self._texts.get(key, ""))
        return configuration

    def check_configuration(self, configuration: Any) -> bool:
        """Load the model, and return whether that works; else say why in VIAME's log."""
        texts = _texts_of(configuration)
        try:
            _checked[frozenset(texts.items())] = _load(installed_zoo(), texts)
        except Exception as error:  # of whatever kind: a provider may raise its own for a file that it can't read
            for line in (str(error) or describe(error)).splitlines():
                _LOG.error("detector model_zoo: %s", printable(line))
            return False
        return True

    def set_configuration(self, configuration: Any) -> None:
        """Take the model that was loaded when this configuration was checked, or load it.

        Raises:
            ModelZooError: As :meth:`~model_zoo_api.ModelZoo.predictor`.
        """
        texts = _texts_of(configuration)
        self._predictor = _checked.pop(frozenset(texts.items()), None) or _load(installed_zoo(), texts)
        self._texts = texts

    def detect(self, image_data: Any) -> Any:
        """Return what is found in an image; nothing where VIAME couldn't read it, which its log has.

        Raises:
            SourceError: Its pixels aren't bytes, or aren't grey, RGB or RGBA.
            ModelZooError: No model is configured, or this one fails.
        """
        if image_data is None:
            return DetectedObjectSet()
        if self._predictor is None:
            self.set_configuration(self.get_configuration())
        assert self._predictor is not None
        (outcome,) = self._predictor([_as_bgr(image_data.asarray())])
        if outcome.error is not None:
            raise SourceError(outcome.error)
        found = DetectedObjectSet()
        for one in _objects(outcome):
            found.add(one)
        return found


def _load(zoo: ModelZoo, texts: Mapping[str, str]) -> Predictor:
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
    known_settings = {setting.name: setting for setting in _settings_of(owner)}
    values: dict[str, Any] = {}
    for key, text in texts.items():
        if key not in _OWN:
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


def _settings_of(provider: ModelProvider) -> list[Setting]:
    return writable((*(provider.options or ()), *(provider.settings or ())))


def _texts_of(configuration: Any) -> dict[str, str]:
    """Return what is set in a configuration of VIAME's."""
    texts = {key: configuration.get_value(key).strip() for key in configuration.available_values()}
    return {key: text for key, text in texts.items() if text}


def _as_bgr(pixels: Any) -> Any:
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


def _objects(outcome: Detections) -> Iterator[Any]:
    """Yield objects as VIAME has them, the best first; of keypoints those that score enough to be shown."""
    for one in outcome.to_dict()["objects"]:
        name = _word(one["name"]) or str(one["label"])
        found = DetectedObject(BoundingBoxD(*one["box"]), one["score"], DetectedObjectType(name, one["score"]))
        for index, (x, y, score) in enumerate(one.get("keypoints", ())):
            if score >= SHOWN:
                called = outcome.keypoint_names[index] if outcome.keypoint_names else str(index)
                found.add_keypoint(_word(called).replace(" ", "_"), Point2d(x, y))
        yield found


def _word(name: str) -> str:
    """Return a name as VIAME's tables keep it: on one line, with no comma, which ends a column there."""
    return printable(name).replace(",", ";").strip()
