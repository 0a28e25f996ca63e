"""What all runtimes that open a file have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yolonas_plugin.errors import RuntimeChoiceError
from yolonas_plugin.export.description import INPUTS, RAW, Description
from yolonas_plugin.runtimes.check import check_found

Floats: TypeAlias = NDArray[np.float32]

Answer: TypeAlias = Callable[[], tuple[Floats, ...]]
"""Waits for the outputs of images that were started."""

SIDE_BY_SIDE: Final = 4
"""Images of a folder that are given to a runtime at a time, where it may work on several at once."""

NO_BF16: Final = (
    "precision='bf16': this CPU computes in fp32 only (it has neither AVX512-BF16 nor AMX), where bf16 would be slower "
    "and less exact; take fp32 or int8"
)

NO_FP16: Final = (
    "precision='fp16': float16 is for GPUs, and torch sees none here, where it would be slower and less exact; take "
    "fp32, bf16 or int8"
)


class GraphRuntime(ABC):
    """A network in an exported file, opened by an inference engine. Threads may share it.

    Attributes:
        name: Of the engine.
        path: The file.
        description: What the file says about itself.
        precision: ``"fp32"``, ``"fp16"``, ``"bf16"`` or ``"int8"``, which it computes in.
        fixed: Images at a time, height and width that the graph takes, each None where any will do.
        ahead: Images that :meth:`start` may be given before the first is asked for, so that all cores are at work; 0 if
            it begins nothing by itself.
    """

    name: str
    path: Path
    description: Description
    precision: str
    fixed: tuple[int | None, int | None, int | None]
    ahead: int = 0

    def __call__(self, pixels: NDArray[np.uint8]) -> tuple[Floats, ...]:
        """Detect objects.

        Args:
            pixels: Letterboxed images [B, H, W, C], BGR.

        Returns:
            The outputs of the task, see :class:`~yolonas_plugin.tasks.Task`: boxes x1, y1, x2, y2 in pixels of the
            input [B, A, 4], scores from 0 to 1 [B, A, C], and what else there is.

        Raises:
            RuntimeChoiceError: The graph is for another size.
        """
        self.check_size(pixels)
        batch = self.fixed[0]
        if batch in (None, len(pixels)):
            return self._detect(pixels)
        return joined([self._detect(part) for part in parts_of(pixels, batch)], len(pixels))

    def start(self, pixels: NDArray[np.uint8]) -> Answer:
        """Begin to detect objects, where a runtime can; what is returned waits for the outputs, once.

        Arguments, outputs and errors are those of a call; errors may come at either end.
        """
        return partial(self, pixels)

    def check_size(self, pixels: NDArray[np.uint8]) -> None:
        """See that the graph takes images [B, H, W, C] of this size.

        Raises:
            RuntimeChoiceError: It is for another.
        """
        sides = self.fixed[1:]
        if any(side not in (None, given) for side, given in zip(sides, pixels.shape[1:3], strict=True)):
            raise RuntimeChoiceError(
                f"{self.path}: this export takes {sides[0]}x{sides[1]} pixels, height x width, not "
                f"{pixels.shape[1]}x{pixels.shape[2]}; export it for that imgsz, or with dynamic=True"
            )

    def _detect(self, pixels: NDArray[np.uint8]) -> tuple[Floats, ...]:
        return self.outputs_of(self.run(self.input_of(pixels)), len(pixels))

    def outputs_of(self, found: list[Floats], images: int) -> tuple[Floats, ...]:
        """Turn what the graph gave for so many images into the outputs of the task."""
        found = found if self.description.gives == "pair" else split_output(found[0], self.description)
        check_found(self.description, found, images, self.path)
        return tuple(found)

    def input_of(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Turn letterboxed images [B, H, W, C] in BGR into what the graph takes."""
        source = INPUTS[self.description.takes]
        if not source.planes:
            return pixels
        planes: NDArray[Any] = pixels.transpose(0, 3, 1, 2)
        if source.order is None:
            return self.description.processing.normalise(planes, order="BGR")
        reverse = source.order == "RGB" and self.description.channels == 3
        return np.ascontiguousarray(planes[:, ::-1] if reverse else planes)

    @abstractmethod
    def run(self, images: NDArray[Any]) -> list[Floats]:
        """Run the graph on its input, and return its outputs."""

    def set_input(self, shape: Sequence[Any]) -> None:
        """Note what the graph's input says, where whatever isn't a whole number is free."""
        batch, *rest = (side if isinstance(side, int) else None for side in shape)
        height, width = rest[1:] if INPUTS[self.description.takes].planes else rest[:2]
        self.fixed = batch, height, width

    def check_outputs(self) -> None:
        """Refuse a file whose graph selects boxes itself.

        Raises:
            RuntimeChoiceError: It does.
        """
        if self.description.gives not in RAW:
            raise RuntimeChoiceError(
                f"{self.path}: this export selects boxes itself ({self.description.gives}), for programs that expect "
                "that; predict needs one with gives='pair' or 'engine'"
            )


def one_line(error: Exception) -> str:
    """Return the end of what an inference engine says, which may quote the file, as one line that can be shown."""
    text = " ".join(str(error).split())[-300:]
    return text if text.isprintable() else ascii(text)


def precision_of(path: Path, asked: str | None, *, quantised: bool, name: str, exact: Sequence[str] = ("fp32",)) -> str:
    """Return what a file computes in, if that is what was asked for.

    Args:
        path: The file, for messages.
        asked: The precision that is wanted; None is what the file is for.
        quantised: Whether the file was quantised.
        name: Of the runtime, for messages.
        exact: What the runtime computes in where the file wasn't quantised.

    Raises:
        RuntimeChoiceError: The file isn't for that.
    """
    if asked is None:
        return "int8" if quantised else "fp32"
    if quantised and asked != "int8":
        raise RuntimeChoiceError(f"{path}: this file was quantised to int8; it can't run in precision={asked!r}")
    if not quantised and asked not in exact:
        raise RuntimeChoiceError(
            f"{path}: runtime={name!r} runs this exported file in {' or '.join(exact)}, not precision={asked!r}; int8 "
            "is made from the weights"
        )
    return asked


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


def parts_of(pixels: NDArray[np.uint8], batch: int) -> list[NDArray[np.uint8]]:
    """Return ``batch`` images at a time; in the last part the last image is repeated until there are as many."""
    missing = -len(pixels) % batch
    filled = np.concatenate((pixels, np.repeat(pixels[-1:], missing, axis=0))) if missing else pixels
    return [filled[start : start + batch] for start in range(0, len(filled), batch)]


def joined(found: Sequence[tuple[Floats, ...]], images: int) -> tuple[Floats, ...]:
    """Return the outputs of all parts as those of one, for the first ``images`` images."""
    if len(found) == 1 and len(found[0][0]) == images:
        return found[0]
    return tuple(np.concatenate(parts)[:images] for parts in zip(*found, strict=True))


def split_output(output: Floats, description: Description) -> list[Floats]:
    """Undo the engine's layout [B, 4 + C + 3K, A] of a graph.

    Returns:
        The outputs of its task: boxes x1, y1, x2, y2 [B, A, 4], scores [B, A, C], and with keypoints x, y [B, A, K, 2]
        and their scores [B, A, K].
    """
    output = output.transpose(0, 2, 1)
    centre, extent = output[..., :2], output[..., 2:4]
    boxes: Floats = np.concatenate((centre - extent / 2, centre + extent / 2), axis=-1)
    keypoints = description.num_keypoints
    if not keypoints or output.shape[-1] < 3 * keypoints:
        return [boxes, output[..., 4:]]
    points = output[..., -3 * keypoints :].reshape(*output.shape[:2], keypoints, 3)
    return [boxes, output[..., 4 : -3 * keypoints], points[..., :2], points[..., 2]]


def images_at_a_time(batch: int | None, rect: bool, ahead: int) -> int:
    """Return how many images are worked on together.

    Args:
        batch: What is asked for.
        rect: Whether each image has a size of its own.
        ahead: Of the runtime; one that works on images which come one by one needs no more.
    """
    return batch or (1 if rect or ahead else SIDE_BY_SIDE)
