"""The settings that a training takes: of what kind each is, and which of them may come out of a file.

A file of an unfinished training says how it was set. Only the settings listed in :data:`SETTINGS` are taken from it,
each checked; what the engine would import, open, request or run is the caller's to say, and is shown instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from ultralytics.utils import DEFAULT_CFG_DICT

from yolonas_plugin.errors import CheckpointError, TrainingError
from yolonas_plugin.weights.values import describe


class Kind(NamedTuple):
    """What a value may be: in words, and as a test that is safe with any value."""

    words: str
    fits: Callable[[Any], bool]

    def __or__(self, other: Kind) -> Kind:  # type: ignore[override]
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

_NEEDED: Final = ("epochs", "batch", "nbs", "optimizer", "lr0", "momentum")

_CALLERS: Final = {
    "augmentations": "it is code",
    "cfg": "it is a file of further settings",
    "distill_model": "the engine would unpickle it",
    "source": "a training has none",
    "embed": "a training has none",
}
"""Settings that no file may make, and why; a training that has them is one of the caller's own making."""


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


def settings_from_file(found: Mapping[Any, Any], path: Path, given: Collection[str]) -> dict[str, Any]:
    """Return the settings that are taken from an unfinished training.

    Args:
        found: What its file says.
        path: The file.
        given: The names of the settings that the caller makes; what the file says about them doesn't matter.

    Raises:
        CheckpointError: A setting is missing, of another kind, or not one that a file may make.
    """
    for name, reason in _CALLERS.items():
        if name not in given and found.get(name) is not None:
            raise CheckpointError(
                f"{path}: its training was set to {name}={describe(found[name])}; {reason}, so it is never taken from "
                f"a file: train(resume=..., {name}=...) says it, {name}=None goes on without"
            )
    taken: dict[str, Any] = {}
    for name, kind in SETTINGS.items():
        if name in found and name not in given and name in DEFAULT_CFG_DICT:
            if not kind.fits(found[name]):
                raise CheckpointError(
                    f"{path}: the state of its training is damaged: {name}={describe(found[name])}, and it must be "
                    f"{kind.words}; train(resume=..., {name}=...) says it anew"
                )
            taken[name] = found[name]
    missing = [name for name in _NEEDED if name not in taken and name not in given]
    if missing:
        raise CheckpointError(f"{path}: the state of its training is damaged: it doesn't say {', '.join(missing)}")
    return taken
