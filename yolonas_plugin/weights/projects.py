"""Class names and processing, read from a file in the form that each project writes them in.

Each project is one row of ``PROJECTS``; the first that recognises a file's content reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from yolonas_plugin.errors import CheckpointError, ProcessingError
from yolonas_plugin.options import MAX_SIDE
from yolonas_plugin.processing import COCO, ProcessingSpec
from yolonas_plugin.weights.processing_params import ALL, Metadata, Wanted, parse_processing_params
from yolonas_plugin.weights.state_dict import find_module
from yolonas_plugin.weights.torch_file import all_tensors
from yolonas_plugin.weights.values import describe


class Project(NamedTuple):
    """A project that writes checkpoints: its name, whether it wrote a content, and how its metadata is read."""

    name: str
    wrote: Callable[[Any], bool]
    read: Callable[[Any, Path, Wanted], Metadata]


def read_metadata(content: Any, path: Path, wanted: Wanted = ALL) -> Metadata:
    """Return what a file says of its weights' use; each is None where it is silent, as a mere set of tensors is.

    Raises:
        ProcessingError: They can't be understood.
        CheckpointError: The file says that it isn't a network that is known here, or its skeleton can't be used.
    """
    for project in PROJECTS if not (isinstance(content, Mapping) and all_tensors(content.values())) else ():
        if project.wrote(content):
            return project.read(content, path, wanted)
    return Metadata()


def _super_gradients(content: Any, path: Path, wanted: Wanted) -> Metadata:
    """Training checkpoints: ``processing_params``, of dictionaries or, from older versions, of pickled objects."""
    return parse_processing_params(content["processing_params"], path, wanted)


_SHARED: Final = {"_image_processor": "image_processor", "_default_nms_iou": "iou", "_default_nms_conf": "conf"}
_DETECTION: Final = {  # of super-gradients' detectors: the name in processing_params
    **_SHARED,
    "_class_names": "class_names",
    "_default_nms_top_k": "nms_top_k",
    "_default_max_predictions": "max_predictions",
    "_default_multi_label_per_box": "multi_label_per_box",
    "_default_class_agnostic_nms": "class_agnostic_nms",
}

_POSE: Final = {  # of its networks for poses, which have those of a detector as well, unused
    **_SHARED,
    "_edge_links": "edge_links",
    "_edge_colors": "edge_colors",
    "_keypoint_colors": "keypoint_colors",
    "_default_pre_nms_max_predictions": "pre_nms_max_predictions",
    "_default_post_nms_max_predictions": "post_nms_max_predictions",
}


def _module(content: Any, path: Path, wanted: Wanted) -> Metadata:
    """A whole pickled super-gradients module, such as Ultralytics' assets: its attributes; old versions lack some."""
    module = find_module(content)
    state = module.state if module else {}
    attributes = _POSE if "_edge_links" in state else _DETECTION
    return parse_processing_params(
        {name: state[attribute] for attribute, name in attributes.items() if attribute in state}, path, wanted
    )


def _libreyolo(content: Any, path: Path, wanted: Wanted) -> Metadata:
    """LibreYOLO: its metadata; images are always longest side to 636 in the centre of the input, RGB from 0 to 1.

    Its box selection is its own: a box has one class, and NMS is stricter than YOLO-NAS's.
    """
    family, task = content.get("model_family"), content.get("task", "detect")
    if family != "yolonas" or task != "detect":
        epsilon = (
            ": it computes and trains these with another epsilon of BatchNorm, 1e-3 instead of 1e-6; give the "
            "file that it was trained from"
        )
        raise CheckpointError(
            f"{path}: LibreYOLO's checkpoint of {describe(family)} for {describe(task)}, not a YOLO-NAS detector"
            f"{epsilon if (family, task) == ('yolonas', 'pose') else ''}"
        )
    if content.get("quant"):
        raise CheckpointError(f"{path}: a quantised network of LibreYOLO; its dequantize() gives one that can be read")
    names = content.get("names")
    if isinstance(names, Mapping) and names and set(names) == set(range(len(names))):
        names = [names[index] for index in range(len(names))]
    class_names = parse_processing_params({"class_names": names}, path, wanted).class_names
    processing = _centred(content.get("imgsz", 640), path)
    return Metadata(class_names, replace(processing, iou=0.45, top_k=1000, multi_label=False), task="detect")


def _modern_yolonas(content: Any, path: Path, wanted: Wanted) -> Metadata:
    """modern-yolonas' Lightning checkpoints: the input size is a hyperparameter, the rest is fixed; no class names."""
    return Metadata(None, _centred(content["hyper_parameters"].get("input_size", 640), path), task="detect")


def _centred(size: Any, path: Path) -> ProcessingSpec:
    """Return the processing that both peers apply to every checkpoint, for a square input of ``size``."""
    if type(size) is not int or not 0 < size <= MAX_SIDE:
        raise ProcessingError(f"{path}: its input size is {describe(size)}, not a number of pixels")
    try:
        return replace(COCO, size=(size, size), resize=(min(636, size), min(636, size)))
    except ProcessingError as error:
        raise ProcessingError(f"{path}: {error}") from error


def _is_modern_yolonas(content: Any) -> bool:
    settings = content.get("hyper_parameters") if _is_mapping(content) else None
    return isinstance(settings, Mapping) and "pytorch-lightning_version" in content and "input_size" in settings


def _is_mapping(content: Any) -> bool:
    return isinstance(content, Mapping)


PROJECTS: Final = (
    Project("super-gradients", lambda c: _is_mapping(c) and bool(c.get("processing_params")), _super_gradients),
    Project("LibreYOLO", lambda c: _is_mapping(c) and "libreyolo_version" in c and "model_family" in c, _libreyolo),
    Project("modern-yolonas", _is_modern_yolonas, _modern_yolonas),
    Project("pickled module", lambda c: find_module(c) is not None, _module),
)
