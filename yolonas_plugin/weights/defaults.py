"""Processing and class names of a checkpoint: as the user says, else as the file says, else by default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from yolonas_plugin.cards import COCO_CLASSES
from yolonas_plugin.errors import CheckpointError, ProcessingError
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.names import checked_names
from yolonas_plugin.processing import COCO, POSE, SUPER_GRADIENTS, ProcessingSpec
from yolonas_plugin.skeleton import COCO_PERSON, Skeleton
from yolonas_plugin.weights.checkpoint import Checkpoint

PRESETS: Final = {"coco": COCO, "super-gradients": SUPER_GRADIENTS, "pose": POSE}
"""Processing by name, for checkpoints that don't record their own."""

UNTRAINED: Final = ProcessingSpec(size=(640, 640), resize=(640, 640))
"""Processing of detectors with random weights: RGB from 0 to 1, the whole input."""

UNTRAINED_MODELS: Final[dict[str, tuple[tuple[str, ...], ProcessingSpec]]] = {
    "detect": (COCO_CLASSES, UNTRAINED),
    "pose": (("person",), POSE),
}
"""Class names and processing of networks with random weights, by task."""


def info_of(
    checkpoint: Checkpoint,
    processing: ProcessingSpec | str | None = None,
    names: Sequence[str] | Mapping[int, str] | None = None,
) -> ModelInfo:
    """Return the record of a checkpoint's model; arguments and errors are those of the two functions below."""
    return ModelInfo(
        names=tuple(names_of(checkpoint, names).values()),
        processing=processing_of(checkpoint, processing),
        size=checkpoint.size,
        channels=checkpoint.in_channels,
        task=checkpoint.task,
        skeleton=skeleton_of(checkpoint),
        licence=checkpoint.licence,
        training_data=checkpoint.training_data,
    )


def processing_of(checkpoint: Checkpoint, given: ProcessingSpec | str | None = None) -> ProcessingSpec:
    """Return how images are prepared: as the user says, else the file, else as for the published weights.

    Args:
        checkpoint: What a weight file holds.
        given: A name of :data:`PRESETS` or a spec.

    Raises:
        ProcessingError: The name is unknown, or nobody says it, or it is for another number of channels.
    """
    if given is not None:
        spec = named_processing(given)
        spec.check_channels(checkpoint.in_channels)
        return spec
    if checkpoint.processing is not None:
        return checkpoint.processing
    if _looks_published(checkpoint):
        return _PUBLISHED[checkpoint.task]  # the published weights come without processing_params
    raise ProcessingError(
        f"{checkpoint.path}: the file doesn't say how its images are prepared, and guessing would give wrong scores in "
        f"silence. Say it: {_SAYING[checkpoint.task]}, or a yolonas_plugin.processing.ProcessingSpec"
    )


_SAYING: Final = {
    "detect": "processing='coco' (RGB, 0 to 1, centred), processing='super-gradients' (BGR, 0 to 255, "
    "padded bottom right; what its YOLO-format recipe gives)",
    "pose": "processing='pose' (BGR, 0 to 1, padded bottom right; what its recipes and the published weights have)",
}
"""What the user may say, by task."""


def named_processing(given: ProcessingSpec | str) -> ProcessingSpec:
    """Return the spec of a name of :data:`PRESETS`; a spec is its own.

    Raises:
        ProcessingError: The name is unknown.
    """
    if isinstance(given, ProcessingSpec):
        return given
    if given not in PRESETS:
        raise ProcessingError(f"processing={given!r} is unknown; give one of {', '.join(PRESETS)} or a ProcessingSpec")
    return PRESETS[given]


def names_of(checkpoint: Checkpoint, given: Sequence[str] | Mapping[int, str] | None = None) -> dict[int, str]:
    """Return the class names by index: the user's, else the file's, else COCO's or numbered ones.

    Raises:
        CheckpointError: What is given doesn't fit the number of classes, or a name has control characters.
    """
    count = checkpoint.num_classes
    if given is None:
        unnamed = [f"class_{i}" for i in range(count)]
        if _looks_published(checkpoint) or checkpoint.num_keypoints:
            unnamed = list(UNTRAINED_MODELS[checkpoint.task][0])
        return dict(enumerate(checkpoint.class_names or unnamed))
    names = dict(given) if isinstance(given, Mapping) else dict(enumerate(given))
    if isinstance(given, str) or names.keys() != set(range(count)):
        raise CheckpointError(
            f"{checkpoint.path}: {len(names)} names were given for {count} classes: {given!r:.80}; expected a list, or "
            f"a dictionary with the indices from 0 to {count - 1}"
        )
    return dict(enumerate(checked_names((str(names[index]) for index in range(count)), "names")))


def skeleton_of(checkpoint: Checkpoint) -> Skeleton | None:
    """Return what the keypoints are: as the file says, else COCO's or numbered ones; None where there are none."""
    if not checkpoint.num_keypoints:
        return None
    return checkpoint.skeleton or Skeleton.unnamed(checkpoint.num_keypoints)


_PUBLISHED: Final = {"detect": COCO, "pose": POSE}
"""Processing of Deci's weights by task."""


def _looks_published(checkpoint: Checkpoint) -> bool:
    """Whether the tensors are laid out as Deci's COCO weights are: of detection, size n was never published."""
    if checkpoint.in_channels != 3:
        return False
    if checkpoint.num_keypoints:
        return checkpoint.num_keypoints == len(COCO_PERSON)
    return checkpoint.num_classes == len(COCO_CLASSES) and checkpoint.size != "n"
