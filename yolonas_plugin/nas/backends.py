"""Whose network runs under the engine: this package's own, or the original of super-gradients."""

from __future__ import annotations

import contextlib
import platform
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal, TypeAlias

from torch import Tensor

from yolonas_plugin.errors import BackendError
from yolonas_plugin.extras import require
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.nas.module import NASModule, build_native
from yolonas_plugin.nn import Parts, RawPosePredictions, RawPredictions
from yolonas_plugin.nn.model import Raw, check_sides, is_tracing
from yolonas_plugin.nn.pose_head import CELL_OFFSET
from yolonas_plugin.tasks import TASKS
from yolonas_plugin.weights import Checkpoint

Backend: TypeAlias = Literal["native", "super-gradients"]


def network_builder(backend: str) -> Callable[[Checkpoint, ModelInfo], NASModule]:
    """Return the function that builds a backend's network from a checkpoint; super-gradients isn't imported yet.

    Raises:
        BackendError: There is no such backend.
        MissingExtraError: super-gradients isn't installed.
    """
    if backend == "native":
        return build_native
    if backend != "super-gradients":
        raise BackendError(f"backend={backend!r} is unknown; it is 'native' or 'super-gradients'")
    hint = (
        " with Python 3.10, the only one that super-gradients 3.7.1 installs on (this is "
        f"{platform.python_version()}); backend='native' needs neither and gives the same results"
    )
    require("super_gradients", "backend='super-gradients'", "super-gradients", hint)
    return build_original


def build_original(checkpoint: Checkpoint, info: ModelInfo) -> OriginalModule:
    """Return super-gradients' network with the weights of a checkpoint.

    super-gradients itself reads no weights: its own loader unpickles whatever the file says.

    Raises:
        BackendError: super-gradients has no network of this size, or can't be imported.
    """
    size = checkpoint.size
    if checkpoint.task == "detect" and size == "n":
        raise BackendError(
            f"{checkpoint.path}: this is a YOLO-NAS N, and super-gradients detects with s, m and l only (its n is for "
            "poses); use backend='native'"
        )
    original = _models().get(
        f"{TASKS[checkpoint.task].family}_{size}",
        num_classes=checkpoint.num_keypoints or checkpoint.num_classes,  # of poses, the keypoints are its classes
        arch_params={"in_channels": checkpoint.in_channels},
        pretrained_weights=None,
    )
    original.load_state_dict(checkpoint.state_dict, strict=True)
    return OriginalModule(info, original.eval(), checkpoint.path).eval()


def _models() -> ModuleType:
    try:
        # it says on standard output that it logs to a file; a host's own answer may be going there
        with contextlib.redirect_stdout(sys.stderr):
            from super_gradients.training import models
    except Exception as error:
        raise BackendError(
            f"super-gradients is installed, but can't be imported: {type(error).__name__}: {error}. It is known to "
            "work on Python 3.10 with torch 2.3.1, torchvision 0.18.1, numpy 1.23.0 and setuptools 69; "
            "backend='native' needs none of that and gives the same results"
        ) from error
    return models


class OriginalModule(NASModule):
    """super-gradients' network under the engine, with the attributes and the state dict of the native one.

    Args:
        info: The record of the model, with its size.
        original: super-gradients' ``YoloNAS_S``, ``YoloNASPose_S`` or their like.
        source: File that the weights were read from.

    Attributes:
        original: That network. Backbone, neck and heads of this module are its own, so both move and fuse together.
    """

    original: Any

    def __init__(self, info: ModelInfo, original: Any, source: Path) -> None:
        super().__init__(info, Parts(original.backbone, original.neck, original.heads), source)
        self.__dict__["original"] = original  # not registered, or the state dict would have everything twice

    def detect(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return super-gradients' outputs, boxes and scores first; in evaluation mode only."""
        check_sides(images)
        found = self.original(images)
        return found if is_tracing() else found[0]

    def predict_raw(self, images: Tensor) -> Raw:
        """Return the predictions before decoding, in either mode; it can't be traced."""
        check_sides(images)
        return _RAW[self.config.task](*self.original(images)[1])

    def copy_to_fuse(self) -> OriginalModule:
        """Return a copy that may be fused."""
        return deepcopy(self)  # by which its parts stay those of its own ``original``

    def fuse(self, verbose: bool = True, imgsz: int | list[int] = 640) -> OriginalModule:
        """Fuse in place as super-gradients does: QARepVGG blocks wholly, the other BatchNorms stay."""
        self.original.prep_model_for_conversion(full_fusion=True)
        return self.requires_grad_(False)

    def is_fused(self) -> bool:
        """Whether :meth:`fuse` was called: no block has branches."""
        return not any(hasattr(module, "branch_3x3") for module in self.modules())


def _raw(logits: Tensor, distances: Tensor, _: Tensor, centres: Tensor, __: Any, strides: Tensor) -> RawPredictions:
    """Return what super-gradients' detectors say before decoding; ``centres`` are in pixels."""
    return RawPredictions(logits, distances, centres / strides, strides)


def _raw_pose(
    logits: Tensor,
    distances: Tensor,
    keypoints: Tensor,
    scores: Tensor,
    _: Tensor,
    centres: Tensor,
    __: Any,
    strides: Tensor,
) -> RawPosePredictions:
    """Return what its networks for poses say; ``keypoints`` are decoded there, to pixels."""
    points = centres / strides
    offsets = keypoints / strides[:, None] - (points - CELL_OFFSET)[:, None]
    return RawPosePredictions(logits, distances, points, strides, offsets, scores)


_RAW: Final[dict[str, Callable[..., Raw]]] = {"detect": _raw, "pose": _raw_pose}
"""What becomes of super-gradients' raw outputs, by task."""
