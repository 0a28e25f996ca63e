"""Settings of the ``yolo_nas`` provider's trainer, as data; nothing heavy is imported.

Ranges are those of :mod:`yolonas_plugin.nas.training_settings`, and defaults the engine's; tests hold them together.
"""

from __future__ import annotations

from typing import Any, Final

from model_zoo_api.settings import Setting
from yolonas_plugin.options import MAX_SIDE, STRIDE


def _whole(name: str, low: int, high: int, default: int | None, help: str) -> Setting:
    return Setting(name=name, kind="integer", minimum=low, maximum=high, default=default, help=help)


def _number(name: str, low: float, high: float, default: float | None, help: str) -> Setting:
    return Setting(name=name, kind="number", minimum=low, maximum=high, default=default, help=help)


def _share(name: str, default: float | None, help: str) -> Setting:
    return _number(name, 0, 1, default, help)


def _flag(name: str, default: bool | None, help: str) -> Setting:
    return Setting(name=name, kind="flag", default=default, help=help)


def _choice(name: str, choices: tuple[str, ...], default: str | None, help: str) -> Setting:
    return Setting(name=name, kind="choice", choices=choices, default=default, help=help)


def _other(name: str, kind: str, help: str, default: Any = None) -> Setting:
    return Setting(name=name, kind=kind, default=default, help=help)


TRAINING: Final = (
    # what, how long, and of how much at a time
    _other("data", "path", "the data set: YAML of YOLO, or a folder or file of COCO or VOC (needed)"),
    _choice(
        "task", ("detect", "pose"), None, "make a network for another task than that of the weights it begins with"
    ),
    _whole("epochs", 1, 1_000_000, 100, "times that every image is seen"),
    _number("time", 0, 10_000, None, "hours, instead of epochs"),
    _whole("patience", 0, 1_000_000, 100, "epochs without an improvement after which it ends; 0 is never"),
    _number("batch", -1, 65_536, 16, "images at a time; -1 what a GPU's memory takes, below 1 a part of it"),
    Setting(
        name="imgsz",
        kind="size",
        minimum=STRIDE,
        maximum=MAX_SIDE,
        multiple_of=STRIDE,
        help="size of the network's input (default: the file's)",
    ),
    _whole("nbs", 1, 1_000_000, 64, "images whose gradients are put together for a step"),
    _whole("workers", 0, 1_024, 8, "processes that read images"),
    _other("fraction", "number", "the part of the images that is used, up to 1; or their number", 1.0),
    _other("cache", "any", "keep images in memory (ram) or unpacked (disk)", False),
    _other("device", "any", "cpu, 0, cuda:1, 0,1, mps, ..."),
    _other("resume", "any", "True: go on with the training whose last.pt is open; or the path of another"),
    # what is written
    _other("project", "path", "the folder in which a new folder for the results is made"),
    _other("save_dir", "path", "the folder for the results itself"),
    _flag("exist_ok", False, "write into a folder that is there"),
    _other("licence", "text", "of the trained weights, which their files then say"),
    _flag("save", True, "keep weights"),
    _whole("save_period", -1, 1_000_000, -1, "keep the weights of each so many-th epoch too; -1 is none"),
    _flag("save_json", False, "write the predictions on the validation images"),
    _flag("save_txt", False, "write labels of the predictions"),
    _flag("save_conf", False, "with their scores"),
    _flag("val", True, "measure each epoch on the validation images"),
    _flag("plots", True, "draw curves and pictures of batches"),
    _flag("verbose", True, "log each epoch"),
    # which images and classes
    _choice("split", ("train", "val", "test"), "val", "the images that are measured on"),
    _flag("single_cls", False, "take all classes for one"),
    _other("classes", "classes", "only these classes"),
    _flag("rect", False, "batches of images of like shapes, padded little"),
    _other(
        "multi_scale", "any", "vary the input's size by up to this part of it; before ultralytics 8.4 True or False"
    ),
    # arithmetic
    _other("amp", "any", "mixed precision: True, False, fp16 or bf16", True),
    _other("compile", "any", "torch.compile: True, or one of its modes", False),
    _flag("channels_last", None, "layout of tensors, which is chosen by what runs the network"),
    _whole("seed", 0, (1 << 31) - 1, 0, "of random numbers"),
    _flag("deterministic", True, "the same numbers each time, where the hardware can"),
    _other("freeze", "any", "parts of the network that stay as they are: how many from the image on, or a list"),
    # the optimiser and its schedule
    _choice(
        "optimizer",
        ("auto", "SGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSProp"),
        "auto",
        "auto chooses it, with its learning rate and momentum",
    ),
    _share("lr0", 0.01, "learning rate at the beginning"),
    _share("lrf", 0.01, "the part of it that is left at the end"),
    _share("momentum", 0.937, "of SGD; the first beta of Adam"),
    _share("weight_decay", 0.0005, "of the optimiser"),
    _flag("cos_lr", False, "let the learning rate fall along a cosine"),
    _number("warmup_epochs", 0, 1_000_000, 3.0, "epochs in which the learning rate rises"),
    _share("warmup_momentum", 0.8, "momentum at the beginning"),
    _share("warmup_bias_lr", 0.1, "learning rate of biases at the beginning"),
    # augmentation
    _share("hsv_h", 0.015, "vary the hue by up to this part"),
    _share("hsv_s", 0.7, "vary the saturation"),
    _share("hsv_v", 0.4, "vary the brightness"),
    _number("degrees", -180, 180, 0.0, "turn by up to so many degrees"),
    _share("translate", 0.1, "move by up to this part of the image"),
    _other("scale", "any", "make larger or smaller by up to this part, or between two", 0.5),
    _number("shear", -89, 89, 0.0, "shear by up to so many degrees"),
    _share("perspective", 0.0, "of a camera that is moved"),
    _share("flipud", 0.0, "how often images are mirrored top to bottom"),
    _share("fliplr", 0.5, "how often images are mirrored left to right"),
    _share("bgr", 0.0, "how often red and blue are exchanged"),
    _share("mosaic", 1.0, "how often four images become one"),
    _share("mixup", 0.0, "how often two images are blended"),
    _share("cutmix", 0.0, "how often a part of another image is put in"),
    _share("copy_paste", 0.0, "how often objects of another image are put in, where outlines are known"),
    _choice("copy_paste_mode", ("flip", "mixup"), "flip", "where these objects come from"),
    _whole("close_mosaic", 0, 1_000_000, 10, "last epochs without mosaic"),
    _other("augmentations", "any", "transforms of Albumentations, from Python only"),
    # validation
    _share("conf", None, "lowest score in validation"),
    _share("iou", None, "highest overlap of two boxes of a class"),
    _whole("max_det", 1, 100_000, None, "most boxes for an image"),
    _flag("agnostic_nms", None, "boxes of different classes suppress each other too"),
    _other("trainer", "any", "another trainer class, from Python only"),
)
"""Settings of :func:`yolonas_plugin.factories.trainer`."""
