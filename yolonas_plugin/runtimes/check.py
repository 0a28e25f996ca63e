"""Whether a graph is what its file says of it, before the first image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from yolonas_plugin.errors import CheckpointError
from yolonas_plugin.export.description import Description, Gives

Shape: TypeAlias = "Sequence[int | None]"

_RANKS: Final[Mapping[Gives, tuple[int, ...]]] = {"engine": (3,), "pair": (3, 3)}


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
    wanted = "uint8" if description.takes == "pixels" else "float32"
    if len(shape) != 4 or kind != wanted:
        return [f"it takes {kind} of the shape {_show(shape)}, not 4 sides of {wanted}"]
    batch, *rest = shape
    height, width, channels = rest if description.takes == "pixels" else (*rest[1:], rest[0])
    problems = []
    if channels not in (None, description.channels):
        problems.append(f"it takes {channels} channels, not {description.channels}")
    if any(side not in (None, said) for side, said in zip((height, width), spec.size, strict=True)):
        problems.append(f"it takes {height}x{width} pixels, not {spec.size[0]}x{spec.size[1]}")
    if batch is not None and metadata.get("batch") not in (None, str(batch)):
        problems.append(f"it takes {batch} images at a time, not {str(metadata['batch'])[:20]!a}")
    return problems


def _of_outputs(description: Description, outputs: Sequence[Port]) -> list[str]:
    ranks = _RANKS[description.gives]
    if tuple(len(port.shape) for port in outputs) != ranks or any(port.kind != "float32" for port in outputs):
        found = ", ".join(f"{port.kind} {_show(port.shape)}" for port in outputs[:5])
        return [f"it gives {found or 'nothing'}, not what {description.gives!r} is"]
    classes = len(description.names)
    if description.gives == "engine":
        rows = outputs[0].shape[1]
        return [f"it has {rows - 4} classes, not {classes}"] if rows not in (None, 4 + classes) else []
    boxes, scores = (port.shape[2] for port in outputs)
    problems = [f"its boxes have {boxes} numbers"] if boxes not in (None, 4) else []
    return problems + ([f"it has {scores} classes, not {classes}"] if scores not in (None, classes) else [])


def check_found(description: Description, boxes: Any, scores: Any, images: int, path: Path) -> None:
    """Make sure that boxes [B, A, 4] and scores [B, A, C] are what the file says, where the graph left its sides open.

    Raises:
        CheckpointError: They aren't.
    """
    expected = (images, boxes.shape[1] if boxes.ndim == 3 else None)
    if boxes.shape != (*expected, 4) or scores.shape != (*expected, len(description.names)):
        raise CheckpointError(
            f"{path}: its graph gave boxes {_show(boxes.shape)} and scores {_show(scores.shape)} for {images} images "
            f"and {len(description.names)} classes; its metadata is another's: export the weights again"
        )


def _show(shape: Shape) -> str:
    return "[" + ", ".join("any" if side is None else str(side) for side in list(shape)[:6]) + "]"
