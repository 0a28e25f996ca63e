"""A detector as VIAME's pipelines have them, for any model of the zoo.

VIAME imports this at every start, so nothing is imported here that it hasn't.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from viame import log
from viame.algo import ImageObjectDetector
from viame.types import BoundingBoxD, DetectedObject, DetectedObjectSet, DetectedObjectType, Point2d

if TYPE_CHECKING:
    from model_zoo_api.detections import Detections
    from model_zoo_api.predictor import Predictor

_LOG: Final = log.getLogger(__name__)

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
        from model_zoo_api.bridges.offers import installed_zoo
        from model_zoo_api.bridges.viame.loading import OWN_KEYS, settings_of

        configuration = super().get_configuration()
        settings = (setting for provider in installed_zoo().providers.values() for setting in settings_of(provider))
        for key in (*OWN_KEYS, *(setting.name for setting in settings)):
            configuration.set_value(key, self._texts.get(key, ""))
        return configuration

    def check_configuration(self, configuration: Any) -> bool:
        """Load the model, and return whether that works; else say why in VIAME's log."""
        from model_zoo_api.foreign import describe
        from model_zoo_api.texts import printable

        texts = _texts_of(configuration)
        try:
            _checked[frozenset(texts.items())] = _load(texts)
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
        self._predictor = _checked.pop(frozenset(texts.items()), None) or _load(texts)
        self._texts = texts

    def detect(self, image_data: Any) -> Any:
        """Return what is found in an image; nothing where VIAME couldn't read it, which its log has.

        Raises:
            SourceError: Its pixels aren't bytes, or aren't grey, RGB or RGBA.
            ModelZooError: No model is configured, or this one fails.
        """
        from model_zoo_api.bridges.viame.loading import as_bgr
        from model_zoo_api.errors import SourceError

        if image_data is None:
            return DetectedObjectSet()
        if self._predictor is None:
            self.set_configuration(self.get_configuration())
        assert self._predictor is not None
        (outcome,) = self._predictor([as_bgr(image_data.asarray())])
        if outcome.error is not None:
            raise SourceError(outcome.error)
        found = DetectedObjectSet()
        for one in _objects(outcome):
            found.add(one)
        return found


def _load(texts: dict[str, str]) -> Predictor:
    from model_zoo_api.bridges.offers import installed_zoo
    from model_zoo_api.bridges.viame.loading import load

    return load(installed_zoo(), texts)


def _texts_of(configuration: Any) -> dict[str, str]:
    """Return what is set in a configuration of VIAME's."""
    texts = {key: configuration.get_value(key).strip() for key in configuration.available_values()}
    return {key: text for key, text in texts.items() if text}


def _objects(outcome: Detections) -> Iterator[Any]:
    """Yield objects as VIAME has them, the best first; of keypoints those that score enough to be shown."""
    from model_zoo_api.detections import SHOWN

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
    from model_zoo_api.texts import printable

    return printable(name).replace(",", ";").strip()
