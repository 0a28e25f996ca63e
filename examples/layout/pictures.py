"""Pictures that pass for photographs, screenshots, maps, micrographs and logos, drawn with numpy, OpenCV and Pillow."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # [height, width, 3], RGB


def noise(
    rng: np.random.Generator, height: int, width: int, rough: float = 0.55, start: int = 2
) -> NDArray[np.float32]:
    """Fractal noise in 0..1, [height, width]: clouds, hills, stone."""
    total = np.zeros((height, width), np.float32)
    weight, cells = 1.0, start
    while cells < max(height, width) / 2:
        grid = rng.random((max(2, cells * height // width + 1), cells + 1), dtype=np.float32)
        total += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        weight *= rough
        cells *= 2
    total -= total.min()
    return total / max(float(total.max()), 1e-6)


def _colour(rng: np.random.Generator, low: int = 0, high: int = 255) -> NDArray[np.float32]:
    return rng.integers(low, high + 1, 3).astype(np.float32)


def _tuple(colour: NDArray[np.float32]) -> tuple[int, int, int]:
    return int(colour[0]), int(colour[1]), int(colour[2])


def _mix(low: NDArray[np.float32], high: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    return low + (high - low) * share[..., None]


def _byte(image: NDArray[np.float32]) -> Image:
    return np.clip(image, 0, 255).astype(np.uint8)


def landscape(rng: np.random.Generator, height: int, width: int) -> Image:
    """Sky with clouds, and ridges that get darker towards the front."""
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None].repeat(width, 1)
    image = _mix(_colour(rng, 60, 200), _colour(rng, 150, 255), share)
    image = _mix_image(
        image, np.float32([245, 245, 250]), np.clip(noise(rng, height, width) * 2 - 1, 0, 1) * float(rng.random())
    )
    if rng.random() < 0.4:
        sun = (int(rng.integers(width)), int(rng.integers(height // 2)))
        cv2.circle(image, sun, int(height * rng.uniform(0.03, 0.12)), (255, 240, 200), -1, cv2.LINE_AA)
        image = cv2.GaussianBlur(image, (0, 0), 1.5)
    ground = _colour(rng, 40, 170)
    for layer in range(int(rng.integers(2, 6))):
        ridge = noise(rng, 4, width, 0.5)[1] * height * rng.uniform(0.08, 0.35) + height * (0.3 + 0.14 * layer)
        mask = np.arange(height, dtype=np.float32)[:, None] > ridge[None]
        ground = ground * rng.uniform(0.6, 0.95)
        texture = (0.75 + 0.5 * noise(rng, height, width, 0.8, 8))[..., None]
        image = np.where(mask[..., None], ground * texture, image)
    return _byte(image)


def _mix_image(
    image: NDArray[np.float32], colour: NDArray[np.float32], share: NDArray[np.float32]
) -> NDArray[np.float32]:
    return np.ascontiguousarray(image + (colour - image) * share[..., None], np.float32)


def plasma(rng: np.random.Generator, height: int, width: int) -> Image:
    """Coloured clouds: cloth, marble, water, leaves."""
    channels = [noise(rng, height, width, rng.uniform(0.4, 0.85), int(rng.integers(2, 12))) for _ in range(2)]
    image = _mix(_colour(rng), _colour(rng), channels[0])
    return _byte(_mix_image(image, _colour(rng), channels[1] ** 2))


def portrait(rng: np.random.Generator, height: int, width: int) -> Image:
    """Somebody before a blurred background, with no face that could be anyone's."""
    image = plasma(rng, height, width).astype(np.float32)
    image = cv2.GaussianBlur(image, (0, 0), max(height, width) / 15)
    skin = np.float32([224, 180, 150]) * rng.uniform(0.45, 1.05)
    hair, cloth = _colour(rng, 10, 120), _colour(rng, 10, 220)
    x, y, r = (
        width * rng.uniform(0.35, 0.65),
        height * rng.uniform(0.32, 0.45),
        min(height, width) * rng.uniform(0.14, 0.24),
    )
    ellipse = lambda cx, cy, rx, ry, colour: cv2.ellipse(  # noqa: E731
        image, (int(cx), int(cy)), (int(rx), int(ry)), 0, 0, 360, tuple(float(c) for c in colour), -1, cv2.LINE_AA
    )
    ellipse(x, y + r * 3.3, r * 2.3, r * 1.9, cloth)
    ellipse(x, y + r * 1.2, r * 0.45, r * 0.6, skin * 0.85)
    ellipse(x, y - r * 0.15, r * 1.1, r * 1.35, hair)
    ellipse(x, y + r * 0.1, r * 0.85, r * 1.1, skin)
    for side in (-1, 1):
        ellipse(x + side * r * 0.33, y, r * 0.09, r * 0.06, hair * 0.5)
    ellipse(x, y + r * 0.6, r * 0.28, r * 0.07, skin * 0.6)
    light = _mix(
        np.float32([0.7] * 3), np.float32([1.2] * 3), np.linspace(0, 1, width, dtype=np.float32)[None].repeat(height, 0)
    )
    return _byte(cv2.GaussianBlur(image * light, (0, 0), 1.2))


def bokeh(rng: np.random.Generator, height: int, width: int) -> Image:
    """Lights out of focus."""
    image = _mix(_colour(rng, 0, 90), _colour(rng, 20, 140), noise(rng, height, width))
    for _ in range(int(rng.integers(15, 80))):
        layer = image.copy()
        radius = int(min(height, width) * rng.uniform(0.01, 0.13))
        cv2.circle(
            layer,
            (int(rng.integers(width)), int(rng.integers(height))),
            radius,
            _tuple(_colour(rng, 100, 255)),
            -1,
            cv2.LINE_AA,
        )
        image = image * 0.6 + layer * 0.4
    return _byte(cv2.GaussianBlur(image, (0, 0), rng.uniform(1, 4)))


def still_life(rng: np.random.Generator, height: int, width: int) -> Image:
    """Shaded balls and boxes on a table."""
    yy, xx = np.mgrid[0:height, 0:width].astype(np.float32)
    image = (
        _mix(_colour(rng, 120, 255), _colour(rng, 60, 200), yy / height)
        * (0.9 + 0.2 * noise(rng, height, width, 0.7, 6))[..., None]
    )
    for _ in range(int(rng.integers(2, 8))):
        r = min(height, width) * rng.uniform(0.07, 0.25)
        x, y, colour = rng.uniform(0, width), rng.uniform(height * 0.35, height * 0.9), _colour(rng, 30, 255)
        shadow = np.exp(-(((xx - x - r * 0.4) / (1.4 * r)) ** 2 + ((yy - y - r * 0.9) / (0.35 * r)) ** 2))
        image *= (1 - 0.6 * shadow)[..., None]
        dx, dy = (xx - x) / r, (yy - y) / r
        if rng.random() < 0.6:
            inside = dx**2 + dy**2 < 1
            shade = np.sqrt(np.clip(1 - dx**2 - dy**2, 0, 1)) * 0.6 - 0.3 * dx - 0.3 * dy + 0.4
        else:
            inside = (np.abs(dx) < 0.9) & (np.abs(dy) < 0.9)
            shade = np.where(dx < rng.uniform(-0.4, 0.4), 1.0, 0.65).astype(np.float32)
        image = np.where(inside[..., None], colour * np.clip(shade, 0.1, 1.4)[..., None], image)
    return _byte(cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1))


def city(rng: np.random.Generator, height: int, width: int) -> Image:
    """Houses with windows before the sky."""
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None].repeat(width, 1)
    image = _byte(_mix(_colour(rng, 20, 200), _colour(rng, 120, 255), share))
    lit = _tuple(_colour(rng, 150, 255))
    for depth in range(3):
        x = -20
        while x < width:
            w, top = int(width * rng.uniform(0.05, 0.16)), int(height * rng.uniform(0.15 + 0.2 * depth, 0.75))
            wall = _tuple(_colour(rng, 30, 190) * (1 - 0.2 * depth))
            cv2.rectangle(image, (x, top), (x + w, height), wall, -1)
            step = max(5, int(w / rng.integers(3, 8)))
            for wx in range(x + step // 2, x + w - step // 2, step):
                for wy in range(top + step // 2, height, int(step * 1.4)):
                    pane = lit if rng.random() < 0.4 else tuple(c // 2 for c in wall)
                    cv2.rectangle(image, (wx, wy), (wx + step // 2, wy + int(step * 0.7)), pane, -1)
            x += w + int(rng.integers(0, 12))
    return image


def micrograph(rng: np.random.Generator, height: int, width: int) -> Image:
    """Cells or grains under a microscope, grey or stained, with a scale bar."""
    base, tint = _colour(rng, 150, 240), _colour(rng, 20, 160)
    image = np.full((height, width, 3), base, np.float32)
    for _ in range(int(rng.integers(20, 160))):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        r = min(height, width) * rng.uniform(0.015, 0.07)
        axes, angle = (int(r * rng.uniform(0.7, 1.5)) + 1, int(r) + 1), float(rng.uniform(0, 180))
        cv2.ellipse(image, centre, axes, angle, 0, 360, _tuple(tint * rng.uniform(0.8, 1.5)), -1, cv2.LINE_AA)
        cv2.ellipse(image, centre, (axes[0] // 2, axes[1] // 2), angle, 0, 360, _tuple(tint * 0.6), -1, cv2.LINE_AA)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 3)) + rng.normal(0, rng.uniform(3, 18), (height, width, 1))
    if rng.random() < 0.5:
        image = image.mean(axis=2, keepdims=True).repeat(3, 2)
    bar = int(width * rng.uniform(0.1, 0.25))
    result = _byte(image.astype(np.float32))
    cv2.rectangle(result, (width - bar - 15, height - 22), (width - 15, height - 16), (255, 255, 255), -1)
    cv2.putText(
        result,
        f"{rng.integers(1, 500)} um",
        (width - bar - 15, height - 28),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.5,
        (255, 255, 255),
        1,
        cv2.LINE_AA,
    )
    return result


def map_of_nowhere(rng: np.random.Generator, height: int, width: int) -> Image:
    """Land and water with roads, borders and names."""
    land, water, road = (
        _colour(rng, 200, 250),
        np.float32([150, 190, 225]) * rng.uniform(0.8, 1.1),
        _colour(rng, 150, 255),
    )
    high = noise(rng, height, width, 0.5, 3)
    image = _byte(np.where((high > rng.uniform(0.3, 0.5))[..., None], land * (0.85 + 0.2 * high)[..., None], water))
    for _ in range(int(rng.integers(4, 14))):
        points = np.cumsum(rng.normal(0, width / 18, (12, 2)), 0) + rng.uniform(0, 1, 2) * (width, height)
        cv2.polylines(
            image,
            [points.astype(np.int32)],
            False,
            _tuple(road * rng.uniform(0.5, 1)),
            int(rng.integers(1, 5)),
            cv2.LINE_AA,
        )
    for _ in range(int(rng.integers(4, 16))):
        place = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(image, place, 3, (60, 60, 60), -1, cv2.LINE_AA)
        name = "".join(rng.choice(list("aeioulmnrstk"), int(rng.integers(3, 9)))).title()
        cv2.putText(
            image,
            name,
            (place[0] + 6, place[1] + 4),
            cv2.FONT_HERSHEY_SIMPLEX,
            rng.uniform(0.3, 0.6),
            (40, 40, 40),
            1,
            cv2.LINE_AA,
        )
    return image


def screenshot(rng: np.random.Generator, height: int, width: int) -> Image:
    """A window with a title bar, a side bar, lines of text and buttons."""
    dark = rng.random() < 0.3
    ground, ink = ((35, 38, 45), (205, 205, 210)) if dark else ((250, 250, 250), (60, 60, 60))
    accent = _tuple(_colour(rng, 30, 220))
    image = np.full((height, width, 3), ground, np.uint8)
    cv2.rectangle(image, (0, 0), (width, 26), accent if rng.random() < 0.5 else (215, 215, 220), -1)
    for index, colour in enumerate(((235, 90, 80), (240, 190, 60), (90, 195, 90))):
        cv2.circle(image, (14 + 16 * index, 13), 5, colour, -1, cv2.LINE_AA)
    side = int(width * rng.uniform(0.15, 0.3)) if rng.random() < 0.7 else 0
    if side:
        cv2.rectangle(image, (0, 27), (side, height), tuple(int(c * 0.93) for c in ground), -1)
    font, scale, step = cv2.FONT_HERSHEY_SIMPLEX, float(rng.uniform(0.3, 0.45)), int(rng.integers(16, 26))
    for y in range(48, height - 10, step):
        if side:
            cv2.putText(image, _scribble(rng, 1, 3)[: side // 8], (8, y), font, scale, ink, 1, cv2.LINE_AA)
        if rng.random() < 0.8:
            text = _scribble(rng, 1, 14)[: max(4, int((width - side) / (scale * 20)))]
            cv2.putText(image, text, (side + 14, y), font, scale, ink, 1, cv2.LINE_AA)
    if rng.random() < 0.6:
        x, y = side + int((width - side) * rng.uniform(0.1, 0.5)), int(height * rng.uniform(0.3, 0.7))
        cv2.rectangle(image, (x, y), (x + width // 3, y + height // 4), tuple(min(255, c + 6) for c in ground), -1)
        cv2.rectangle(image, (x, y), (x + width // 3, y + height // 4), (150, 150, 150), 1)
        cv2.rectangle(image, (x + 10, y + height // 4 - 26), (x + 76, y + height // 4 - 8), accent, -1)
    cv2.rectangle(image, (0, 0), (width - 1, height - 1), (160, 160, 160), 1)
    return image


def _scribble(rng: np.random.Generator, low: int, high: int) -> str:
    letters = list("aaeeiioutnrslcdmpvbgh")
    return " ".join(
        "".join(rng.choice(letters, int(rng.integers(2, 9)))) for _ in range(int(rng.integers(low, high + 1)))
    )


def logo(rng: np.random.Generator, height: int, width: int) -> Image:
    """A few flat shapes, and letters: a firm's mark on white, cut to its ink, so no larger than asked for."""
    image = np.full((height, width, 3), 255, np.uint8)
    first, second = _tuple(_colour(rng, 0, 200)), _tuple(_colour(rng, 0, 230))
    side = min(height, width)
    x, y, r = side // 2, height // 2, side // 2 - 1
    match int(rng.integers(6)):
        case 0:
            cv2.circle(image, (x, y), r, first, -1, cv2.LINE_AA)
            cv2.circle(image, (x + r // 3, y - r // 3), r // 2, second, -1, cv2.LINE_AA)
        case 1:
            cv2.fillPoly(image, [np.int32([[x - r, y + r], [x, y - r], [x + r, y + r]])], first, cv2.LINE_AA)
            cv2.fillPoly(image, [np.int32([[x - r // 2, y + r], [x, y], [x + r // 2, y + r]])], second, cv2.LINE_AA)
        case 2:
            for index in range(4):
                corner = (x - r + (index % 2) * r, y - r + (index // 2) * r)
                cv2.rectangle(image, corner, (corner[0] + r - 4, corner[1] + r - 4), first if index % 3 else second, -1)
        case 3:
            angles = np.linspace(0, 2 * math.pi, 7)[:-1]
            cv2.fillPoly(
                image, [np.int32([[x + r * math.cos(a), y + r * math.sin(a)] for a in angles])], first, cv2.LINE_AA
            )
            cv2.circle(image, (x, y), r // 2, (255, 255, 255), -1, cv2.LINE_AA)
        case 4:
            for index in range(4):
                cv2.ellipse(
                    image,
                    (x, y),
                    (r - index * r // 4, r - index * r // 4),
                    0,
                    0,
                    360,
                    first if index % 2 else second,
                    -1,
                    cv2.LINE_AA,
                )
        case _:
            for index in range(5):
                top = y + r - int(2 * r * (index + 1) / 5)
                cv2.rectangle(
                    image,
                    (x - r + index * 2 * r // 5, top),
                    (x - r + (index + 1) * 2 * r // 5 - 3, y + r),
                    first if index < 3 else second,
                    -1,
                )
    if width > side * 1.5:
        text = _scribble(rng, 1, 1)[:7].upper() if rng.random() < 0.5 else _scribble(rng, 1, 1)[:7].title()
        font = int(rng.choice((cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SIMPLEX)))
        (w, h), _ = cv2.getTextSize(text, font, 1, 2)
        scale = min((width - side - 14) / w, height * 0.55 / h)
        cv2.putText(
            image, text, (side + 8, int(y + h * scale / 2)), font, scale, first, max(1, int(scale * 2)), cv2.LINE_AA
        )
    ink = image.min(axis=2) < 250
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return np.ascontiguousarray(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def collage(rng: np.random.Generator, height: int, width: int) -> Image:
    """A grid of pictures that belong together, with letters in their corners."""
    rows, columns = int(rng.integers(1, 4)), int(rng.integers(2, 5))
    gap = int(rng.integers(2, 10))
    image = np.full((height, width, 3), 255 if rng.random() < 0.8 else 0, np.uint8)
    h, w = (height - gap * (rows - 1)) // rows, (width - gap * (columns - 1)) // columns
    same = PHOTOS[int(rng.integers(len(PHOTOS)))] if rng.random() < 0.6 else None
    for row in range(rows):
        for column in range(columns):
            draw = same or PHOTOS[int(rng.integers(len(PHOTOS)))]
            y, x = row * (h + gap), column * (w + gap)
            image[y : y + h, x : x + w] = draw(rng, max(h, 24), max(w, 24))[:h, :w]
            if same and rng.random() < 0.5:
                letter = f"({chr(97 + (row * columns + column) % 26)})"
                cv2.putText(
                    image, letter, (x + 5, y + 18), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (255, 255, 255), 1, cv2.LINE_AA
                )
    return image


PHOTOS: Final[tuple[Callable[[np.random.Generator, int, int], Image], ...]] = (
    landscape,
    plasma,
    portrait,
    bokeh,
    still_life,
    city,
    micrograph,
)


def photo(rng: np.random.Generator, height: int, width: int) -> Image:
    """Any of them, finished as a printer would: grey, one colour, hard or soft, sometimes grainy."""
    makers = (*PHOTOS, map_of_nowhere, screenshot, collage)
    weights = np.array([3, 2, 2, 1, 2, 2, 1.2, 1.5, 2.5, 2])
    image = makers[int(rng.choice(len(makers), p=weights / weights.sum()))](rng, height, width).astype(np.float32)
    roll = rng.random()
    if roll < 0.2:
        image = image @ np.float32([0.299, 0.587, 0.114])[:, None].repeat(3, 1)
    elif roll < 0.27:
        image = _mix(_colour(rng, 0, 90), np.float32([255, 255, 255]), image.mean(axis=2) / 255)
    image = (image - 128) * rng.uniform(0.7, 1.15) + 128 + rng.uniform(-25, 30)
    if rng.random() < 0.4:
        image += rng.normal(0, rng.uniform(2, 10), image.shape)
    return _byte(image)
