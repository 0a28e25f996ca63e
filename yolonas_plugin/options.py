"""Options of the ``yolo_nas`` provider's loader and settings of its predictor, as data; nothing heavy is imported."""

from __future__ import annotations

from typing import Final

from model_zoo_api.settings import ACCEPT_LICENCE, CANCELLED, PRETRAINED, PROGRESS, Setting

STRIDE: Final = 32
"""The network's largest stride in pixels: sides of its input are multiples of it."""

MAX_SIDE: Final = 4096
"""Longest side of an input in pixels. At 4096x4096 the first layer of L alone gives 0.8 GB."""

OPTIONS: Final = (
    Setting(
        name="runtime",
        kind="choice",
        choices=("torch", "openvino", "onnxruntime", "cuda", "tensorrt", "auto"),
        help="what runs the network; auto is torch on a GPU, else the fastest that is there (default: what opens it)",
    ),
    Setting(
        name="precision",
        kind="choice",
        choices=("fp32", "fp16", "bf16", "int8", "auto"),
        help="of the arithmetic; auto is bf16 on a CPU that has it, else fp32 (default: fp32, or what a file is for)",
    ),
    Setting(
        name="lean", kind="flag", default=False, help="predict without torch and the engine, on openvino or onnxruntime"
    ),
    Setting(
        name="calibration",
        kind="any",
        help="for int8: images like those to come, a folder, a glob or a list of them, 100 or more",
    ),
    ACCEPT_LICENCE,
    Setting(
        name="processing",
        kind="any",
        help="how images are prepared, if the file doesn't say: coco, super-gradients, pose or a ProcessingSpec",
    ),
    Setting(
        name="names", kind="any", help="class names, a list or by index, if the file has none or others are wanted"
    ),
    Setting(
        name="backend",
        kind="choice",
        default="native",
        choices=("native", "super-gradients"),
        help="whose network runs",
    ),
    PRETRAINED,
    Setting(
        name="threads",
        kind="integer",
        minimum=1,
        help="of a prediction on openvino or onnxruntime (default: all cores)",
    ),
    PROGRESS,
    CANCELLED,
)
"""Options of :func:`yolonas_plugin.factories.load`."""

_ON_BOTH: Final = (
    Setting(name="conf", kind="number", minimum=0, maximum=1, help="lowest score"),
    Setting(name="iou", kind="number", minimum=0, maximum=1, help="highest overlap of two boxes of a class"),
    Setting(name="max_det", kind="integer", minimum=1, help="most boxes for an image"),
    Setting(name="classes", kind="classes", help="only these classes"),
    Setting(
        name="imgsz",
        kind="size",
        minimum=STRIDE,
        maximum=MAX_SIDE,
        multiple_of=STRIDE,
        help="size of the network's input",
    ),
    Setting(
        name="rect",
        kind="flag",
        default=False,
        help="pad images to the next multiples of 32 only: faster, nearly the same",
    ),
    Setting(
        name="agnostic_nms",
        kind="flag",
        help="boxes of different classes suppress each other too",
    ),
    Setting(name="batch", kind="integer", minimum=1, help="images at a time"),
)

LEAN: Final = tuple(setting.name for setting in _ON_BOTH)
"""Names of the settings that prediction without the engine takes too."""


def _of_engine(name: str, kind: str, default: object = None, minimum: int | None = None, *, help: str) -> Setting:
    return Setting(name=name, kind=kind, default=default, minimum=minimum, help=f"{help} (not lean)")


SETTINGS: Final = (
    *_ON_BOTH,
    _of_engine("device", "any", help="cpu, 0, cuda:1, mps, ..."),
    _of_engine("half", "flag", False, help="float16, on a GPU"),
    _of_engine("compile", "any", False, help="torch.compile: True, or one of its modes"),
    _of_engine("vid_stride", "integer", 1, 1, help="take each so many-th frame of a video"),
    _of_engine("verbose", "flag", False, help="log each image"),
)
"""Settings of :func:`yolonas_plugin.factories.predictor`; those beyond :data:`LEAN` are the engine's."""

HELP: Final = {setting.name: setting.help.removesuffix(" (not lean)") for setting in (*OPTIONS, *SETTINGS)}
"""What each option and setting does."""

CHOICES: Final = {setting.name: setting.choices for setting in OPTIONS if setting.choices}
"""The values of each option that is a choice."""
