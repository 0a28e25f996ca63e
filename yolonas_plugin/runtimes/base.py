"""What all runtimes that open a file have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yolonas_plugin.errors import RuntimeChoiceError
from yolonas_plugin.export.description import Description
from yolonas_plugin.runtimes.check import check_found

Floats: TypeAlias = NDArray[np.float32]

SIDE_BY_SIDE: Final = 4
"""Images of a folder that are given to a runtime at a time, where it may work on several at once."""

NO_BF16: Final = (
    "precision='bf16': this CPU computes in fp32 only (it has neither AVX512-BF16 nor AMX), where bf16 would be slower "
    "and less exact; take fp32 or int8"
)


class GraphRuntime(ABC):
    """A network in an exported file, opened by an inference engine. Threads may share it.

    Attributes:
        name: Of the engine.
        path: The file.
        description: What the file says about itself.
        precision: ``"fp32"``, ``"bf16"`` or ``"int8"``, which it computes in.
        fixed: Images at a time, height and width that the graph takes, each None where any will do.
    """

    name: str
    path: Path
    description: Description
    precision: str
    fixed: tuple[int | None, int | None, int | None]

    def __call__(self, pixels: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Detect objects.

        Args:
            pixels: Letterboxed images [B, H, W, C], BGR.

        Returns:
            Boxes x1, y1, x2, y2 in pixels of the input [B, A, 4], and scores from 0 to 1 [B, A, C].

        Raises:
            RuntimeChoiceError: The graph is for another size.
        """
        batch, *sides = self.fixed
        if any(side not in (None, given) for side, given in zip(sides, pixels.shape[1:3], strict=True)):
            raise RuntimeChoiceError(
                f"{self.path}: this export takes {sides[0]}x{sides[1]} pixels, height x width, not "
                f"{pixels.shape[1]}x{pixels.shape[2]}; export it for that imgsz, or with dynamic=True"
            )
        if batch in (None, len(pixels)):
            return self._detect(pixels)
        found = [self._detect(_fill(pixels[start : start + batch], batch)) for start in range(0, len(pixels), batch)]
        boxes, scores = (np.concatenate(parts)[: len(pixels)] for parts in zip(*found, strict=True))
        return boxes, scores

    def _detect(self, pixels: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        takes_pixels = self.description.takes == "pixels"
        outputs = self.run(pixels if takes_pixels else self._prepared(pixels))
        boxes, scores = outputs if self.description.gives == "pair" else split_output(outputs[0])
        check_found(self.description, boxes, scores, len(pixels), self.path)
        return boxes, scores

    def _prepared(self, pixels: NDArray[np.uint8]) -> Floats:
        """Turn letterboxed images [B, H, W, C] in BGR into the network's input [B, C, H, W]."""
        planes: NDArray[Any] = pixels.transpose(0, 3, 1, 2)
        return self.description.processing.normalise(planes, order="BGR")

    @abstractmethod
    def run(self, images: NDArray[Any]) -> list[Floats]:
        """Run the graph on its input, and return its outputs."""

    def set_input(self, shape: Sequence[Any]) -> None:
        """Note what the graph's input says, where whatever isn't a whole number is free."""
        batch, *rest = (side if isinstance(side, int) else None for side in shape)
        height, width = rest[:2] if self.description.takes == "pixels" else rest[1:]
        self.fixed = batch, height, width

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


def one_line(error: Exception) -> str:
    """Return the end of what an inference engine says, which may quote the file, as one line that can be shown."""
    text = " ".join(str(error).split())[-300:]
    return text if text.isprintable() else ascii(text)


def check_threads(threads: int) -> int:
    """Return a number of threads if it is one.

    Raises:
        RuntimeChoiceError: It isn't a whole number from 1 on.
    """
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise RuntimeChoiceError(
            f"threads={threads!r}: of a prediction there are 1 or more; leave it out for all cores"
        )
    return threads


def _fill(pixels: NDArray[np.uint8], batch: int) -> NDArray[np.uint8]:
    """Repeat the last image until there are ``batch``."""
    missing = batch - len(pixels)
    return np.concatenate((pixels, np.repeat(pixels[-1:], missing, axis=0))) if missing else pixels


def split_output(output: Floats) -> tuple[Floats, Floats]:
    """Undo the engine's layout: [B, 4 + C, A] to boxes x1, y1, x2, y2 [B, A, 4] and scores [B, A, C]."""
    output = output.transpose(0, 2, 1)
    centre, extent, scores = output[..., :2], output[..., 2:4], output[..., 4:]
    return np.concatenate((centre - extent / 2, centre + extent / 2), axis=-1), scores


def images_at_a_time(batch: int | None, rect: bool) -> int:
    """Return how many images a runtime is given at a time: what is asked for, else one where each has its own size."""
    return batch or (1 if rect else SIDE_BY_SIDE)
