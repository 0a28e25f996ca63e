"""What a YOLO-NAS checkpoint holds once it is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor

from yolonas_plugin.errors import CheckpointError, ProcessingError
from yolonas_plugin.names import MAX_CLASSES
from yolonas_plugin.nn import TASK_CONFIGS, Size, YoloNAS
from yolonas_plugin.nn.meta import MetaDevice
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.skeleton import MAX_KEYPOINTS, Skeleton
from yolonas_plugin.tasks import TASKS
from yolonas_plugin.weights.state_dict import NEITHER, task_of

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
        task: A name of :data:`~yolonas_plugin.tasks.TASKS`, inferred from the tensors' names.
        num_keypoints: Inferred from their shapes; 0 where the task has none.
        class_names: From the file, or None.
        skeleton: From the file, or None.
        processing: From the file, or None.
        licence: Of the weights, from the file, or None.
        training_data: From the file, or None.
    """

    path: Path
    state_dict: Mapping[str, Tensor]
    size: Size
    num_classes: int
    in_channels: int
    task: str = "detect"
    num_keypoints: int = 0
    class_names: tuple[str, ...] | None = None
    skeleton: Skeleton | None = None
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
        skeleton: Skeleton | None = None,
        task: str | None = None,
        licence: str | None = None,
        training_data: str | None = None,
    ) -> Checkpoint:
        """Recognise the network that ``state_dict`` belongs to; ``task`` is the one that the file speaks of, if any.

        Raises:
            CheckpointError: It belongs to none, tensors are missing or of the wrong shape, a number in them isn't
                finite, or the tensors have other numbers of classes or keypoints than the rest says.
            ProcessingError: ``processing`` is for images of another number of channels, or for another task.
        """
        kind = _recognise(state_dict, path)
        if task is not None and task != kind.task:
            raise ProcessingError(
                f"{path}: its tensors are those of a {TASKS[kind.task].title}, for {TASKS[kind.task].purpose}, and "
                f"what it says of their use is for {TASKS[task].purpose}; they seem to be from different trainings"
            )
        empty = _on_meta(kind)
        _compare(state_dict, empty.state_dict(), f"{TASKS[kind.task].title} {kind.size.upper()}", path)
        _require_numbers(state_dict, path)
        num_classes, in_channels = kind.num_classes, kind.in_channels
        if class_names is not None and len(class_names) != num_classes:
            raise CheckpointError(
                f"{path}: the file names {len(class_names)} classes, but its tensors predict {num_classes}; "
                "its weights and its processing_params seem to be from different trainings"
            )
        if skeleton is not None and len(skeleton) != kind.num_keypoints:
            raise CheckpointError(
                f"{path}: the file has a skeleton of {len(skeleton)} keypoints, but its tensors predict "
                f"{kind.num_keypoints}; they seem to be from different trainings"
            )
        if processing is not None:
            try:
                processing.check_channels(in_channels)
            except ProcessingError as error:
                raise ProcessingError(f"{path}: {error}") from error
        checkpoint = cls(
            path=path,
            state_dict=state_dict,
            **kind._asdict(),
            class_names=class_names,
            skeleton=skeleton,
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
        kind = _Kind(self.task, self.size, self.num_classes, self.in_channels, self.num_keypoints)
        network = self._spare.pop() if self._spare else _on_meta(kind)
        network.load_state_dict(_own(self.state_dict, hand_over), assign=True)
        return network.eval().requires_grad_(True)

    def require_task(self, task: str, purpose: str) -> Checkpoint:
        """Return this checkpoint, if its network is for ``task``.

        Raises:
            CheckpointError: It is for another; ``purpose`` is what wants this one.
        """
        if self.task != task:
            raise CheckpointError(
                f"{self.path}: this is a {TASKS[self.task].title} {self.size.upper()}, for {TASKS[self.task].purpose}; "
                f"{purpose} takes a {TASKS[task].title}, for {TASKS[task].purpose}"
            )
        return self


class _Kind(NamedTuple):
    """Which network tensors belong to."""

    task: str
    size: Size
    num_classes: int
    in_channels: int
    num_keypoints: int


def _on_meta(kind: _Kind) -> YoloNAS:
    """Return the network on the meta device: with the shapes of its tensors, and no memory for them."""
    with MetaDevice():
        return YoloNAS(
            TASK_CONFIGS[kind.task][kind.size], kind.num_classes, kind.in_channels, num_keypoints=kind.num_keypoints
        )


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
"""Tensors from whose shapes size, classes, keypoints and channels are told."""


def require_network(names: Collection[str], path: Path) -> None:
    """Make sure that tensors of these names may be a YOLO-NAS's of a known task.

    Raises:
        CheckpointError: They aren't.
    """
    task = task_of(names)
    if task not in TASKS:
        raise CheckpointError(f"{path}: a network for {task}; known are those for {', '.join(TASKS)}")
    missing = next((name for name in _TELLING if name not in names), None)
    if missing is None:
        return
    if "backbone.stem.conv.rbr_reparam.weight" in names and not any("branch_3x3" in name for name in names):
        raise CheckpointError(f"{path}: the network in it is fused; load the file it was fused from")
    some = ", ".join(map(str, list(names)[:3]))
    raise CheckpointError(f"{path}: {NEITHER}, it has no tensor {missing!r} (it has {len(names)}: {some}, ...)")


def _recognise(state_dict: Mapping[str, Tensor], path: Path) -> _Kind:
    """Tell task, size, classes, keypoints and input channels from the first and the last layers."""
    require_network(state_dict, path)
    stem, first, *biases = (state_dict[name] for name in _TELLING)
    shapes = [tuple(tensor.shape) for tensor in (stem, first, *biases)]
    if [len(shape) for shape in shapes] != [4, 4, 1, 1, 1] or not all(min(shape) for shape in shapes):
        raise CheckpointError(f"{path}: {NEITHER}, its first and last layers have the shapes {shapes}")
    task = task_of(state_dict)
    scores = {len(bias) for bias in biases}
    widths = (stem.shape[0], first.shape[0])
    sizes = [size for size, c in TASK_CONFIGS[task].items() if widths == (c.stem_channels, c.backbone[0].hidden)]
    if not sizes:
        raise CheckpointError(
            f"{path}: YOLO-NAS of an unknown size, its first layers have {widths[0]} and {widths[1]} channels"
        )
    # of a network for poses, one score is the object's and the others are its keypoints'
    what, least, most = (
        ("keypoints", 2, MAX_KEYPOINTS + 1) if TASKS[task].has_keypoints else ("classes", 1, MAX_CLASSES)
    )
    if max(scores) > most or stem.shape[1] > _MAX_CHANNELS:
        raise CheckpointError(
            f"{path}: a network for {max(scores) - least + 1} {what} and images of {stem.shape[1]} channels; it may "
            f"have at most {most - least + 1} and {_MAX_CHANNELS}"
        )
    if len(scores) > 1:
        counts = sorted(score - least + 1 for score in scores)
        raise CheckpointError(f"{path}: its three heads disagree about the number of {what}: {counts}")
    found = scores.pop()
    if found < least:
        raise CheckpointError(f"{path}: a network for poses that has no keypoints")
    keypoints = found - 1 if TASKS[task].has_keypoints else 0
    return _Kind(task, sizes[0], found - keypoints, stem.shape[1], keypoints)


def _compare(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], network: str, path: Path) -> None:
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
        raise CheckpointError(f"{path}: not a complete {network}: {'; '.join(problems[:3])}{more}")


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
