"""What a model says of itself: one record for weight files, exported files and modules. Without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from yolonas_plugin.errors import SkeletonError
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.skeleton import Skeleton
from yolonas_plugin.tasks import TASKS
from yolonas_plugin.version import __version__

if TYPE_CHECKING:
    from yolonas_plugin.nn import Size

PACKAGE: Final = f"yolonas-plugin {__version__}"
"""What writes files here."""


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """A model.

    Attributes:
        names: Class names, in the order of the scores.
        processing: How images are prepared, and the defaults of box selection.
        size: Which network, ``"n"``, ``"s"``, ``"m"`` or ``"l"``; None for an exported file, which doesn't say it.
        channels: Of the images.
        task: A name of :data:`~yolonas_plugin.tasks.TASKS`.
        skeleton: What its keypoints are; None where the task has none.
        licence: Of the weights; None where their file doesn't say it.
        training_data: What they were trained on, in free words, or None.
        package: What wrote the file.

    Raises:
        SkeletonError: A task with keypoints lacks a skeleton or has other than one class, or another has a skeleton.
    """

    names: tuple[str, ...]
    processing: ProcessingSpec
    size: Size | None = None
    channels: int = 3
    task: str = "detect"
    skeleton: Skeleton | None = None
    licence: str | None = None
    training_data: str | None = None
    package: str = PACKAGE

    def __post_init__(self) -> None:
        task = TASKS.get(self.task)
        if task is None:
            raise SkeletonError(f"task={self.task!a:.80} is unknown; there are {', '.join(TASKS)}")
        if task.has_keypoints and self.skeleton is None:
            raise SkeletonError(f"a model of the task {self.task} needs a skeleton")
        if task.has_keypoints and len(self.names) != 1:
            raise SkeletonError(
                f"a model of the task {self.task} finds objects of one class, not of {len(self.names)}: "
                f"{self.names!a:.80}"
            )
        if not task.has_keypoints and self.skeleton is not None:
            raise SkeletonError(f"a model of the task {self.task} has no keypoints, but a skeleton was given")

    @property
    def num_keypoints(self) -> int:
        """Of each object; 0 where the task has none."""
        return 0 if self.skeleton is None else len(self.skeleton)
