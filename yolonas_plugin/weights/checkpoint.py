"""What a YOLO-NAS checkpoint holds once it is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from yolonas_plugin.errors import CheckpointError, ProcessingError
from yolonas_plugin.names import MAX_CLASSES
from yolonas_plugin.nn import CONFIGS, Size, YoloNAS
from yolonas_plugin.nn.meta import MetaDevice
from yolonas_plugin.processing import ProcessingSpec

_FLOATS: Final = {torch.float64, torch.float32, torch.float16, torch.bfloat16}
_MAX_CHANNELS: Final = 1_000  # hyperspectral images have some hundreds


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Weights of the unfused network, and what the file says about their use.

    Attributes:
        path: Where it was read from.
        state_dict: Tensors under super-gradients' names.
        size: Which network they belong to, inferred from their shapes.
        num_classes: Inferred from their shapes.
        in_channels: Inferred from their shapes.
        class_names: From the file, or None.
        processing: From the file, or None.
        licence: Of the weights, from the file, or None.
        training_data: From the file, or None.
    """

    path: Path
    state_dict: Mapping[str, Tensor]
    size: Size
    num_classes: int
    in_channels: int
    class_names: tuple[str, ...] | None = None
    processing: ProcessingSpec | None = None
    licence: str | None = None
    training_data: str | None = None
    # the network that the tensors were compared with: making another takes as long as all the rest
    _spare: list[YoloNAS] = field(default_factory=list, init=False, repr=False, compare=False)

    @classmethod
    def from_state_dict(
        cls,
        state_dict: Mapping[str, Tensor],
        path: Path,
        class_names: tuple[str, ...] | None = None,
        processing: ProcessingSpec | None = None,
        *,
        licence: str | None = None,
        training_data: str | None = None,
    ) -> Checkpoint:
        """Recognise the network that ``state_dict`` belongs to.

        Raises:
            CheckpointError: It belongs to none, tensors are missing or of the wrong shape, a number in them isn't
                finite, or the number of ``class_names`` differs from the classes of the tensors.
            ProcessingError: ``processing`` is for images of another number of channels.
        """
        size, num_classes, in_channels = _recognise(state_dict, path)
        empty = _on_meta(size, num_classes, in_channels)
        _compare(state_dict, empty.state_dict(), size, path)
        _require_numbers(state_dict, path)
        if class_names is not None and len(class_names) != num_classes:
            raise CheckpointError(
                f"{path}: the file names {len(class_names)} classes, but its tensors predict {num_classes}; "
                "its weights and its processing_params seem to be from different trainings"
            )
        if processing is not None:
            try:
                processing.check_channels(in_channels)
            except ProcessingError as error:
                raise ProcessingError(f"{path}: {error}") from error
        checkpoint = cls(
            path=path,
            state_dict=state_dict,
            size=size,
            num_classes=num_classes,
            in_channels=in_channels,
            class_names=class_names,
            processing=processing,
            licence=licence,
            training_data=training_data,
        )
        checkpoint._spare.append(empty)
        return checkpoint

    def build(self, *, hand_over: bool = False) -> YoloNAS:
        """Return the unfused network with these weights, in evaluation mode.

        Args:
            hand_over: Let the network have the memory of these tensors, which saves copying them. What is done to the
                network's weights is then done to ``state_dict`` too: for who has no more use for it.
        """
        network = self._spare.pop() if self._spare else _on_meta(self.size, self.num_classes, self.in_channels)
        network.load_state_dict(_own(self.state_dict, hand_over), assign=True)
        return network.eval().requires_grad_(True)


def _on_meta(size: Size, num_classes: int, in_channels: int) -> YoloNAS:
    """Return the network on the meta device: with the shapes of its tensors, and no memory for them."""
    with MetaDevice():
        return YoloNAS(CONFIGS[size], num_classes, in_channels)


def _own(state_dict: Mapping[str, Tensor], hand_over: bool) -> dict[str, Tensor]:
    """Return tensors of the type that networks compute in, copied unless they are handed over and alone in memory."""
    found, taken = {}, set()
    for name, tensor in state_dict.items():
        wanted = torch.float32 if tensor.is_floating_point() else tensor.dtype
        memory = tensor.untyped_storage()
        alone = memory.nbytes() == tensor.nbytes and memory.data_ptr() not in taken
        taken.add(memory.data_ptr())
        found[name] = tensor.to(wanted, copy=not (hand_over and alone))
    return found


_TELLING: Final = (
    "backbone.stem.conv.branch_3x3.conv.weight",
    "backbone.stage1.blocks.conv1.conv.weight",
    *(f"heads.head{index}.cls_pred.bias" for index in (1, 2, 3)),
)
"""Tensors from whose shapes size, classes and channels are told."""


def require_detector(names: Collection[str], path: Path) -> None:
    """Make sure that tensors of these names may be a YOLO-NAS detector's.

    Raises:
        CheckpointError: They aren't.
    """
    missing = next((name for name in _TELLING if name not in names), None)
    if missing is None:
        return
    if "backbone.stem.conv.rbr_reparam.weight" in names and not any("branch_3x3" in name for name in names):
        raise CheckpointError(f"{path}: the network in it is fused; load the file it was fused from")
    some = ", ".join(map(str, list(names)[:3]))
    raise CheckpointError(
        f"{path}: not a YOLO-NAS detector, it has no tensor {missing!r} (it has {len(names)}: {some}, ...)"
    )


def _recognise(state_dict: Mapping[str, Tensor], path: Path) -> tuple[Size, int, int]:
    """Tell size, classes and input channels from the first and the last layers."""
    require_detector(state_dict, path)
    stem, first, *biases = (state_dict[name] for name in _TELLING)
    shapes = [tuple(tensor.shape) for tensor in (stem, first, *biases)]
    if [len(shape) for shape in shapes] != [4, 4, 1, 1, 1] or not all(min(shape) for shape in shapes):
        raise CheckpointError(f"{path}: not a YOLO-NAS detector, its first and last layers have the shapes {shapes}")
    classes = {len(bias) for bias in biases}
    widths = (stem.shape[0], first.shape[0])
    sizes = [size for size, c in CONFIGS.items() if widths == (c.stem_channels, c.backbone[0].hidden)]
    if not sizes:
        raise CheckpointError(
            f"{path}: YOLO-NAS of an unknown size, its first layers have {widths[0]} and {widths[1]} channels"
        )
    if max(classes) > MAX_CLASSES or stem.shape[1] > _MAX_CHANNELS:
        raise CheckpointError(
            f"{path}: a network for {max(classes)} classes and images of {stem.shape[1]} channels; it may have at most "
            f"{MAX_CLASSES} and {_MAX_CHANNELS}"
        )
    if len(classes) > 1:
        raise CheckpointError(f"{path}: its three heads disagree about the number of classes: {sorted(classes)}")
    return sizes[0], classes.pop(), stem.shape[1]


def _compare(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], size: Size, path: Path) -> None:
    problems = [f"{name} is missing" for name in expected if name not in found]
    problems += [f"{name} is unknown" for name in found if name not in expected]
    problems += [
        f"{name} is {list(found[name].shape)}, not {list(expected[name].shape)}"
        for name in expected
        if name in found and found[name].shape != expected[name].shape
    ]
    problems += [
        f"{name} is of {found[name].dtype}, which is no type of weights"
        for name in expected
        if name in found and (found[name].dtype in _FLOATS) != expected[name].is_floating_point()
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise CheckpointError(f"{path}: not a complete YOLO-NAS {size.upper()}: {'; '.join(problems[:3])}{more}")


def _require_numbers(state_dict: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors with which no network computes, the unused ones too: a file that has one is damaged."""
    problems = []
    for name, tensor in state_dict.items():
        if not tensor.is_floating_point() or tensor.is_meta:
            continue
        # a sum of numbers one of which isn't finite isn't finite, and takes one pass; a sum may overflow by itself
        if not tensor.sum(dtype=torch.float32).isfinite():
            bad = int((~tensor.to(torch.float32).isfinite()).sum())
            if bad:
                problems.append(f"{name} has {bad} of {tensor.numel()}")
        if name.endswith("running_var") and tensor.numel() and not tensor.min() >= 0:
            problems.append(f"{name} has a variance of {float(tensor.min()):g}")
    if problems:
        more = f" and {len(problems) - 3} tensors more" if len(problems) > 3 else ""
        raise CheckpointError(
            f"{path}: its weights have numbers that are NaN, infinite or impossible: {'; '.join(problems[:3])}{more}; "
            "the training diverged, or the file is damaged: take an earlier checkpoint"
        )
