"""Scenes that pass for photographs at a glance: landscapes, cities, people, things, lights, cells."""

from __future__ import annotations

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


def colour(rng: np.random.Generator, low: int = 0, high: int = 255) -> NDArray[np.float32]:
    return rng.integers(low, high + 1, 3).astype(np.float32)


def rgb(paint: NDArray[np.float32]) -> tuple[int, int, int]:
    return int(paint[0]), int(paint[1]), int(paint[2])


def mix(low: NDArray[np.float32], high: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    return low + (high - low) * share[..., None]


def finished(image: NDArray[np.float32]) -> Image:
    return np.clip(image, 0, 255).astype(np.uint8)


def landscape(rng: np.random.Generator, height: int, width: int) -> Image:
    """Sky with clouds, and ridges that get darker towards the front."""
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None].repeat(width, 1)
    image = mix(colour(rng, 60, 200), colour(rng, 150, 255), share)
    image = _mix_image(
        image, np.float32([245, 245, 250]), np.clip(noise(rng, height, width) * 2 - 1, 0, 1) * float(rng.random())
    )
    if rng.random() < 0.4:
        sun = (int(rng.integers(width)), int(rng.integers(height // 2)))
        cv2.circle(image, sun, int(height * rng.uniform(0.03, 0.12)), (255, 240, 200), -1, cv2.LINE_AA)
        image = cv2.GaussianBlur(image, (0, 0), 1.5)
    ground = colour(rng, 40, 170)
    for layer in range(int(rng.integers(2, 6))):
        ridge = noise(rng, 4, width, 0.5)[1] * height * rng.uniform(0.08, 0.35) + height * (0.3 + 0.14 * layer)
        mask = np.arange(height, dtype=np.float32)[:, None] > ridge[None]
        ground = ground * rng.uniform(0.6, 0.95)
        texture = (0.75 + 0.5 * noise(rng, height, width, 0.8, 8))[..., None]
        image = np.where(mask[..., None], ground * texture, image)
    return finished(image)


def _mix_image(
    image: NDArray[np.float32], paint: NDArray[np.float32], share: NDArray[np.float32]
) -> NDArray[np.float32]:
    return np.ascontiguousarray(image + (paint - image) * share[..., None], np.float32)


def plasma(rng: np.random.Generator, height: int, width: int) -> Image:
    """Coloured clouds: cloth, marble, water, leaves."""
    channels = [noise(rng, height, width, rng.uniform(0.4, 0.85), int(rng.integers(2, 12))) for _ in range(2)]
    image = mix(colour(rng), colour(rng), channels[0])
    return finished(_mix_image(image, colour(rng), channels[1] ** 2))


def portrait(rng: np.random.Generator, height: int, width: int) -> Image:
    """Somebody before a blurred background, with no face that could be anyone's."""
    image = plasma(rng, height, width).astype(np.float32)
    image = cv2.GaussianBlur(image, (0, 0), max(height, width) / 15)
    skin = np.float32([224, 180, 150]) * rng.uniform(0.45, 1.05)
    hair, cloth = colour(rng, 10, 120), colour(rng, 10, 220)
    x, y, r = (
        width * rng.uniform(0.35, 0.65),
        height * rng.uniform(0.32, 0.45),
        min(height, width) * rng.uniform(0.14, 0.24),
    )

    def ellipse(cx: float, cy: float, rx: float, ry: float, paint: NDArray[np.float32]) -> None:
        centre, axes, ink = (int(cx), int(cy)), (int(rx), int(ry)), tuple(float(c) for c in paint)
        cv2.ellipse(image, centre, axes, 0, 0, 360, ink, -1, cv2.LINE_AA)

    ellipse(x, y + r * 3.3, r * 2.3, r * 1.9, cloth)
    ellipse(x, y + r * 1.2, r * 0.45, r * 0.6, skin * 0.85)
    ellipse(x, y - r * 0.15, r * 1.1, r * 1.35, hair)
    ellipse(x, y + r * 0.1, r * 0.85, r * 1.1, skin)
    for side in (-1, 1):
        ellipse(x + side * r * 0.33, y, r * 0.09, r * 0.06, hair * 0.5)
    ellipse(x, y + r * 0.6, r * 0.28, r * 0.07, skin * 0.6)
    light = mix(
        np.float32([0.7] * 3), np.float32([1.2] * 3), np.linspace(0, 1, width, dtype=np.float32)[None].repeat(height, 0)
    )
    return finished(cv2.GaussianBlur(image * light, (0, 0), 1.2))


def bokeh(rng: np.random.Generator, height: int, width: int) -> Image:
    """Lights out of focus."""
    image = mix(colour(rng, 0, 90), colour(rng, 20, 140), noise(rng, height, width))
    for _ in range(int(rng.integers(15, 80))):
        layer = image.copy()
        radius = int(min(height, width) * rng.uniform(0.01, 0.13))
        cv2.circle(
            layer,
            (int(rng.integers(width)), int(rng.integers(height))),
            radius,
            rgb(colour(rng, 100, 255)),
            -1,
            cv2.LINE_AA,
        )
        image = image * 0.6 + layer * 0.4
    return finished(cv2.GaussianBlur(image, (0, 0), rng.uniform(1, 4)))


def still_life(rng: np.random.Generator, height: int, width: int) -> Image:
    """Shaded balls and boxes on a table."""
    yy, xx = np.mgrid[0:height, 0:width].astype(np.float32)
    image = (
        mix(colour(rng, 120, 255), colour(rng, 60, 200), yy / height)
        * (0.9 + 0.2 * noise(rng, height, width, 0.7, 6))[..., None]
    )
    for _ in range(int(rng.integers(2, 8))):
        r = min(height, width) * rng.uniform(0.07, 0.25)
        x, y, paint = rng.uniform(0, width), rng.uniform(height * 0.35, height * 0.9), colour(rng, 30, 255)
        shadow = np.exp(-(((xx - x - r * 0.4) / (1.4 * r)) ** 2 + ((yy - y - r * 0.9) / (0.35 * r)) ** 2))
        image *= (1 - 0.6 * shadow)[..., None]
        dx, dy = (xx - x) / r, (yy - y) / r
        if rng.random() < 0.6:
            inside = dx**2 + dy**2 < 1
            shade = np.sqrt(np.clip(1 - dx**2 - dy**2, 0, 1)) * 0.6 - 0.3 * dx - 0.3 * dy + 0.4
        else:
            inside = (np.abs(dx) < 0.9) & (np.abs(dy) < 0.9)
            shade = np.where(dx < rng.uniform(-0.4, 0.4), 1.0, 0.65).astype(np.float32)
        image = np.where(inside[..., None], paint * np.clip(shade, 0.1, 1.4)[..., None], image)
    return finished(cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1))


def city(rng: np.random.Generator, height: int, width: int) -> Image:
    """Houses with windows before the sky."""
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None].repeat(width, 1)
    image = finished(mix(colour(rng, 20, 200), colour(rng, 120, 255), share))
    lit = rgb(colour(rng, 150, 255))
    for depth in range(3):
        x = -20
        while x < width:
            w, top = int(width * rng.uniform(0.05, 0.16)), int(height * rng.uniform(0.15 + 0.2 * depth, 0.75))
            wall = rgb(colour(rng, 30, 190) * (1 - 0.2 * depth))
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
    base, tint = colour(rng, 150, 240), colour(rng, 20, 160)
    image = np.full((height, width, 3), base, np.float32)
    for _ in range(int(rng.integers(20, 160))):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        r = min(height, width) * rng.uniform(0.015, 0.07)
        axes, angle = (int(r * rng.uniform(0.7, 1.5)) + 1, int(r) + 1), float(rng.uniform(0, 180))
        cv2.ellipse(image, centre, axes, angle, 0, 360, rgb(tint * rng.uniform(0.8, 1.5)), -1, cv2.LINE_AA)
        cv2.ellipse(image, centre, (axes[0] // 2, axes[1] // 2), angle, 0, 360, rgb(tint * 0.6), -1, cv2.LINE_AA)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 3)) + rng.normal(0, rng.uniform(3, 18), (height, width, 1))
    if rng.random() < 0.5:
        image = image.mean(axis=2, keepdims=True).repeat(3, 2)
    bar = int(width * rng.uniform(0.1, 0.25))
    result = finished(image.astype(np.float32))
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


PHOTOS: Final[tuple[Callable[[np.random.Generator, int, int], Image], ...]] = (
    landscape,
    plasma,
    portrait,
    bokeh,
    still_life,
    city,
    micrograph,
)
