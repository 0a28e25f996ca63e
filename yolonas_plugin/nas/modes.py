"""Which of the engine's settings do something here, by its modes: it takes them all in every mode, in silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ultralytics.utils import DEFAULT_CFG_DICT

from yolonas_plugin.errors import SettingError
from yolonas_plugin.nas.training_settings import REFUSED, SETTINGS
from yolonas_plugin.weights.values import describe

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


def check_effect(given: Mapping[str, Any], mode: str, *, direct: bool = False) -> None:
    """See that each setting changes something, or asks for nothing but the engine's default.

    Args:
        given: Settings of the engine.
        mode: One of :data:`EFFECTIVE`.
        direct: Whether they are given to the engine's class, which takes its model among them, not to ``NAS``.

    Raises:
        SettingError: One would change nothing.
    """
    for name, value in given.items():
        if name in EFFECTIVE[mode] or (direct and name in _OF_DIRECT_USE) or value is None:
            continue
        if name in ("mode", "task"):
            if value != (mode if name == "mode" else "detect"):
                raise SettingError(f"{mode}: {name}={describe(value)} can't be had: this is {mode}, of task detect")
        elif value != DEFAULT_CFG_DICT.get(name):
            raise SettingError(f"{mode}: {name}={describe(value)} would change nothing: {_why(name)}; leave it out")


def _why(name: str) -> str:
    others = [mode for mode in ("train", "val", "predict", "track") if name in EFFECTIVE[mode]]
    return _WHY.get(name) or (f"it is a setting of {others[0]}" if others else "YOLO-NAS has nothing that it sets")
