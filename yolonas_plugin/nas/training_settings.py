"""The settings that a training takes: of what kind each is, and which of the engine's can't be followed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from yolonas_plugin.errors import TrainingError
from yolonas_plugin.weights.values import describe


class Kind(NamedTuple):
    """What a value may be: in words, and as a test that is safe with any value."""

    words: str
    fits: Callable[[Any], bool]

    def __or__(self, other: Kind) -> Kind:
        return Kind(f"{self.words}, or {other.words}", lambda value: self.fits(value) or other.fits(value))


def whole(low: int, high: int) -> Kind:
    """A whole number, and no boolean, from ``low`` to ``high``."""
    return Kind(f"a whole number from {low:,} to {high:,}", lambda value: is_whole(value) and low <= value <= high)


def number(low: float, high: float) -> Kind:
    """A number from ``low`` to ``high``, which infinities and NaN aren't."""
    return Kind(
        f"a number from {low:,} to {high:,}",
        lambda value: (is_whole(value) or isinstance(value, float)) and low <= value <= high,
    )


def word(*words: str) -> Kind:
    """One of these words, in small or capital letters."""
    known = {name.lower() for name in words}
    return Kind(" or ".join(map(repr, words)), lambda value: isinstance(value, str) and value.lower() in known)


def several(kind: Kind, most: int) -> Kind:
    """A list of at most ``most``."""
    return Kind(
        f"a list of {kind.words}",
        lambda value: isinstance(value, (list, tuple)) and len(value) <= most and all(map(kind.fits, value)),
    )


def is_whole(value: Any) -> bool:
    """Whether ``value`` is a whole number; booleans aren't."""
    return isinstance(value, int) and not isinstance(value, bool)


NONE: Final = Kind("None", lambda value: value is None)
FLAG: Final = Kind("True or False", lambda value: isinstance(value, bool))
SHARE: Final = number(0, 1)

_PART: Final = Kind("the name of a part", lambda value: isinstance(value, str) and len(value) < 200)
_CLASS: Final = Kind("the name of a class", lambda value: isinstance(value, str) and len(value) < 1_000)
_DEVICE: Final = Kind(
    "a device such as 'cpu', 0, '0,1' or 'cuda:1'",
    lambda value: (
        isinstance(value, str) and re.fullmatch(r"(cpu|mps|(cuda:)?\d{1,3}(,\d{1,3}){0,63})?", value) is not None
    ),
)

SETTINGS: Final[Mapping[str, Kind]] = {
    # how long, and of how much at a time
    "epochs": whole(1, 1_000_000),
    "time": NONE
    | Kind("hours, more than 0 and at most 10,000", lambda value: number(0, 10_000).fits(value) and value > 0),
    "patience": whole(0, 1_000_000),
    "batch": whole(1, 65_536)
    | Kind(
        "-1 or a part of a GPU's memory between 0 and 1",
        lambda value: value == -1 or (SHARE.fits(value) and 0 < value < 1),
    ),
    "nbs": whole(1, 1_000_000),
    "workers": whole(0, 1_024),
    "fraction": Kind("a part of the images, more than 0 and at most 1", lambda value: SHARE.fits(value) and value > 0)
    | whole(2, 1 << 40),
    "cache": NONE | FLAG | word("ram", "disk"),
    "device": NONE | whole(-1, 999) | several(whole(-1, 999), 64) | _DEVICE,
    # what is written and said
    "save": FLAG,
    "save_period": whole(-1, 1_000_000),
    "val": FLAG,
    "plots": FLAG,
    "verbose": FLAG,
    # which images and classes
    "split": word("train", "val", "test"),
    "single_cls": NONE | FLAG,
    "classes": NONE | whole(0, 65_535) | _CLASS | several(whole(0, 65_535) | _CLASS, 65_536),
    "rect": FLAG,
    "multi_scale": FLAG | Kind("a number from 0 to less than 1", lambda value: SHARE.fits(value) and value < 1),
    # arithmetic
    "amp": FLAG | word("fp16", "bf16", "fp32"),
    "seed": whole(0, (1 << 31) - 1),
    "deterministic": FLAG,
    "freeze": NONE | whole(0, 1_000) | several(whole(0, 1_000) | _PART, 2_000) | _PART,
    # the optimiser and its schedule
    "optimizer": word("auto", "SGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSProp"),
    "lr0": SHARE,
    "lrf": SHARE,
    "momentum": SHARE,
    "weight_decay": SHARE,
    "cos_lr": FLAG,
    "warmup_epochs": number(0, 1_000_000),
    "warmup_momentum": SHARE,
    "warmup_bias_lr": SHARE,
    # augmentation
    "hsv_h": SHARE,
    "hsv_s": SHARE,
    "hsv_v": SHARE,
    "degrees": number(-180, 180),
    "translate": SHARE,
    "scale": SHARE | Kind("two numbers", lambda value: several(number(0, 100), 2).fits(value) and len(value) == 2),
    "shear": number(-89, 89),
    "perspective": SHARE,
    "flipud": SHARE,
    "fliplr": SHARE,
    "bgr": SHARE,
    "mosaic": SHARE,
    "mixup": SHARE,
    "cutmix": SHARE,
    "copy_paste": SHARE,
    "copy_paste_mode": word("flip", "mixup"),
    "close_mosaic": whole(0, 1_000_000),
    # validation
    "conf": NONE | SHARE,
    "iou": SHARE,
    "max_det": whole(1, 100_000),
    "agnostic_nms": FLAG,
}
"""What each setting of a training may be, from the caller or from a file."""

REFUSED: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "cfg": (lambda value: value is not None, "settings are given by name, train(epochs=..., lr0=...), not as a file"),
    "distill_model": (lambda value: value is not None, "YOLO-NAS isn't trained with a teacher"),
    "quantize": (lambda value: value not in (None, 32), "a training computes in fp32 or mixed precision; see amp"),
    "optimizer": (
        lambda value: str(value).lower() == "musgd",
        "it is made for the engine's own networks; take SGD, AdamW or auto",
    ),
    "cls_pw": (bool, "the loss is super-gradients' and doesn't weigh classes"),
    "profile": (bool, "exports are measured by `yolonas-plugin benchmark`"),
    "pretrained": (
        lambda value: not isinstance(value, bool) and value is not None,
        "the weights to begin with are those that are opened, NAS(...).train(...)",
    ),
}
"""Settings of the engine that can't be followed: for which values, and why."""


def check_training(given: Mapping[str, Any]) -> None:
    """Check settings that the caller gives.

    Raises:
        TrainingError: One is of another kind, out of its range, or can't be followed.
    """
    for name, (asked, reason) in REFUSED.items():
        if name in given and asked(given[name]):
            raise TrainingError(f"{name}={describe(given[name])}: {reason}")
    for name, value in given.items():
        if name in SETTINGS and not SETTINGS[name].fits(value):
            raise TrainingError(f"{name}={describe(value)}: it must be {SETTINGS[name].words}")
