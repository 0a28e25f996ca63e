"""The factories that the ``yolo_nas`` provider offers to hosts. What they need is imported when they are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from model_zoo_api.types import ModelCard
from yolonas_plugin.errors import RuntimeChoiceError
from yolonas_plugin.options import LEAN, OPTIONS
from yolonas_plugin.settings import check_settings

if TYPE_CHECKING:
    from yolonas_plugin.lean import Detections, LeanPredictor
    from yolonas_plugin.nas import NAS

_OPTIONS: Final = tuple(option.name for option in OPTIONS)


def load(
    source: str,
    *,
    card: ModelCard | None = None,
    lean: bool = False,
    runtime: str | None = None,
    precision: str | None = None,
    calibration: Any = None,
    accept_licence: bool = False,
    processing: Any = None,
    names: Any = None,
    progress: Callable[[int, int | None], object] | None = None,
    cancelled: Callable[[], object] | None = None,
    **options: Any,
) -> NAS | LeanPredictor:
    """Load a weight file, an exported file, or a model by name.

    Args:
        source: Path or name.
        card: Of the model that is named.
        lean: Predict on NumPy, OpenCV and the runtime alone, see :class:`yolonas_plugin.lean.LeanPredictor`; torch and
            the engine are imported only if ``source`` is a weight file that hasn't been prepared for that before.
        runtime: What it predicts on. Default: torch, or for ``lean`` the fastest that is installed.
        precision: ``"fp32"``, ``"bf16"`` or ``"int8"``. Default: ``"fp32"``, and for an exported file what that is for.
        calibration: Images that int8 is calibrated on.
        accept_licence: Accept the licence of published weights, if they are downloaded now.
        processing: How images are prepared, where that isn't what the file says.
        names: Class names, where they aren't what the file says.
        progress: Called during a download with the bytes that are there, and the bytes in all or None.
        cancelled: Asked during a download; True ends it with a ``DownloadError``, and what has come is kept.
        **options: Others of :class:`yolonas_plugin.nas.NAS`.

    Raises:
        SettingError: There is no such option; else as for :class:`yolonas_plugin.nas.NAS`.
    """
    check_settings(options, _OPTIONS, "loading a model")
    options |= {"runtime": runtime, "precision": precision, "calibration": calibration}
    options |= {"accept_licence": accept_licence, "processing": processing, "names": names}
    options |= {"progress": progress, "cancelled": cancelled}
    if lean:
        from yolonas_plugin.lean import open_lean

        return open_lean(source, **options)
    from yolonas_plugin.nas import NAS

    return NAS(source, **options)


def predictor(model: NAS | LeanPredictor, **overrides: Any) -> Callable[..., list[Any]]:
    """Return ``(source, **overrides) -> list``; settings given there win over those given here.

    The list has Ultralytics ``Results``, or for a lean model :class:`yolonas_plugin.lean.Detections`.

    Raises:
        SettingError: There is no such setting, or its value is none that it may have; here or at the call.
    """
    if not hasattr(model, "predict"):
        check_settings(overrides, LEAN, "predict, on the lean path,", model.names, near=_OPTIONS)

        def predict_lean(source: Any, **more: Any) -> list[Detections]:
            return model(source, **{**overrides, **more})

        return predict_lean
    _check(overrides, "predict", ("stream", "predictor"), model.names)

    def predict(source: Any, **more: Any) -> list[Any]:
        return list(model.predict(source, **{"verbose": False, **overrides, **more}))

    return predict


def validator(model: NAS, **overrides: Any) -> Callable[..., Any]:
    """Return ``(**overrides) -> DetMetrics``.

    Raises:
        RuntimeChoiceError: It is a lean model.
        SettingError: As for :func:`predictor`.
    """
    _require_engine(model)
    _check(overrides, "val", ("validator",), model.names)

    def validate(**more: Any) -> Any:
        return model.val(**{**overrides, **more})

    return validate


def trainer(model: NAS, **overrides: Any) -> Callable[..., Any]:
    """Return ``(**overrides) -> DetMetrics``; the model then holds the best weights.

    Raises:
        RuntimeChoiceError: It is a lean model.
        SettingError: As for :func:`predictor`.
    """
    _require_engine(model)
    _check(overrides, "train", ("trainer", "licence"))

    def train(**more: Any) -> Any:
        return model.train(**{**overrides, **more})

    return train


def exporter(model: NAS, **overrides: Any) -> Callable[..., str]:
    """Return ``(**overrides) -> path``."""

    _require_engine(model)

    def export(**more: Any) -> str:
        return model.export(**{**overrides, **more})

    return export


def _check(overrides: dict[str, Any], what: str, own: tuple[str, ...], names: dict[int, str] | None = None) -> None:
    """See that settings are right before there is any work; ``own`` are those of ``NAS``, not of the engine."""
    from yolonas_plugin.nas.settings import check_engine_settings

    given = {name: value for name, value in overrides.items() if name not in own}
    check_engine_settings(given, what, names, near=(*_OPTIONS, *own))


def _require_engine(model: NAS | LeanPredictor) -> None:
    """Check that a model can do more than predict.

    Raises:
        RuntimeChoiceError: It can't.
    """
    if not hasattr(model, "val"):
        raise RuntimeChoiceError("a lean model only predicts; load it without lean=True")
