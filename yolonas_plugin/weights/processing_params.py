"""Parsing ``processing_params``, in which super-gradients records how a checkpoint's images are prepared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from yolonas_plugin.errors import ProcessingError
from yolonas_plugin.names import GIVE_NAMES, checked_names
from yolonas_plugin.processing import POSE, ProcessingSpec
from yolonas_plugin.skeleton import Skeleton
from yolonas_plugin.weights.skeletons import parse_skeleton
from yolonas_plugin.weights.values import UnknownValueError, describe, plain_value


class Wanted(NamedTuple):
    """Which parts of ``processing_params`` are parsed: those that the caller doesn't override."""

    processing: bool = True
    names: bool = True


ALL: Final = Wanted()


class Metadata(NamedTuple):
    """What a file says of how its weights are used; None for what it doesn't say."""

    class_names: tuple[str, ...] | None = None
    processing: ProcessingSpec | None = None
    skeleton: Skeleton | None = None
    task: str | None = None


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{describe(value)} is no number")
    return float(value)


def _whole(value: Any) -> int:
    number = _number(value)
    if not number.is_integer():
        raise ValueError(f"{describe(value)} is no whole number")
    return int(number)


def _flag(value: Any) -> bool:
    if value not in (False, True):  # old versions wrote 0 and 1
        raise TypeError(f"{describe(value)} is neither true nor false")
    return bool(value)


_SELECTION: Final = {  # super-gradients' name: (ours, type)
    "conf": ("conf", _number),
    "iou": ("iou", _number),
    "nms_top_k": ("top_k", _whole),
    "max_predictions": ("max_detections", _whole),
    "multi_label_per_box": ("multi_label", _flag),
    "class_agnostic_nms": ("class_agnostic", _flag),
    "pre_nms_max_predictions": ("top_k", _whole),
    "post_nms_max_predictions": ("max_detections", _whole),
}


_OTHER_TASKS: Final = {
    "Segmentation": "segmentation",
    "Resize": "classification",
    "CenterCrop": "classification",
}
"""super-gradients' steps for tasks that aren't known here, by what their names begin with."""

_TASKS: Final = {"Detection": "detect", "Keypoints": "pose"}
"""The task of its other steps, by what their names begin with."""

_SELECTIONS: Final[dict[str | None, dict[str, Any]]] = {
    "pose": {name: getattr(POSE, name) for name in ("conf", "iou", "top_k", "max_detections", "multi_label")}
}
"""What super-gradients selects boxes by where a file doesn't say it; for detection what ``ProcessingSpec`` does."""


def parse_processing_params(params: Mapping[str, Any], path: Path, wanted: Wanted = ALL) -> Metadata:
    """Parse ``processing_params``; what they don't say is None.

    Args:
        params: ``{"class_names": [...], "image_processor": {"ComposeProcessing": {"processings": [...]}}, "iou": ...,
            "conf": ...}``; a step without arguments is its bare name. For poses there are ``edge_links``,
            ``edge_colors`` and ``keypoint_colors`` instead of names.
        path: Where they come from, for messages.
        wanted: Which parts to parse; errors in other parts are ignored.

    Raises:
        ProcessingError: A step is unknown, or the steps are in an order that this package doesn't reproduce.
        CheckpointError: A class's name or the skeleton can't be used.
    """
    if isinstance(params, Mapping):
        unwanted = {"image_processor": not wanted.processing, "class_names": not wanted.names}
        params = {name: value for name, value in params.items() if not unwanted.get(name)}
    try:
        params = plain_value(params)
    except UnknownValueError as error:
        raise ProcessingError(f"{path}: processing_params can't be understood: {error}") from error
    if not isinstance(params, Mapping):
        raise ProcessingError(f"{path}: processing_params is a {type(params).__name__}, not a dictionary")
    names = params.get("class_names")
    if names is not None and (isinstance(names, str) or not isinstance(names, Sequence)):
        raise ProcessingError(f"{path}: class_names is {describe(names)}, not a list of names{GIVE_NAMES}")
    class_names = checked_names(names, path, GIVE_NAMES) if names is not None else None
    skeleton = parse_skeleton(params, path)
    processor = params.get("image_processor")
    if processor is None:
        return Metadata(class_names, skeleton=skeleton)
    steps = _steps(processor, path)
    task = next((task for step, _ in steps for kind, task in _TASKS.items() if step.startswith(kind)), None)
    fields: dict[str, Any] = {"channels": "RGB", "divisor": 1.0, "conf": 0.5}  # super-gradients' own default
    fields |= _SELECTIONS.get(task, {})
    for step, arguments in steps:
        if step not in _STEPS:
            reason = next(
                (f", as it is for {task}" for kind, task in _OTHER_TASKS.items() if step.startswith(kind)), ""
            )
            raise ProcessingError(
                f"{path}: its processing step {step[:80]!r} is not supported{reason}; known are {', '.join(_STEPS)}"
            )
        try:
            if "permuted" in fields and step != "StandardizeImage":
                raise ValueError("it comes after the axes were moved")
            _STEPS[step](fields, arguments)
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            raise ProcessingError(
                f"{path}: its processing step {step}({arguments!s:.200}) can't be reproduced: {error!s:.200}"
            ) from error
    fields.pop("permuted", None)
    if "resize" not in fields:
        raise ProcessingError(f"{path}: its processing gives images of different sizes, since it never resizes them")
    if "size" not in fields:
        if fields["keep_ratio"]:
            raise ProcessingError(f"{path}: its processing gives images of different sizes, since it never pads them")
        fields["size"] = fields["resize"]
    try:
        for name, (ours, kind) in _SELECTION.items():
            if params.get(name) is not None:
                fields[ours] = kind(params[name])
        return Metadata(class_names, ProcessingSpec(**fields), skeleton, task)
    except (ProcessingError, ArithmeticError, TypeError, ValueError) as error:
        raise ProcessingError(f"{path}: {error!s:.200}") from error


def _steps(processor: Any, path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """Flatten nested compositions to (name, arguments) pairs in the order of application."""
    if isinstance(processor, str):
        return [(processor, {})]
    if isinstance(processor, Mapping) and len(processor) == 1:
        ((name, arguments),) = processor.items()
        arguments = {} if arguments is None else arguments
        if isinstance(arguments, Mapping):
            if name != "ComposeProcessing":
                return [(str(name), arguments)]
            steps = arguments.get("processings")
            if isinstance(steps, Sequence):
                return [pair for step in steps for pair in _steps(step, path)]
    raise ProcessingError(
        f"{path}: image_processor is {processor!r:.80}, expected a step's name or {{name: arguments}}"
    )


def _resize(fields: dict[str, Any], shape: Any, keep_ratio: bool) -> None:
    shape = _shape(shape)
    if "size" in fields:
        raise ValueError("it resizes after padding")
    if fields["divisor"] != 1.0 or "mean" in fields:
        raise ValueError("it resizes after the pixels were normalised")
    if "resize" in fields and (fields["resize"], fields["keep_ratio"]) != (shape, keep_ratio):
        raise ValueError(f"the image was resized to {fields['resize']} before")
    fields.update(resize=shape, keep_ratio=keep_ratio)


def _pad(fields: dict[str, Any], arguments: Mapping[str, Any], padding: str) -> None:
    if fields["divisor"] != 1.0 or "mean" in fields:
        raise ValueError("it pads after the pixels were normalised")
    shape, value = _shape(arguments["output_shape"]), arguments["pad_value"]
    if "size" in fields:
        if fields["size"] != shape:
            raise ValueError(f"the image was padded to {fields['size']} before")
        return  # nothing is left to pad
    values = set(value) if isinstance(value, (list, tuple)) else {value}
    if len(values) != 1:
        raise ValueError("the padding is not grey")
    fields.update(size=shape, pad_value=_whole(values.pop()), padding=padding)


def _pad_to_multiple(fields: dict[str, Any], arguments: Mapping[str, Any]) -> None:
    """Pad at the bottom right to a multiple, which is reproduced where all images have one size already."""
    if fields["divisor"] != 1.0 or "mean" in fields:
        raise ValueError("it pads after the pixels were normalised")
    rows, columns = _shape(arguments["shape_multiple"])
    size = fields.get("size") or (None if fields.get("keep_ratio", True) else fields["resize"])
    if size is None:
        raise ValueError("the size of the network's input would depend on the image, which is not supported")
    padded = (-(-size[0] // rows) * rows, -(-size[1] // columns) * columns)
    if padded == size:
        fields["size"] = size
    elif "size" in fields:
        raise ValueError(f"it pads images that were padded to {size} before")
    else:
        _pad(fields, {"output_shape": padded, "pad_value": arguments["pad_value"]}, "bottom_right")


def _reverse(fields: dict[str, Any], arguments: Mapping[str, Any]) -> None:
    if "mean" in fields:
        raise ValueError("it reverses the channels after they were normalised")
    fields["channels"] = "BGR" if fields["channels"] == "RGB" else "RGB"


def _standardise(fields: dict[str, Any], arguments: Mapping[str, Any]) -> None:
    if "mean" in fields:
        raise ValueError("it divides after the normalisation")
    fields["divisor"] *= _number(arguments.get("max_value", 255.0))


def _normalise(fields: dict[str, Any], arguments: Mapping[str, Any]) -> None:
    if "mean" in fields:
        raise ValueError("it normalises twice")
    fields.update(mean=_values(arguments["mean"]), std=_values(arguments["std"]))


def _permute(fields: dict[str, Any], arguments: Mapping[str, Any]) -> None:
    permutation = tuple(arguments.get("permutation", (2, 0, 1)))
    if permutation != (2, 0, 1):
        raise ValueError("expected (2, 0, 1)")
    fields["permuted"] = True


def _shape(value: Any) -> tuple[int, int]:
    height, width = value
    return _whole(height), _whole(width)


def _values(value: Any) -> tuple[float, ...]:
    """Flatten nested lists, which are what numpy arrays of shape [1, 1, C] are read as."""
    if not isinstance(value, (list, tuple)):
        return (_number(value),)
    return tuple(number for part in value for number in _values(part))


_STEPS: Final[dict[str, Callable[[dict[str, Any], Mapping[str, Any]], None]]] = {
    "ReverseImageChannels": _reverse,
    "DetectionLongestMaxSizeRescale": lambda fields, a: _resize(fields, a["output_shape"], keep_ratio=True),
    "DetectionRescale": lambda fields, a: _resize(fields, a["output_shape"], keep_ratio=False),
    "DetectionCenterPadding": lambda fields, a: _pad(fields, a, "center"),
    "DetectionBottomRightPadding": lambda fields, a: _pad(fields, a, "bottom_right"),
    "DetectionAutoPadding": _pad_to_multiple,
    "KeypointsLongestMaxSizeRescale": lambda fields, a: _resize(fields, a["output_shape"], keep_ratio=True),
    "KeypointsRescale": lambda fields, a: _resize(fields, a["output_shape"], keep_ratio=False),
    "KeypointsBottomRightPadding": lambda fields, a: _pad(fields, a, "bottom_right"),
    "KeypointsAutoPadding": _pad_to_multiple,
    "StandardizeImage": _standardise,
    "NormalizeImage": _normalise,
    "ImagePermute": _permute,
}
