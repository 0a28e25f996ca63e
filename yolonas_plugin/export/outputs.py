"""What a graph gives in each form, for each task: names, parts and shapes of its outputs, as data. Without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from yolonas_plugin.errors import ExportSettingError
from yolonas_plugin.export.description import RAW, Description, Gives
from yolonas_plugin.tasks import TASKS

FRIGATE_ROWS: Final = 20
"""As many rows as Frigate reads."""

_BATCH: Final = {"count": "num_detections", "boxes": "boxes", "scores": "scores", "classes": "classes"}

_SELECTED: Final[Mapping[tuple[Gives, str], Mapping[str, str]]] = {
    ("flat", "detect"): {"rows": "detections"},
    ("flat", "pose"): {"rows": "detections"},
    ("batch", "detect"): _BATCH,
    ("batch", "pose"): {**_BATCH, "keypoints": "keypoints"},
    ("frigate", "detect"): {"rows": "detections"},
    ("super-gradients-flat", "detect"): {"rows": "graph2_flat_predictions"},
    ("super-gradients-flat", "pose"): {"rows": "graph2_flat_predictions"},
    ("super-gradients-batch", "detect"): {
        "count": "graph2_num_predictions",
        "boxes": "graph2_pred_boxes",
        "scores": "graph2_pred_scores",
        "classes": "graph2_pred_classes",
    },
    ("super-gradients-batch", "pose"): {
        "count": "graph2_num_predictions",
        "boxes": "graph2_post_nms_boxes",
        "scores": "graph2_post_nms_scores",
        "keypoints": "graph2_post_nms_joints",
    },
}
"""The parts of each form with box selection, in order, and what its outputs are called; others there are none."""

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "detect": ("image", "boxes", "scores", "classes"),
    "pose": ("image", "boxes", "scores", "keypoints"),
}
"""What the rows of a task hold, in order; keypoints are x, y, score of each."""


class Output(NamedTuple):
    """An output of a graph.

    Attributes:
        name: As programs ask for it.
        part: What it is: a name of ``Task.outputs``, or ``"count"``, ``"classes"``, ``"rows"``.
        whole: Whether it is of whole numbers, int64, or of float32.
        shape: Sides; those that are free have names.
    """

    name: str
    part: str
    whole: bool
    shape: tuple[int | str, ...]


def check_gives(gives: Gives, task: str) -> None:
    """Check that a form is one for a task.

    Raises:
        ExportSettingError: It isn't; those that are, are named.
    """
    if gives not in RAW and (gives, task) not in _SELECTED:
        known = [*RAW, *(form for form, of in _SELECTED if of == task)]
        raise ExportSettingError(f"gives={gives!r} isn't for the task {task}; it is one of {', '.join(known)}")


def raw_names(description: Description) -> tuple[str, ...]:
    """Return the names of what a graph gives before box selection, if it has one."""
    return ("output0",) if description.gives == "engine" else TASKS[description.task].outputs


def raw_sides(description: Description) -> dict[str, tuple[int, ...]]:
    """Return the sides of each output of the task that follow those of images and places."""
    classes, keypoints = len(description.names), description.num_keypoints
    sides = {"boxes": (4,), "scores": (classes,), "keypoints": (keypoints, 2), "keypoint_scores": (keypoints,)}
    return {name: sides[name] for name in TASKS[description.task].outputs}


def engine_rows(description: Description) -> int:
    """Return the number of rows of the engine's layout: box, scores, x, y and score of each keypoint."""
    return 4 + len(description.names) + 3 * description.num_keypoints


def selected_outputs(description: Description, most: int | str) -> list[Output]:
    """Return the outputs of a form with box selection.

    Args:
        description: Of the file.
        most: M of ``batch``, or its name where it is free.
    """
    keypoints = description.num_keypoints
    widths = {"image": 1, "boxes": 4, "scores": 1, "classes": 1, "keypoints": 3 * keypoints}
    columns = sum(widths[part] for part in COLUMNS[description.task])
    rows = FRIGATE_ROWS if description.gives == "frigate" else "detections"
    shapes: dict[str, tuple[int | str, ...]] = {
        "rows": (rows, columns),
        "count": ("batch", 1),
        "boxes": ("batch", most, 4),
        "scores": ("batch", most),
        "classes": ("batch", most),
        "keypoints": ("batch", most, keypoints, 3),
    }
    names = _SELECTED[description.gives, description.task]
    return [Output(name, part, part in ("count", "classes"), shapes[part]) for part, name in names.items()]
