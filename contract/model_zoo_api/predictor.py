"""A predictor, as a host holds it: the same calls and the same answers whoever provides the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from types import TracebackType
from typing import Any, Final

from model_zoo_api.detections import Detections
from model_zoo_api.errors import ModelZooError, SourceError
from model_zoo_api.foreign import describe
from model_zoo_api.sources import check_source, entries, outcomes

RESULT_TASKS: Final[Mapping[str, tuple[str, ...]]] = {"detect": (), "pose": ("keypoints",)}
"""Tasks whose results the contract describes, and what these have besides boxes; those of others are the provider's."""


class Predictor:
    """Finds things in images. :class:`~model_zoo_api.ModelZoo` makes it; it is closed at the end of a ``with``.

    Args:
        predict: What the provider's factory gave: ``(source, **settings) -> list``, with ``stream`` and ``close`` if it
            has them.
        model: The loaded model.
        check: Returns the settings of a call as they are meant, or raises.
        guard: Makes what is entered while the provider works, see ``dependencies.required_packages``.

    Example::

        with zoo.predictor("acme_tiny", conf=0.4) as predict:
            for found in predict(["street.jpg", "harbour.jpg"]):
                print(found.path, found.error or found.boxes)
    """

    def __init__(
        self,
        predict: Callable[..., Any],
        model: Any,
        check: Callable[[dict[str, Any]], dict[str, Any]] = dict,
        guard: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.model = model
        self._predict = predict
        self._check, self._guard = check, guard
        self._closed = False

    def __call__(self, source: Any, **settings: Any) -> list[Any]:
        """Return one outcome for each image, in order: ``Detections``, or for other tasks the provider's own results.

        Args:
            source: See :mod:`model_zoo_api.sources`.
            **settings: They win over those that the predictor was made with.

        Raises:
            SourceError: The source names no image.
            SettingError: A setting is unknown, or has a value that it can't have.
            DependencyMissingError: A package that the provider needs isn't installed.
            ModelZooError: The predictor is closed.
        """
        self._require_open()
        settings = self._check(settings)
        check_source(source)
        with self._guard():
            return list(self._predict(source, **settings))

    def stream(self, source: Any, **settings: Any) -> Iterator[Any]:
        """Yield the outcomes one by one, as they are found; else as a call."""
        self._require_open()
        settings = self._check(settings)
        check_source(source)
        own = getattr(self._predict, "stream", None)
        found = own(source, **settings) if own is not None else self._one_by_one(entries(source), settings)
        return self._guarded(found)

    def _guarded(self, found: Iterator[Any]) -> Iterator[Any]:
        with self._guard():
            yield from found

    def _one_by_one(self, found: Iterator[Any], settings: Mapping[str, Any]) -> Iterator[Any]:
        index = 0
        for entry in found:
            for outcome in self._predict([entry], **settings):
                yield replace(outcome, index=index) if isinstance(outcome, Detections) else outcome
                index += 1

    def close(self) -> None:
        """Let go of the model, and of what the provider holds for it; a second time does nothing."""
        if self._closed:
            return
        self._closed = True
        close = getattr(self._predict, "close", None)
        del self._predict, self.model
        if close is not None:
            close()

    def __enter__(self) -> Predictor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _require_open(self) -> None:
        if self._closed:
            raise ModelZooError("this predictor is closed: make another one")


def adapted(predict: Callable[..., Any]) -> Callable[..., list[Detections]]:
    """Return a predictor of the contract's first version as one of the second.

    Its results have ``path``, ``names``, and ``boxes`` with ``cls``, ``conf`` and ``xyxy``. It is asked for one image
    at a time, so that one that it refuses, by ``OSError`` or ``ValueError``, doesn't cost the others.
    """

    def predict_each(source: Any, **settings: Any) -> list[Detections]:
        def detect(entry: Any) -> Detections:
            try:
                results = list(predict(entry, **settings))
            except ModelZooError:
                raise
            except ValueError as error:
                raise SourceError(str(error)) from error
            if len(results) != 1:
                raise ModelZooError(f"the plugin gave {len(results)} results for one image")
            return _adapted_result(results[0])

        return list(outcomes(source, detect))

    return predict_each


def _adapted_result(result: Any) -> Detections:
    try:
        boxes, names = result.boxes, result.names
        height, width = getattr(result, "orig_shape", None) or (0, 0)
        return Detections(
            height=int(height),
            width=int(width),
            boxes=_numbers(boxes.xyxy),
            scores=_numbers(boxes.conf),
            labels=[int(label) for label in _numbers(boxes.cls)],
            names=dict(names) if isinstance(names, Mapping) else dict(enumerate(names)),
            native=result,
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise ModelZooError(
            f"the plugin's result should have names, and boxes with xyxy, conf and cls: {describe(error)}"
        ) from error


def _numbers(values: Any) -> list[Any]:
    """Return rows of numbers as lists, from an array or tensor on any device."""
    return list(values.tolist())
