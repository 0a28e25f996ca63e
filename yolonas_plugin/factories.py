"""The factories that the ``yolo_nas`` provider offers to hosts. What they need is imported when they are called."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from model_zoo_api import Detections
from model_zoo_api.types import ModelCard
from yolonas_plugin.errors import RuntimeChoiceError, SettingError
from yolonas_plugin.options import OPTIONS
from yolonas_plugin.settings import check_settings
from yolonas_plugin.weights.suppliers import already_asked

if TYPE_CHECKING:
    from yolonas_plugin.lean import LeanPredictor
    from yolonas_plugin.nas import NAS

_OPTIONS: Final = tuple(option.name for option in OPTIONS)

_WRITING: Final[dict[str, Any]] = {
    **dict.fromkeys(("save", "save_txt", "save_crop", "save_frames", "save_conf", "exist_ok"), False),
    **dict.fromkeys(("project", "name", "save_dir", "line_width")),
    **dict.fromkeys(("show", "visualize"), False),
    **dict.fromkeys(("show_boxes", "show_conf", "show_labels"), True),
}
"""Settings of the engine's ``predict`` that are about files and windows, and the values that ask for neither."""


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
        card: Of the model that is named, if the host has asked plugins for its weights; else they are asked now.
        lean: Predict on NumPy, OpenCV and the runtime alone, see :class:`yolonas_plugin.lean.LeanPredictor`; torch and
            the engine are imported only if ``source`` is a weight file that hasn't been prepared for that before.
        runtime: What it predicts on. Default: torch, or for ``lean`` the fastest that is installed.
        precision: ``"fp32"``, ``"fp16"`` on a GPU, ``"bf16"``, ``"int8"``, or ``"auto"``, bf16 on a CPU that has it,
            else fp32. Default: ``"fp32"``, and for an exported file what that is for.
        calibration: Images that int8 is calibrated on.
        accept_licence: Accept the licence of published weights, if they are downloaded now.
        processing: How images are prepared, where that isn't what the file says.
        names: Class names, where they aren't what the file says.
        progress: Called during a download with the bytes that are there, and the bytes in all or None. By default a
            terminal shows a bar.
        cancelled: Asked during a download; True ends it with a ``DownloadError``, and what has come is kept.
        **options: Others of :class:`yolonas_plugin.nas.NAS`.

    Raises:
        SettingError: There is no such option; else as for :class:`yolonas_plugin.nas.NAS`.
    """
    check_settings(options, _OPTIONS, "loading a model")
    options |= {"runtime": runtime, "precision": precision, "calibration": calibration}
    options |= {"accept_licence": accept_licence, "processing": processing, "names": names}
    options |= {"progress": progress, "cancelled": cancelled}
    with contextlib.nullcontext() if card is None else already_asked():
        if lean:
            from yolonas_plugin.lean import open_lean

            return open_lean(source, **options)
        from yolonas_plugin.nas import NAS

        return NAS(source, **options)


class Predictor:
    """``(source, **settings) -> list`` of :class:`~model_zoo_api.Detections`, one for each image, in order.

    Args:
        stream: Yields them one by one.
        overrides: Settings; those of a call win.
    """

    def __init__(self, stream: Callable[..., Iterator[Detections]], overrides: Mapping[str, Any]) -> None:
        self._stream, self._overrides = stream, dict(overrides)

    def __call__(self, source: Any, **more: Any) -> list[Detections]:
        """Return one result for each image."""
        return list(self.stream(source, **more))

    def stream(self, source: Any, **more: Any) -> Iterator[Detections]:
        """Yield the results one by one."""
        return self._stream(source, **{**self._overrides, **more})


def predictor(model: NAS | LeanPredictor, **overrides: Any) -> Predictor:
    """Return a predictor; settings given to it win over those given here.

    Its results are the same from every runtime, with ``native``, Ultralytics ``Results``, on the engine.

    Raises:
        SettingError: There is no such setting, or its value is none that it may have; here or at the call.
    """
    if not hasattr(model, "predict"):
        from yolonas_plugin.lean import check_lean

        check_lean(overrides, model.names, near=_OPTIONS)
        return Predictor(model.stream, overrides)
    from yolonas_plugin.nas.outcomes import outcomes

    _check_predictor(overrides, model.names)

    def stream(source: Any, **settings: Any) -> Iterator[Detections]:
        _check_predictor(settings, model.names)
        return outcomes(cast("NAS", model), source, settings)

    return Predictor(stream, overrides)


def _check_predictor(overrides: dict[str, Any], names: dict[int, str]) -> None:
    """Check settings, and refuse those that write files or open windows, which this kind of predictor doesn't."""
    if refused := [name for name in _WRITING if overrides.get(name) not in (None, _WRITING[name])]:
        raise SettingError(
            f"{refused[0]}={overrides[refused[0]]!r}: a predictor writes and shows nothing; NAS(...).predict does, and "
            "each result's draw() gives a picture"
        )
    _check(overrides, "predict", (), names)


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
    """Check settings before any work; ``own`` are those of ``NAS``, not of the engine."""
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
