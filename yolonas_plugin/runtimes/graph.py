"""What all runtimes that open a file have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yolonas_plugin.errors import RuntimeChoiceError
from yolonas_plugin.export.description import Description
from yolonas_plugin.processing import ProcessingSpec

Floats: TypeAlias = NDArray[np.float32]


class GraphRuntime(ABC):
    """A network in an exported file, opened by an inference engine. Threads may share it.

    Attributes:
        name: Of the engine.
        path: The file.
        description: What the file says about itself.
    """

    name: str
    path: Path
    description: Description

    def __call__(self, pixels: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Detect objects.

        Args:
            pixels: Letterboxed images [B, H, W, C], BGR.

        Returns:
            Boxes x1, y1, x2, y2 in pixels of the input [B, A, 4], and scores from 0 to 1 [B, A, C].
        """
        takes_pixels = self.description.takes == "pixels"
        outputs = self.run(pixels if takes_pixels else prepare(pixels, self.description.processing))
        if self.description.gives == "pair":
            boxes, scores = outputs
            return boxes, scores
        return split_output(outputs[0])

    @abstractmethod
    def run(self, images: NDArray[Any]) -> list[Floats]:
        """Run the graph on its input, and return its outputs."""

    def check_outputs(self) -> None:
        """Refuse a file whose graph selects boxes itself.

        Raises:
            RuntimeChoiceError: It does.
        """
        if self.description.gives not in ("engine", "pair"):
            raise RuntimeChoiceError(
                f"{self.path}: this export selects boxes itself ({self.description.gives}), for programs that expect "
                "that; predict needs one with gives='pair' or 'engine'"
            )


def prepare(pixels: NDArray[np.uint8], spec: ProcessingSpec) -> Floats:
    """Turn letterboxed images [B, H, W, C] in BGR into a network's input [B, C, H, W]."""
    if spec.channels == "RGB" and pixels.shape[-1] == 3:
        pixels = pixels[..., ::-1]
    values = pixels.transpose(0, 3, 1, 2).astype(np.float32)
    if spec.divisor != 1:
        values /= np.float32(spec.divisor)
    if spec.mean is not None:
        values -= np.asarray(spec.mean, np.float32)[:, None, None]
    if spec.std is not None:
        values /= np.asarray(spec.std, np.float32)[:, None, None]
    return values


def split_output(output: Floats) -> tuple[Floats, Floats]:
    """Undo the engine's layout: [B, 4 + C, A] to boxes x1, y1, x2, y2 [B, A, 4] and scores [B, A, C]."""
    output = output.transpose(0, 2, 1)
    centre, extent, scores = output[..., :2], output[..., 2:4], output[..., 4:]
    return np.concatenate((centre - extent / 2, centre + extent / 2), axis=-1), scores
