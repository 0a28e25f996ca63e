"""Pictures of detections and their keypoints, drawn by OpenCV alone, for prediction without the engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from model_zoo_api import Detections
from model_zoo_api.texts import printable
from yolonas_plugin.drawing import draw_skeletons
from yolonas_plugin.errors import SourceError
from yolonas_plugin.images import write_picture
from yolonas_plugin.processing import Image
from yolonas_plugin.skeleton import Skeleton

_GOLDEN_ANGLE: Final = 68  # in OpenCV's hues of 0 to 179: neighbouring classes get colours far apart


def new_folder(output: str | None, name: str) -> Path:
    """Make the folder that the user names, or a new one, ``runs/name``, ``runs/name-2`` and so on."""
    if output is not None:
        folder = Path(output).expanduser().absolute()
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    runs, number = Path("runs").absolute(), 1
    while True:
        folder = runs / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1


def save_picture(found: Detections, folder: Path, skeleton: Skeleton | None = None) -> None:
    """Draw an image's detections into ``folder``, as a JPEG of the image's name.

    Raises:
        SourceError: The image itself is in that folder.
        ExportError: The picture can't be written.
    """
    assert found.path is not None
    source = Path(found.path)
    if source.resolve().parent == folder.resolve():
        raise SourceError(f"{folder}: the images are there too and would be overwritten; name another folder")
    target = folder / f"{source.stem}.jpg"
    names = (printable(found.names[int(label)]) for label in found.labels)
    labels = [f"{name} {score:.2f}" for name, score in zip(names, found.scores, strict=True)]
    picture = draw(found.image, found.boxes.tolist(), labels, found.labels.tolist())
    if skeleton is not None and found.keypoints is not None:
        draw_skeletons(picture, np.asarray(found.keypoints), skeleton)
    write_picture(target, picture)


def draw(
    image: Image,
    boxes: Sequence[Sequence[float]],
    labels: Sequence[str],
    classes: Sequence[int],
    text: float | None = None,
) -> Image:
    """Return a copy of an image [H, W, C] with boxes, and what each is, drawn on it; the first are on top.

    Args:
        image: [H, W, C], BGR.
        boxes: x1, y1, x2, y2 in pixels.
        labels: What each is.
        classes: Of each, by which it gets its colour.
        text: Size of the letters; a capital of size 1 has 22 pixels. Default: what suits a photograph of this size.
    """
    picture = np.ascontiguousarray(image if image.shape[2] == 3 else np.repeat(image[..., :1], 3, axis=2)).copy()
    limits = (*picture.shape[1::-1], *picture.shape[1::-1])  # OpenCV's coordinates are no arbitrary numbers
    width = max(1, round(sum(picture.shape[:2]) / 800)) if text is None else max(1, round(4 * text))
    font, size = cv2.FONT_HERSHEY_SIMPLEX, width / 3 if text is None else text
    thick = max(1, round(3 * size))
    for box, label, index in reversed(list(zip(boxes, labels, classes, strict=True))):
        hue = np.array([[[index * _GOLDEN_ANGLE % 180, 220, 200]]], np.uint8)
        colour = cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0].tolist()
        near = (max(-side, min(value, 2 * side)) for value, side in zip(box, limits, strict=True))
        left, top, right, bottom = map(round, near)
        cv2.rectangle(picture, (left, top), (right, bottom), colour, width)
        (text_width, text_height), below = cv2.getTextSize(label, font, size, thick)
        base = max(top - below, text_height)
        cv2.rectangle(picture, (left, base - text_height), (left + text_width, base + below), colour, cv2.FILLED)
        cv2.putText(picture, label, (left, base), font, size, (255, 255, 255), thick, cv2.LINE_AA)
    return picture
