"""Whether a graph is what its file says of it, before the first image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from yolonas_plugin.errors import CheckpointError
from yolonas_plugin.export.description import INPUTS, Description
from yolonas_plugin.export.outputs import engine_rows, raw_sides

Shape: TypeAlias = "Sequence[int | None]"


_WORDS: Final = {
    "boxes": "numbers of a box",
    "scores": "classes",
    "keypoints": "keypoints",
    "keypoint_scores": "scores of keypoints",
}


class Port(NamedTuple):
    """An input or output: its shape, None for sides that are free, and whether it is of bytes or of float32."""

    shape: Shape
    kind: str


def sides(shape: Sequence[Any]) -> Shape:
    """Return a shape in which whatever isn't a whole number is free."""
    return [side if isinstance(side, int) else None for side in shape]


def check_graph(
    description: Description, metadata: Mapping[str, Any], inputs: Sequence[Port], outputs: Sequence[Port], path: Path
) -> None:
    """Make sure that a graph takes and gives what its description says.

    Raises:
        CheckpointError: It doesn't.
    """
    problems = [*_of_input(description, metadata, inputs), *_of_outputs(description, outputs)]
    if problems:
        raise CheckpointError(
            f"{path}: its graph isn't what its metadata describes: {'; '.join(problems)}; export the weights again"
        )


def _of_input(description: Description, metadata: Mapping[str, Any], inputs: Sequence[Port]) -> list[str]:
    if len(inputs) != 1:
        return [f"it has {len(inputs)} inputs"]
    (shape, kind), spec = inputs[0], description.processing
    wanted = INPUTS[description.takes]
    if len(shape) != 4 or kind != wanted.kind:
        return [f"it takes {kind} of the shape {_show(shape)}, not 4 sides of {wanted.kind}"]
    batch, *rest = shape
    height, width, channels = (*rest[1:], rest[0]) if wanted.planes else rest
    problems = []
    if channels not in (None, description.channels):
        problems.append(f"it takes {channels} channels, not {description.channels}")
    if any(side not in (None, said) for side, said in zip((height, width), spec.size, strict=True)):
        problems.append(f"it takes {height}x{width} pixels, not {spec.size[0]}x{spec.size[1]}")
    if batch is not None and metadata.get("batch") not in (None, str(batch)):
        problems.append(f"it takes {batch} images at a time, not {str(metadata['batch'])[:20]!a}")
    return problems


def _of_outputs(description: Description, outputs: Sequence[Port]) -> list[str]:
    one = description.gives == "engine"
    ranks = [3] if one else [2 + len(expected) for expected in raw_sides(description).values()]
    if [len(port.shape) for port in outputs] != ranks or any(port.kind != "float32" for port in outputs):
        found = ", ".join(f"{port.kind} {_show(port.shape)}" for port in outputs[:5])
        return [f"it gives {found or 'nothing'}, not what {description.gives!r} is for the task {description.task}"]
    if one:
        rows = outputs[0].shape[1]
        fits = rows in (None, engine_rows(description))
        return [] if fits else [f"it has {rows} rows, not {engine_rows(description)} for {_counts(description)}"]
    pairs = zip(raw_sides(description).items(), outputs, strict=True)
    return [
        f"it has {_product(port.shape[2:])} {_WORDS[name]}, not {_product(expected)}"
        for (name, expected), port in pairs
        if any(side not in (None, said) for side, said in zip(port.shape[2:], expected, strict=True))
    ]


def check_found(description: Description, found: Sequence[Any], images: int, path: Path) -> None:
    """Make sure that the outputs of a graph are what the file says, where the graph left their sides open.

    Args:
        description: What the file says.
        found: The outputs of the task, boxes [B, A, 4] and scores [B, A, C] first.
        images: How many went in.
        path: The file, for messages.

    Raises:
        CheckpointError: They aren't.
    """
    sides = raw_sides(description)
    places = found[0].shape[1] if found and found[0].ndim == 3 else None
    expected = [(images, places, *after) for after in sides.values()]
    if [output.shape for output in found] != expected:
        given = " and ".join(f"{name} {_show(output.shape)}" for name, output in zip(sides, found, strict=False))
        raise CheckpointError(
            f"{path}: its graph gave {given} for {images} images and {_counts(description)}; its metadata is "
            "another's: export the weights again"
        )


def _counts(description: Description) -> str:
    classes = f"{len(description.names)} classes"
    return f"{classes} and {description.num_keypoints} keypoints" if description.num_keypoints else classes


def _product(sides: Shape) -> str:
    return " x ".join("any" if side is None else str(side) for side in list(sides)[:6])


def _show(shape: Shape) -> str:
    return "[" + ", ".join("any" if side is None else str(side) for side in list(shape)[:6]) + "]"
