"""Pictures of documents: photographs, screenshots, maps, collages and logos."""

from __future__ import annotations

import math

import cv2
import numpy as np

from .scenes import PHOTOS, Image, colour, finished, mix, noise, rgb


def map_of_nowhere(rng: np.random.Generator, height: int, width: int) -> Image:
    """Land and water with roads, borders and names."""
    land, water, road = (
        colour(rng, 200, 250),
        np.float32([150, 190, 225]) * rng.uniform(0.8, 1.1),
        colour(rng, 150, 255),
    )
    high = noise(rng, height, width, 0.5, 3)
    image = finished(np.where((high > rng.uniform(0.3, 0.5))[..., None], land * (0.85 + 0.2 * high)[..., None], water))
    for _ in range(int(rng.integers(4, 14))):
        points = np.cumsum(rng.normal(0, width / 18, (12, 2)), 0) + rng.uniform(0, 1, 2) * (width, height)
        cv2.polylines(
            image,
            [points.astype(np.int32)],
            False,
            rgb(road * rng.uniform(0.5, 1)),
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
    accent = rgb(colour(rng, 30, 220))
    image = np.full((height, width, 3), ground, np.uint8)
    cv2.rectangle(image, (0, 0), (width, 26), accent if rng.random() < 0.5 else (215, 215, 220), -1)
    for index, paint in enumerate(((235, 90, 80), (240, 190, 60), (90, 195, 90))):
        cv2.circle(image, (14 + 16 * index, 13), 5, paint, -1, cv2.LINE_AA)
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
    first, second = rgb(colour(rng, 0, 200)), rgb(colour(rng, 0, 230))
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


def photo(rng: np.random.Generator, height: int, width: int) -> Image:
    """Any of them, finished as a printer would: grey, one colour, hard or soft, sometimes grainy."""
    makers = (*PHOTOS, map_of_nowhere, screenshot, collage)
    weights = np.array([3, 2, 2, 1, 2, 2, 1.2, 1.5, 2.5, 2])
    image = makers[int(rng.choice(len(makers), p=weights / weights.sum()))](rng, height, width).astype(np.float32)
    roll = rng.random()
    if roll < 0.2:
        image = image @ np.float32([0.299, 0.587, 0.114])[:, None].repeat(3, 1)
    elif roll < 0.27:
        image = mix(colour(rng, 0, 90), np.float32([255, 255, 255]), image.mean(axis=2) / 255)
    image = (image - 128) * rng.uniform(0.7, 1.15) + 128 + rng.uniform(-25, 30)
    if rng.random() < 0.4:
        image += rng.normal(0, rng.uniform(2, 10), image.shape)
    return finished(image)
