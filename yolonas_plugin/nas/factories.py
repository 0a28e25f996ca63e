"""The factories that the ``yolo_nas`` provider offers to hosts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ultralytics.engine.results import Results

from yolonas_plugin.nas import NAS
from yolonas_plugin.types import ModelCard


def load(source: str, *, card: ModelCard | None = None, **options: Any) -> NAS:
    """Load a weight file or a model by name; ``options`` are those of :class:`~yolonas_plugin.nas.NAS`."""
    return NAS(source, **options)


def predictor(model: NAS, **overrides: Any) -> Callable[..., list[Results]]:
    """Return ``(source, **overrides) -> list[Results]``; settings given there win over those given here."""

    def predict(source: Any, **more: Any) -> list[Results]:
        return list(model.predict(source, **{"verbose": False, **overrides, **more}))

    return predict


def validator(model: NAS, **overrides: Any) -> Callable[..., Any]:
    """Return ``(**overrides) -> DetMetrics``."""

    def validate(**more: Any) -> Any:
        return model.val(**{**overrides, **more})

    return validate


def trainer(model: NAS, **overrides: Any) -> Callable[..., Any]:
    """Return ``(**overrides) -> DetMetrics``; the model then holds the best weights."""

    def train(**more: Any) -> Any:
        return model.train(**{**overrides, **more})

    return train


def exporter(model: NAS, **overrides: Any) -> Callable[..., str]:
    """Return ``(**overrides) -> path``."""

    def export(**more: Any) -> str:
        return model.export(**{**overrides, **more})

    return export
