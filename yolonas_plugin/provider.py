"""The ``yolo_nas`` provider: what this package offers to hosts. Each factory is named, and imported on first use."""

from __future__ import annotations

from collections.abc import Iterator

from model_zoo_api.hookspecs import hookimpl
from model_zoo_api.types import ModelProvider
from yolonas_plugin.cards import CARDS
from yolonas_plugin.options import OPTIONS, SETTINGS
from yolonas_plugin.training_options import TRAINING


@hookimpl
def model_zoo_providers() -> Iterator[ModelProvider]:
    """Offer YOLO-NAS in sizes n, s, m and l."""
    yield ModelProvider(
        name="yolo_nas",
        api_version=2,
        models=CARDS,
        loader="yolonas_plugin.factories:load",
        task_map="yolonas_plugin.nas:TASK_MAP",
        predictor="yolonas_plugin.factories:predictor",
        validator="yolonas_plugin.factories:validator",
        trainer="yolonas_plugin.factories:trainer",
        exporter="yolonas_plugin.factories:exporter",
        options=OPTIONS,
        settings=SETTINGS,
        trainer_settings=TRAINING,
    )
