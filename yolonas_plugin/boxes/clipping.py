"""Boxes cut at the edges of an image; the network's own may reach out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Boxes = TypeVar("Boxes", bound="NDArray[Any] | Tensor")


def clip_boxes(boxes: Boxes, height: float, width: float) -> Boxes:
    """Return boxes cut at the edges of an image, or of the network's input; those outside it have no area then.

    Args:
        boxes: Rows that begin with x1, y1, x2, y2 in pixels [N, 4 or more], an array or a tensor, which stays as it is.
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
