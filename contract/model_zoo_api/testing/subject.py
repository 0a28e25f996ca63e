"""The provider under test, with what it loads: everything a worker process needs to do the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

from model_zoo_api.predictor import RESULT_TASKS, Predictor
from model_zoo_api.testing.results import Row, rows_of
from model_zoo_api.types import ModelCard, ModelProvider, Role, check_told


@dataclass(frozen=True)
class Subject:
    """A provider, what it loads, and how.

    Args:
        provider: The provider.
        source: A model's name, or the path of a file.
        options: For the loader.
        settings: For the predictor.
        path_task: What the model does where ``source`` is a path; None stands for the first card's task.
    """

    provider: ModelProvider
    source: str
    options: Mapping[str, Any]
    settings: Mapping[str, Any]
    path_task: str | None = None

    @property
    def card(self) -> ModelCard | None:
        """The card that ``source`` names; None for a path."""
        return next((card for card in self.provider.models if self.source in (card.name, *card.aliases)), None)

    @property
    def task(self) -> str:
        """What the model does."""
        if self.card is None and self.path_task is not None:
            return self.path_task
        return (self.card or self.provider.models[0]).task

    @property
    def described(self) -> bool:
        """Whether the contract describes its results: as ``Detections``, since version 2."""
        return self.task in RESULT_TASKS and self.provider.api_version >= 2

    @property
    def has_boxes(self) -> bool:
        """Whether its results have boxes that the contract describes; version 1 described those of detectors."""
        return self.described or self.task == "detect"

    @property
    def parts(self) -> tuple[str, ...]:
        """What its results have besides boxes."""
        return RESULT_TASKS[self.task] if self.described else ()

    @property
    def roles(self) -> list[Role]:
        """The roles that the provider offers."""
        return [role for role in get_args(Role) if getattr(self.provider, role) is not None]

    def load(self, **more: Any) -> Any:
        """Load the model; ``more`` wins over the options."""
        return self.provider.factory("loader")(self.source, card=self.card, **{**self.options, **more})

    def load_other(self, source: str) -> Any:
        """Load something that no card names."""
        return self.provider.factory("loader")(source, card=None, **self.options)

    def predictor(self, model: Any, **more: Any) -> Callable[..., list[Any]]:
        """Make a predictor; ``more`` wins over the settings."""
        made: Callable[..., list[Any]] = self.provider.factory("predictor")(model, **{**self.settings, **more})
        return made

    # -- as ModelZoo does it: what the provider says of itself is checked first

    def load_checked(self, **more: Any) -> Any:
        """Load the model as hosts do."""
        return self.load(**check_told(self.provider, "loader", {**self.options, **more}))

    def predictor_checked(self, model: Any, **more: Any) -> Predictor:
        """Make a predictor as hosts have it."""
        check = partial(check_told, self.provider, "predictor")
        return Predictor(self.predictor(model, **check({**self.settings, **more})), model, check)

    def predict_afresh(self, paths: list[str]) -> list[list[Row]]:
        """Load the model and predict: what a worker process does. Return the boxes of each image."""
        return [rows_of(result) for result in self.predictor(self.load())(paths)]
