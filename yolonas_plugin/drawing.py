"""Skeletons on a picture: the keypoints of each object, and the bones between them, in the model's own colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model_zoo_api.detections import SHOWN
from yolonas_plugin.processing import Image
from yolonas_plugin.skeleton import Colour, Skeleton

_FARTHEST: Final = 16_384
"""Pixels; OpenCV's coordinates with fractions have 32 bits."""

_FRACTION: Final = 4
"""Bits of a coordinate's fraction."""


def draw_skeletons(
    image: Image,
    keypoints: NDArray[np.floating[Any]],
    skeleton: Skeleton,
    *,
    radius: int = 5,
    bones: bool = True,
    colours: Sequence[Colour] | None = None,
) -> None:
    """Draw the keypoints of each object into an image, the first object on top.

    Args:
        image: [H, W, 3], BGR, contiguous; drawn on in place.
        keypoints: x, y in pixels, wherever they lie, and score from 0 to 1 [N, K, 3]; those below
            :data:`~model_zoo_api.detections.SHOWN` are left out, with their bones.
        skeleton: Of K keypoints.
        radius: Of a keypoint in pixels, at most; on small objects they are smaller.
        bones: Draw lines between the keypoints.
        colours: One for each object, which wins over the skeleton's own, in red, green, blue.
    """
    for index in reversed(range(len(keypoints))):
        own = None if colours is None else _bgr(colours[index])
        _draw_one(image, keypoints[index], skeleton, radius, bones, own)


def _draw_one(
    image: Image,
    keypoints: NDArray[np.floating[Any]],
    skeleton: Skeleton,
    radius: int,
    bones: bool,
    colour: Colour | None,
) -> None:
    shown = keypoints[:, 2] >= SHOWN
    if not shown.any():
        return
    extent = np.ptp(keypoints[shown, :2], axis=0).max()
    radius = int(min(radius, max(2, round(extent / 40))))
    fixed = np.clip(keypoints[:, :2], -_FARTHEST, _FARTHEST) * (1 << _FRACTION)
    places = [(int(x), int(y)) for x, y in fixed.round().tolist()]
    how: dict[str, Any] = {"lineType": cv2.LINE_AA, "shift": _FRACTION}
    if bones:
        thickness = max(1, round(radius * 0.6))
        for (start, end), own in zip(skeleton.edges, skeleton.edge_colors, strict=True):
            if shown[start] and shown[end]:
                cv2.line(image, places[start], places[end], colour or _bgr(own), thickness, **how)
    for place, own, visible in zip(places, skeleton.keypoint_colors, shown, strict=True):
        if visible:
            cv2.circle(image, place, radius << _FRACTION, colour or _bgr(own), -1, **how)


def _bgr(colour: Colour) -> Colour:
    red, green, blue = colour
    return blue, green, red
