"""Boxes and skeletons on a picture, with Pillow, which is imported with this module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final

from PIL import Image, ImageColor, ImageDraw, ImageFont, ImageOps

from model_zoo_api.picture_files import open_picture
from model_zoo_api.texts import printable

_HUE: Final = 137.508
"""Degrees between the colours of neighbouring labels: the golden angle, by which none are alike for long."""

_FARTHEST: Final = 16_384
"""Pixels from the image's corner at which a keypoint is drawn at most."""


def draw(
    objects: Sequence[Mapping[str, Any]],
    image: Any,
    path: str | None = None,
    edges: Sequence[tuple[int, int]] = (),
    shown: float = 0.0,
) -> Image.Image:
    """Return a picture of an image with what was found in it; see :meth:`~model_zoo_api.Detections.draw`.

    Args:
        objects: As :meth:`~model_zoo_api.Detections.to_dict` has them, the best first.
        image: Pixels or Pillow's image; None reads ``path``.
        path: Of the image.
        edges: Pairs of keypoints between which a line is drawn.
        shown: Least score of a keypoint that is drawn.
    """
    picture = _picture(image, path)
    pen = ImageDraw.Draw(picture)
    line = max(1, round(sum(picture.size) / 700))
    size = max(10, round(sum(picture.size) / 130))
    font = ImageFont.load_default(size)
    for one in reversed(objects):  # the best on top
        hue = one["label"] * _HUE % 360
        colour = ImageColor.getrgb(f"hsl({hue:.0f}, 85%, 45%)")
        x1, y1, x2, y2 = one["box"]
        pen.rectangle((min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)), outline=colour, width=line)
        track = f" #{one['track_id']}" if "track_id" in one else ""
        text = f"{printable(one['name'])}{track} {one['score']:.2f}"
        left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
        corner = max(0.0, min(x1, picture.width - right)), y1 - bottom if y1 >= bottom else max(0.0, y1)
        pen.rectangle((corner[0] + left, corner[1] + top, corner[0] + right, corner[1] + bottom), fill=colour)
        pen.text(corner, text, fill="white", font=font)
        seen = {index: (x, y) for index, (x, y, score) in enumerate(one.get("keypoints", ())) if score >= shown}
        _draw_skeleton(pen, seen, edges, line, hue)
    return picture


def _draw_skeleton(
    pen: ImageDraw.ImageDraw,
    keypoints: Mapping[int, tuple[float, float]],
    edges: Sequence[tuple[int, int]],
    line: int,
    hue: float,
) -> None:
    """Draw an object's keypoints by their indices, and the lines between them, in its colour; keypoints are lighter."""
    near = {
        index: tuple(max(-_FARTHEST, min(value, _FARTHEST)) for value in place) for index, place in keypoints.items()
    }
    bone, joint = (ImageColor.getrgb(f"hsl({hue:.0f}, 85%, {light}%)") for light in (45, 75))
    for start, end in edges:
        if start in near and end in near:
            pen.line((*near[start], *near[end]), fill=bone, width=2 * line)
    for x, y in near.values():
        pen.ellipse((x - 2 * line, y - 2 * line, x + 2 * line, y + 2 * line), fill=joint, outline=bone)


def _picture(image: Any, path: str | None) -> Image.Image:
    """Return the image in RGB, of its own."""
    if image is None:
        if path is None:
            raise ValueError("it was found in an array: give that as image=")
        with open(path, "rb") as file:
            return ImageOps.exif_transpose(open_picture(file)).convert("RGB")
    if not isinstance(image, Image.Image):
        pixels = image[..., ::-1] if image.shape[2] == 3 else image[..., 0]
        image = Image.fromarray(import_module("numpy").ascontiguousarray(pixels))
    picture: Image.Image = image.convert("RGB")
    return picture.copy() if picture is image else picture
