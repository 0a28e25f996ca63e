"""The tasks as data: what the models of each are called, and what their networks answer. Without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Task:
    """A task.

    Attributes:
        name: As the Ultralytics engine and the contract call it.
        family: Name of its models without the letter of their size.
        title: The network as its makers write it, for messages.
        purpose: What it is for, in words, for messages.
        outputs: What the network gives, in this order: ``boxes`` x1, y1, x2, y2 in pixels of the input [B, A, 4],
            ``scores`` from 0 to 1 [B, A, C], ``keypoints`` x, y in pixels of the input [B, A, K, 2], and
            ``keypoint_scores`` from 0 to 1 [B, A, K].
    """

    name: str
    family: str
    title: str
    purpose: str
    outputs: tuple[str, ...]

    @property
    def has_keypoints(self) -> bool:
        """Whether a model of this task has a skeleton."""
        return "keypoints" in self.outputs


TASKS: Final = {
    task.name: task
    for task in (
        Task("detect", "yolo_nas", "YOLO-NAS", "detection", outputs=("boxes", "scores")),
        Task(
            "pose",
            "yolo_nas_pose",
            "YOLO-NAS-POSE",
            "pose estimation",
            outputs=("boxes", "scores", "keypoints", "keypoint_scores"),
        ),
    )
}
"""The tasks by their names."""
