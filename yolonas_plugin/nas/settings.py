"""The engine's settings, checked before the engine sees them, and what they are where a caller doesn't say.

It answers a misspelt one with a page of help, and takes all of them in every mode, those that do nothing there too.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from ultralytics.cfg import check_cfg
from ultralytics.utils import DEFAULT_CFG_DICT

from model_zoo_api.values import as_python
from yolonas_plugin.engine import renamed
from yolonas_plugin.errors import SettingError
from yolonas_plugin.nas.training_settings import REFUSED, SETTINGS
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.runtimes import RuntimeChoice
from yolonas_plugin.settings import check_count, check_settings
from yolonas_plugin.tasks import TASKS
from yolonas_plugin.weights.values import describe

_ALSO: Final = {"augmentations", "save_dir"}
"""Known to the engine, but not among its defaults."""

_EVERYWHERE: Final = {
    *("batch", "imgsz", "device", "compile", "classes", "conf", "iou", "max_det", "agnostic_nms"),
    *("project", "name", "exist_ok", "save_dir", "save_txt", "save_conf", "verbose"),
}

_JUDGED: Final = {"augment", "dnn", "embed", "half", "int8", "nms", "quantize", "rect", "visualize"}
"""What ``execution.check_runtime`` and ``NASValidator`` refuse themselves, where it can't be given."""

_PREDICT: Final = {
    *(*_EVERYWHERE, *_JUDGED, "save", "save_crop", "save_frames", "show", "show_boxes", "show_conf", "show_labels"),
    *("line_width", "stream_buffer", "vid_stride"),
}

EFFECTIVE: Final[Mapping[str, frozenset[str]]] = {
    "predict": frozenset(_PREDICT),
    "track": frozenset({*_PREDICT, "tracker"}),
    "val": frozenset(
        {*_EVERYWHERE, *_JUDGED, "data", "split", "workers", "plots", "save_json", "single_cls"}
        | {"show_conf", "show_labels"}  # in the pictures of visualize
    ),
    "train": frozenset(
        {*_EVERYWHERE, *SETTINGS, *REFUSED, "data", "resume", "augmentations", "channels_last", "save_json"}
    ),
}
"""The settings that change what a mode does, or that it refuses with a reason of their own."""

_OF_DIRECT_USE: Final = {"model", "source"}
"""Settings of the engine's classes themselves, for which ``NAS`` has arguments."""

_LOSS: Final = "the loss is super-gradients', with weights of its own"
_WHY: Final = {
    **dict.fromkeys(("box", "cls", "dfl"), _LOSS),
    "dropout": "it is for the engine's classifiers",
    "channels_last": "the layout of tensors is chosen by what runs the network",
    "model": "the model is the one that is open; open another one with NAS(...)",
    "cfg": "settings are given by name, not as a file",
    "fraction": "all images of the split are measured",
    "cls_remap": "predictions of classes are kept where all names are the same, and begin anew otherwise",
}


def check_engine_settings(
    given: Mapping[str, Any],
    what: str,
    names: Mapping[int, str] | None = None,
    near: Collection[str] = (),
    *,
    task: str | None = None,
    direct: bool = False,
) -> dict[str, Any]:
    """Return settings of the engine as it takes them. None means the default.

    Args:
        given: The settings; those that the engine has renamed get their new names.
        what: Who takes them: ``"predict"``, ``"track"``, ``"val"`` or ``"train"``.
        names: The model's classes by index, for ``classes``.
        near: Names that the caller takes besides, one of which may have been meant by an unknown one.
        task: The model's; None where it isn't open yet.
        direct: Whether they are given to the engine's class, not to ``NAS``.

    Raises:
        SettingError: There is no such setting, a value is none that it may have, or it would change nothing.
    """
    given = renamed({name: as_python(value) for name, value in given.items()})
    kept = {name: value for name, value in given.items() if value is None and not _has_number(name)}
    batch = given.pop("batch", None) if what == "train" else None
    settings = kept | check_settings(given, {*DEFAULT_CFG_DICT, *_ALSO, "batch"}, what, names, near)
    if batch is not None:
        settings["batch"] = _training_batch(batch)
    if "imgsz" in settings:
        settings["imgsz"] = as_imgsz(settings["imgsz"])
    for name, value in settings.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise SettingError(f"{what}: {name}={value} must be a finite number")
    try:
        check_cfg(dict(settings))
    except (TypeError, ValueError) as error:
        raise SettingError(f"{what}: {error}") from error
    check_effect(settings, what, task, direct=direct)
    return settings


def check_overrides(given: Mapping[str, Any] | None, what: str) -> dict[str, Any]:
    """Return the settings that one of the engine's classes is made with, as :func:`check_engine_settings` does."""
    return check_engine_settings(given or {}, what, direct=True)


def as_imgsz(size: tuple[int, int]) -> int | list[int]:
    """Return height and width as the engine writes them: one number for a square."""
    height, width = size
    return height if height == width else [height, width]


def engine_defaults(spec: ProcessingSpec) -> dict[str, Any]:
    """Return the engine's settings that a checkpoint decides unless the caller does."""
    return {**spec.settings(), "imgsz": as_imgsz(spec.size)}


def prediction_settings(
    spec: ProcessingSpec, runtime: RuntimeChoice, source: Any, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings of a prediction: what a caller says, else what the checkpoint, the source and the runtime do.

    Args:
        spec: How the model's images are prepared, and its box selection.
        runtime: By what it runs.
        source: What is predicted on.
        given: What the caller says, checked; of the settings that have a default here, None means that.
    """
    defaults = {**engine_defaults(spec), "rect": False}
    if isinstance(source, (list, tuple)) and not all(isinstance(entry, (str, Path)) for entry in source):
        defaults["batch"] = len(source)  # they are in memory already
    if runtime.name == "openvino":
        defaults["batch"] = 1  # it works on several that come one by one
    said = {name: value for name, value in given.items() if value is not None or name not in defaults}
    return {**defaults, **said}


def _training_batch(batch: Any) -> int | float:
    """Return images at a time, or what lets the engine choose: -1, or the part of a GPU's memory that it may fill."""
    if isinstance(batch, float) and 0 < batch < 1:
        return batch
    if isinstance(batch, float) and batch.is_integer():  # from a form, where parts of a memory are allowed too
        batch = int(batch)
    if batch == -1 and not isinstance(batch, bool):
        return -1
    return check_count("batch", batch)


def _has_number(name: str) -> bool:
    """Whether the engine's default of a setting is a number or a switch, where None has no meaning of its own."""
    return isinstance(DEFAULT_CFG_DICT.get(name), (int, float)) and name != "cache"


def check_effect(given: Mapping[str, Any], mode: str, task: str | None = None, *, direct: bool = False) -> None:
    """See that each setting changes something, or asks for nothing but the engine's default.

    Args:
        given: Settings of the engine.
        mode: One of :data:`EFFECTIVE`.
        task: The model's; None where it isn't open yet.
        direct: Whether they are given to the engine's class, which takes its model among them, not to ``NAS``.

    Raises:
        SettingError: One would change nothing.
    """
    for name, value in given.items():
        if name in EFFECTIVE[mode] or (direct and name in _OF_DIRECT_USE) or value is None:
            continue
        if name == "task":
            check_task(value, task, mode)
        elif name == "mode":
            if value != mode:
                raise SettingError(f"{mode}: mode={describe(value)} can't be had: this is {mode}")
        elif value != DEFAULT_CFG_DICT.get(name):
            raise SettingError(f"{mode}: {name}={describe(value)} would change nothing: {_why(name)}; leave it out")


def check_task(given: Any, task: str | None, mode: str) -> None:
    """See that what is asked for is what the model does.

    Args:
        given: The setting; None where it isn't given.
        task: The model's; None where it isn't open yet, and any of this package's will do.
        mode: Who asks.

    Raises:
        SettingError: It isn't.
    """
    if given is not None and given not in (TASKS if task is None else {task}):
        known = f"of the tasks {', '.join(TASKS)}" if task is None else f"by a model of task {task}"
        raise SettingError(f"{mode}: task={describe(given)} can't be had: this is {mode} {known}")


def _why(name: str) -> str:
    others = [mode for mode in ("train", "val", "predict", "track") if name in EFFECTIVE[mode]]
    return _WHY.get(name) or (f"it is a setting of {others[0]}" if others else "YOLO-NAS has nothing that it sets")
