"""What scanners, copiers, fax machines, cameras and years do to a page; boxes go with it exactly."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .render import Element, Rect

Image = NDArray[np.uint8]  # [height, width, 3]
LONGEST: Final = 1024  # pixels of the longest side of a finished page
_FADED: Final = 4.0  # deviation of grey levels below which nobody sees anything
_FILTERS: Final = (cv2.INTER_AREA, cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


@dataclass
class Sheet:
    """A page as an image; of each element the corners of its lines, [lines, 4, 2], in pixels from the image's edge."""

    image: Image
    corners: list[NDArray[np.float64]]
    classes: list[str]

    @classmethod
    def of(cls, image: Image, elements: Sequence[Element], width: float, height: float) -> Sheet:
        """From a rendered page `width` by `height` pt large."""
        scale = np.array([image.shape[1] / width, image.shape[0] / height])
        corners = [
            np.array([[(x0, y0), (x1, y0), (x1, y1), (x0, y1)] for x0, y0, x1, y1 in element.rects], np.float64) * scale
            for element in elements
        ]
        return cls(image, corners, [element.cls for element in elements])

    def boxes(self) -> list[tuple[str, Rect]]:
        """The bounds of each element's lines within the image; those that left it or faded away are gone."""
        height, width = self.image.shape[:2]
        found: list[tuple[str, Rect]] = []
        for name, corners in zip(self.classes, self.corners, strict=True):
            whole = np.concatenate([corners.reshape(-1, 2).min(axis=0), corners.reshape(-1, 2).max(axis=0)])
            left, top, right, bottom = (float(value) for value in whole.clip(0, [width, height, width, height]))
            visible = (right - left) * (bottom - top) / float(np.prod(whole[2:] - whole[:2]))
            around = self.image[max(0, int(top) - 2) : int(bottom) + 3, max(0, int(left) - 2) : int(right) + 3]
            if visible > 0.4 and min(right - left, bottom - top) >= 2 and float(around.std()) > _FADED:
                found.append((name, (left, top, right, bottom)))
        return found

    def warp(self, matrix: NDArray[np.float64], fill: tuple[int, int, int]) -> None:
        """Move everything by a 3x3 matrix; what comes in from outside is `fill`."""
        height, width = self.image.shape[:2]
        shift = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # pixels are numbered by their centres, boxes by edges
        pixels = np.linalg.inv(shift) @ matrix @ shift
        self.image = cv2.warpPerspective(
            self.image,
            pixels,
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=fill,
        )
        self.corners = [
            cv2.perspectiveTransform(corners.reshape(-1, 1, 2), matrix).reshape(-1, 4, 2) for corners in self.corners
        ]

    def resize(self, longest: int, filter_: int) -> None:
        """So that its longest side is `longest` pixels."""
        height, width = self.image.shape[:2]
        scale = longest / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        if size != (width, height):
            self.image = cv2.resize(self.image, size, interpolation=filter_)
        factor = np.array([size[0] / width, size[1] / height])
        self.corners = [corners * factor for corners in self.corners]

    def pad(self, left: int, top: int, right: int, bottom: int, fill: tuple[int, int, int]) -> None:
        self.image = cv2.copyMakeBorder(self.image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=fill)
        self.corners = [corners + np.array((left, top)) for corners in self.corners]


def finish(sheet: Sheet, rng: random.Random) -> None:
    """The size that training reads."""
    sheet.resize(LONGEST, rng.choice(_FILTERS))


def degrade(sheet: Sheet, rng: random.Random, behind: Image | None = None) -> list[str]:
    """One way for a page to have suffered; gives the names of what was done. `behind` shows through the paper."""
    numbers = np.random.default_rng(rng.getrandbits(32))
    recipe = rng.choices(("scan", "copy", "fax", "camera", "old", "screen"), (6, 3, 1, 1.5, 2, 3))[0]
    done = [recipe]
    for name, chance in _RECIPES[recipe].items():
        if rng.random() < chance and (name != "bleed" or behind is not None):
            if name == "bleed":
                assert behind is not None
                _bleed(sheet, rng, behind)
            else:
                _STEPS[name](sheet, rng, numbers)
            done.append(name)
    return done


# ---- single steps: each changes the sheet ----


def _ink(sheet: Sheet, rng: random.Random, numbers: np.random.Generator) -> None:
    """Letters that have grown fat or thin, by less than a pixel."""
    kernel = cv2.getStructuringElement(rng.choice((cv2.MORPH_ELLIPSE, cv2.MORPH_CROSS)), (3, 3))
    fat = rng.random() < 0.6
    changed = (cv2.erode if fat else cv2.dilate)(sheet.image, kernel)
    share = rng.uniform(0.25, 0.8 if fat else 0.45)  # thin letters would vanish
    sheet.image = cv2.addWeighted(sheet.image, 1 - share, changed, share, 0)


def _blur(sheet: Sheet, rng: random.Random, numbers: np.random.Generator) -> None:
    sigma = max(sheet.image.shape) / LONGEST * rng.uniform(0.3, 1.1)
    sheet.image = cv2.GaussianBlur(sheet.image, (0, 0), sigma, sigmaY=sigma * rng.uniform(0.7, 1.3))


def _noise(sheet: Sheet, rng: random.Random, numbers: np.random.Generator) -> None:
    height, width = sheet.image.shape[:2]
    grain = numbers.normal(0, rng.uniform(2, 16), (height, width, 3 if rng.random() < 0.3 else 1)).astype(np.float32)
    if rng.random() < 0.4:
        grain = cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.5, 1.2)).reshape(height, width, -1) * 1.6
    sheet.image = np.clip(sheet.image + grain, 0, 255).astype(np.uint8)


def _speckle(sheet: Sheet, rng: random.Random, numbers: np.random.Generator) -> None:
    """Dust and holes."""
    height, width = sheet.image.shape[:2]
    for _ in range(rng.randint(5, 150)):
        at, radius = (int(numbers.integers(width)), int(numbers.integers(height))), rng.choice((0, 0, 0, 1, 1, 2))
        shade = rng.randint(0, 120) if rng.random() < 0.7 else 255
        cv2.circle(sheet.image, at, radius, (shade, shade, shade), -1)


def _paper(sheet: Sheet, rng: random.Random, numbers: np.random.Generator) -> None:
    """Paper that is not white, and not even."""
    height, width = sheet.image.shape[:2]
    tint = np.float32(
        rng.choice(
            ((235, 235, 235), (222, 222, 218), (245, 236, 215), (232, 215, 180), (250, 245, 232), (225, 228, 232))
        )
    )
    cloud = cv2.resize(
        numbers.random((rng.randint(2, 9), rng.randint(2, 9)), dtype=np.float32),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    grain = tint / 255 * (1 - rng.uniform(0, 0.12) * cloud[..., None])
    sheet.image = np.clip(sheet.image * grain, 0, 255).astype(np.uint8)


def _fade(sheet: Sheet, rng: random.Random, numbers: np.random.Generator) -> None:
    """Ink that got pale."""
    low, high = rng.uniform(20, 95), rng.uniform(215, 255)
    sheet.image = (low + sheet.image * ((high - low) / 255)).astype(np.uint8)


def _light(sheet: Sheet, rng: random.Random, numbers: np.random.Generator) -> None:
    """Lit from one side, or darker in the corners."""
    height, width = sheet.image.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    angle, strength = rng.uniform(0, 2 * math.pi), rng.uniform(0.08, 0.35)
    dark = (x * math.cos(angle) + y * math.sin(angle)) / 2.9 + 0.5 if rng.random() < 0.7 else (x**2 + y**2) / 2
    sheet.image = (sheet.image * (1 - strength * dark)[..., None]).clip(0, 255).astype(np.uint8)


def _spine(sheet: Sheet, rng: random.Random, numbers: np.random.Generator) -> None:
    """The shadow where a bound page bends."""
    width = sheet.image.shape[1]
    reach = width * rng.uniform(0.02, 0.1)
    shadow = rng.uniform(0.3, 0.85) * np.exp(-np.arange(width, dtype=np.float32) / reach)
    shadow = shadow if rng.random() < 0.5 else shadow[::-1]
    sheet.image = (sheet.image * (1 - shadow)[None, :, None]).astype(np.uint8)


def _bleed(sheet: Sheet, rng: random.Random, behind: Image) -> None:
    """The other side of the paper, mirrored and faint."""
    height, width = sheet.image.shape[:2]
    back = cv2.GaussianBlur(
        cv2.resize(behind, (width, height), interpolation=cv2.INTER_AREA)[:, ::-1], (0, 0), rng.uniform(0.8, 2.5)
    )
    sheet.image = (sheet.image * (1 - rng.uniform(0.05, 0.22) * (1 - back / 255))).astype(np.uint8)


def _binary(sheet: Sheet, rng: random.Random, numbers: np.random.Generator) -> None:
    """Black and white only."""
    grey = cv2.cvtColor(sheet.image, cv2.COLOR_RGB2GRAY)
    if rng.random() < 0.3:  # ordered dither: pictures survive
        tile = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) * 16 + 8
        height, width = grey.shape
        level = np.tile(tile, (height // 4 + 1, width // 4 + 1))[:height, :width]
        black = np.where(grey > level * 0.9, 255, 0).astype(np.uint8)
    else:
        ink, paper = np.percentile(grey, (1, 80))
        black = cv2.threshold(grey, ink + (paper - ink) * rng.uniform(0.55, 0.9), 255, cv2.THRESH_BINARY)[1]
    sheet.image = black[..., None].repeat(3, 2)


def _grey(sheet: Sheet, rng: random.Random, numbers: np.random.Generator) -> None:
    sheet.image = cv2.cvtColor(sheet.image, cv2.COLOR_RGB2GRAY)[..., None].repeat(3, 2)


def _coarse(sheet: Sheet, rng: random.Random, numbers: np.random.Generator) -> None:
    """Through few pixels and back."""
    height, width = sheet.image.shape[:2]
    few = rng.uniform(520, 900) / max(height, width)
    if few < 1:
        small = cv2.resize(sheet.image, (int(width * few), int(height * few)), interpolation=cv2.INTER_AREA)
        sheet.image = cv2.resize(
            small, (width, height), interpolation=rng.choice((cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST))
        )


def _jpeg(sheet: Sheet, rng: random.Random, numbers: np.random.Generator) -> None:
    quality = rng.randint(12, 70)
    sheet.image = cv2.imdecode(
        cv2.imencode(".jpg", sheet.image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR
    )


def _rotate(sheet: Sheet, rng: random.Random, numbers: np.random.Generator) -> None:
    """A sheet that lay askew, on white, on the lid's grey or on black."""
    height, width = sheet.image.shape[:2]
    angle = rng.choice((rng.uniform(-3, 3), rng.gauss(0, 0.6)))
    shade = rng.choice((255, 255, 250, rng.randint(0, 60), rng.randint(120, 230)))
    matrix = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), angle, rng.uniform(0.93, 1.0)), [0, 0, 1]])
    sheet.warp(matrix, (shade, shade, shade))


def _perspective(sheet: Sheet, rng: random.Random, numbers: np.random.Generator) -> None:
    """Seen by a camera that was not straight above, on a table."""
    height, width = sheet.image.shape[:2]
    reach = rng.uniform(0.01, 0.045)
    source = np.float32([(0, 0), (width, 0), (width, height), (0, height)])
    inward = (
        np.float32([(1, 1), (-1, 1), (-1, -1), (1, -1)])
        * np.float32([width, height])
        * numbers.uniform(0, reach, (4, 2)).astype(np.float32)
    )
    table = tuple(rng.randint(20, 200) for _ in range(3))
    sheet.warp(cv2.getPerspectiveTransform(source, source + inward).astype(np.float64), table)


def _border(sheet: Sheet, rng: random.Random, numbers: np.random.Generator) -> None:
    """The scanner's bed around a sheet that is smaller."""
    height, width = sheet.image.shape[:2]
    shade = rng.randint(0, 70)
    sides = [int(max(height, width) * rng.uniform(0.004, 0.04)) if rng.random() < 0.5 else 0 for _ in range(4)]
    sheet.pad(*sides, fill=(shade, shade, shade))


def _holes(sheet: Sheet, rng: random.Random, numbers: np.random.Generator) -> None:
    """Punched for a binder, along one long side."""
    height, width = sheet.image.shape[:2]
    radius, side = height * rng.uniform(0.007, 0.011), rng.uniform(0.025, 0.045)
    x = int(width * (side if rng.random() < 0.8 else 1 - side))
    shade = rng.choice((0, 30, rng.randint(60, 200)))
    for share in rng.choice(((0.36, 0.64), (0.14, 0.36, 0.64, 0.86), (0.12, 0.5, 0.88))):
        cv2.circle(sheet.image, (x, int(height * share)), int(radius), (shade,) * 3, -1, cv2.LINE_AA)


_STEPS: Final[dict[str, Callable[[Sheet, random.Random, np.random.Generator], None]]] = {
    "ink": _ink,
    "blur": _blur,
    "noise": _noise,
    "speckle": _speckle,
    "paper": _paper,
    "fade": _fade,
    "light": _light,
    "spine": _spine,
    "holes": _holes,
    "binary": _binary,
    "grey": _grey,
    "coarse": _coarse,
    "jpeg": _jpeg,
    "rotate": _rotate,
    "perspective": _perspective,
    "border": _border,
}
# What each machine does, in the order in which it happens, and how often.
_RECIPES: Final[dict[str, dict[str, float]]] = {
    "scan": {
        "ink": 0.4, "paper": 0.45, "bleed": 0.2, "holes": 0.1, "rotate": 0.75, "border": 0.2, "spine": 0.12,
        "light": 0.25, "blur": 0.5, "noise": 0.5, "speckle": 0.15, "grey": 0.4, "fade": 0.15, "jpeg": 0.6,
    },
    "copy": {
        "grey": 1.0, "ink": 0.8, "holes": 0.15, "rotate": 0.7, "spine": 0.25, "border": 0.35, "blur": 0.5,
        "speckle": 0.5, "noise": 0.4, "fade": 0.3, "binary": 0.5, "jpeg": 0.2,
    },
    "fax": {"grey": 1.0, "rotate": 0.7, "coarse": 0.5, "speckle": 0.5, "binary": 1.0, "jpeg": 0.1},
    "camera": {"perspective": 0.8, "rotate": 0.3, "light": 0.9, "paper": 0.3, "blur": 0.6, "noise": 0.6, "jpeg": 0.8},
    "old": {
        "ink": 0.6, "paper": 1.0, "bleed": 0.5, "rotate": 0.6, "spine": 0.3, "light": 0.3, "speckle": 0.5, "blur": 0.5,
        "fade": 0.5, "noise": 0.6, "grey": 0.3, "jpeg": 0.5,
    },
    "screen": {"coarse": 0.5, "blur": 0.2, "grey": 0.15, "fade": 0.1, "jpeg": 0.8},
}  # fmt: skip
