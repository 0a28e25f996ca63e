"""Loaded models, kept for the next request: a host asks again and again, and loading takes seconds."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from model_zoo_api.bridges.offers import Offer, installed_zoo
from model_zoo_api.predictor import Predictor
from model_zoo_api.zoo import ModelZoo


@dataclass(eq=False)
class _Kept:
    """A predictor, once it is loaded; who uses it or waits for it is counted."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    predictor: Predictor | None = None
    users: int = 0


class PredictorPool:
    """Predictors by model and options of the loader. Any thread may ask.

    A model is loaded once, whoever asks meanwhile; each predictor predicts for one at a time. Of those that nobody uses
    the least recently used is closed when there would be more than ``most``, before another is loaded.

    Args:
        zoo: What loads them.
        most: How many are kept. While more than that are used at once there are as many.

    Example::

        pool = PredictorPool(zoo, most=2)
        with pool.predictor(offer, {"runtime": "openvino"}) as predict:
            found = predict("street.jpg", conf=0.4)
    """

    def __init__(self, zoo: ModelZoo, *, most: int = 2) -> None:
        self._zoo = zoo
        self._most = most
        self._kept: dict[Any, _Kept] = {}  # the most recently used last
        self._guard = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    @contextmanager
    def predictor(self, offer: Offer, options: Mapping[str, Any] | None = None) -> Iterator[Predictor]:
        """Lend a predictor, which is this thread's until the end of the ``with``. It is loaded if it isn't there.

        Args:
            offer: The model.
            options: Of the loader; settings of the predictor are for its calls.

        Raises:
            ModelZooError: As :meth:`~model_zoo_api.ModelZoo.predictor`; the next who asks tries again.
        """
        options = {name: value for name, value in (options or {}).items() if value is not None}
        key = (offer.provider.name, offer.card.name, *sorted((name, repr(value)) for name, value in options.items()))
        with self._guard:
            kept = self._kept.pop(key, None) or _Kept()
            self._kept[key] = kept
            kept.users += 1
            surplus = self._surplus()
        try:
            for one in surplus:
                one.close()
            with kept.turn:
                if kept.predictor is None:
                    kept.predictor = self._zoo.predictor(offer.card.name, provider=offer.provider.name, load=options)
                yield kept.predictor
        finally:
            with self._guard:
                kept.users -= 1
                if kept.predictor is None and not kept.users:  # it couldn't be loaded
                    del self._kept[key]
                surplus = self._surplus()
            for one in surplus:
                one.close()

    def close(self) -> None:
        """Close all predictors; those that are used, when they are given back. What is asked for later isn't kept."""
        with self._guard:
            self._most = 0
            surplus = self._surplus()
        for one in surplus:
            one.close()

    def _surplus(self) -> list[Predictor]:
        """Take out the least recently used ones that are too many and that nobody uses, to be closed."""
        idle = [key for key, kept in self._kept.items() if not kept.users]
        too_many = max(0, len(self._kept) - self._most)
        found = [self._kept.pop(key).predictor for key in idle[:too_many]]
        return [predictor for predictor in found if predictor is not None]


@cache
def installed_pool() -> PredictorPool:
    """Return the pool of this process, of the zoo that is installed; two predictors are kept."""
    return PredictorPool(installed_zoo())
