"""Pictures in files, made when a page first asks for them and kept for all others: a chart takes longer than a page."""

from __future__ import annotations

import os
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image

from . import charts, pictures

_SIZE: Final = {"photo": 600, "chart": 240, "logo": 60}
_RATIOS: Final = (0.5, 0.62, 0.75, 0.75, 1.0, 1.33)  # height over width


@dataclass(frozen=True)
class Picture:
    """A file of the pool: its name there, and its height over its width."""

    name: str
    ratio: float


class Pool:
    """Pictures of one seed in `folder`; `share` < 1 uses so much of it only, for a quick start."""

    def __init__(self, folder: Path, seed: int, share: float = 1.0) -> None:
        self.folder = folder
        self.seed = seed
        self.share = share
        folder.mkdir(parents=True, exist_ok=True)

    def photo(self, rng: random.Random) -> Picture:
        return self._any("photo", rng)

    def chart(self, rng: random.Random) -> Picture:
        return self._any("chart", rng)

    def logo(self, rng: random.Random) -> Picture:
        return self._any("logo", rng)

    def _any(self, kind: str, rng: random.Random) -> Picture:
        number = rng.randrange(max(1, int(_SIZE[kind] * self.share)))
        seed = self.seed * 1_000_003 + number
        choice = random.Random(f"{kind} {seed}")
        name = f"{kind}-{self.seed}-{number}.{'svg' if kind == 'chart' else 'jpg'}"
        path = self.folder / name
        if kind == "chart":
            if not path.exists():
                width = choice.choice((2.6, 3.2, 3.2, 4.0, 5.5))
                _write(path, charts.chart(seed, width, width * choice.choice((0.5, 0.62, 0.75, 0.8))))
            width, height = _svg_size(path)
            return Picture(name, height / width)
        ratio = choice.choice(_RATIOS) if kind == "photo" else choice.choice((1.0, 0.25, 0.33, 0.4))
        width = choice.choice((360, 520, 640)) if kind == "photo" else int(90 / ratio)
        quality = choice.choice((60, 80, 92)) if kind == "photo" else 95
        if not path.exists():
            draw = pictures.photo if kind == "photo" else pictures.logo
            image = draw(np.random.default_rng([self.seed, number, len(kind)]), int(width * ratio), width)
            _write(path, cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
        with Image.open(path) as image:
            return Picture(name, image.height / image.width)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all: another worker may be reading."""
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    temporary.write_bytes(content)
    temporary.replace(path)


def _svg_size(path: Path) -> tuple[float, float]:
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', path.read_text(encoding="utf-8")[:2000])
    if not found:
        raise ValueError(f"{path} begins like no SVG of matplotlib")
    return float(found.group(1)), float(found.group(2))
