"""The engine's settings, checked before the engine sees them: it answers a misspelt one with a page of help."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image
from torch import Tensor
from ultralytics.cfg import _handle_deprecation, check_cfg
from ultralytics.data.loaders import LOADERS
from ultralytics.utils import DEFAULT_CFG_DICT

from model_zoo_api.values import as_python
from yolonas_plugin.errors import SettingError, SourceError
from yolonas_plugin.nas.modes import check_effect
from yolonas_plugin.options import STRIDE
from yolonas_plugin.settings import check_count, check_settings, check_source

_ALSO: Final = {"augmentations", "save_dir"}
"""Known to the engine, but not among its defaults."""

_KINDS: Final = (str, Path, np.ndarray, Image.Image)
"""What a source may be, or a list have entries of."""


def check_engine_settings(
    given: Mapping[str, Any],
    what: str,
    names: Mapping[int, str] | None = None,
    near: Collection[str] = (),
    *,
    direct: bool = False,
) -> dict[str, Any]:
    """Return settings of the engine as it takes them. None means the default.

    Args:
        given: The settings; those that the engine has renamed get their new names.
        what: Who takes them: ``"predict"``, ``"track"``, ``"val"`` or ``"train"``.
        names: The model's classes by index, for ``classes``.
        near: Names that the caller takes besides, one of which may have been meant by an unknown one.
        direct: Whether they are given to the engine's class, not to ``NAS``.

    Raises:
        SettingError: There is no such setting, a value is none that it may have, or it would change nothing.
    """
    given = _handle_deprecation({name: as_python(value) for name, value in given.items()})
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
    check_effect(settings, what, direct=direct)
    return settings


def check_overrides(given: Mapping[str, Any] | None, what: str) -> dict[str, Any]:
    """Return the settings that one of the engine's classes is made with, as :func:`check_engine_settings` does."""
    return check_engine_settings(given or {}, what, direct=True)


def as_imgsz(size: tuple[int, int]) -> int | list[int]:
    """Return height and width as the engine writes them: one number for a square."""
    height, width = size
    return height if height == width else [height, width]


def check_engine_source(source: Any, channels: int) -> None:
    """See that a source names something that the engine can open, for a network with so many channels.

    Raises:
        SourceError: It doesn't.
        DataNotFoundError: It is an empty list, or a path that doesn't exist.
    """
    check_source(source)
    if isinstance(source, Tensor):
        _check_tensor(source, channels)
        return
    several = isinstance(source, (list, tuple))
    entries = source if several else [source]
    for entry in entries:
        if several and isinstance(entry, Tensor):
            raise SourceError("a list of tensors is no source; stack them to one tensor [B, C, H, W]")
        if not isinstance(entry, _KINDS) and (several or not isinstance(entry, (int, np.integer, *LOADERS))):
            raise SourceError(
                f"a {type(entry).__name__} is no image; give paths, folders, globs, addresses, arrays or PIL images"
            )


def _check_tensor(batch: Tensor, channels: int) -> None:
    wanted = f"[B, {channels}, H, W], RGB from 0 to 1" if channels == 3 else f"[B, {channels}, H, W], from 0 to 1"
    shape = list(batch.shape)
    if batch.ndim not in (3, 4) or not batch.numel():
        raise SourceError(f"got a tensor {shape}; this model takes {wanted}")
    if shape[-3] != channels:
        raise SourceError(f"got a tensor {shape}, with {shape[-3]} channels; this model takes {channels}: {wanted}")
    if wrong := [side for side in shape[-2:] if side % STRIDE]:
        raise SourceError(f"got a tensor {shape}; its sides must be multiples of {STRIDE}, and {wrong[0]} is none")


def _training_batch(batch: Any) -> int | float:
    """Return images at a time, or what lets the engine choose: -1, or the part of a GPU's memory that it may fill."""
    if isinstance(batch, float) and 0 < batch < 1:
        return batch
    if batch == -1 and not isinstance(batch, bool):
        return -1
    return check_count("batch", batch)


def _has_number(name: str) -> bool:
    """Whether the engine's default of a setting is a number or a switch, where None has no meaning of its own."""
    return isinstance(DEFAULT_CFG_DICT.get(name), (int, float)) and name != "cache"
