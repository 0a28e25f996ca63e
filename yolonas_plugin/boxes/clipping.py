"""Clipping boxes to their image: the network predicts boxes that may reach beyond its edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Boxes = TypeVar("Boxes", bound="NDArray[Any] | Tensor")


def clip_boxes(boxes: Boxes, height: float, width: float) -> Boxes:
    """Return boxes clipped to an image or to the network's input; a box outside it has no area then.

    Args:
        boxes: Rows that begin with x1, y1, x2, y2 in pixels [N, 4 or more], an array or a tensor; not modified.
        height: Of the image, in pixels.
        width: Of the image, in pixels.
    """
    clipped: Any = boxes * 1
    for column, limit in enumerate((width, height, width, height)):
        clipped[:, column] = clipped[:, column].clip(0, limit)
    return clipped


def have_area(boxes: Boxes) -> Boxes:
    """Return for each box x1, y1, x2, y2 [N, 4 or more] whether it has an area, [N]."""
    rows: Any = boxes
    return (rows[:, 2] > rows[:, 0]) & (rows[:, 3] > rows[:, 1])
