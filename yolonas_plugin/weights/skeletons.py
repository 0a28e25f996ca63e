"""The skeleton in what super-gradients records of a network for poses: edges and colours, but no names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from yolonas_plugin.errors import CheckpointError, SkeletonError
from yolonas_plugin.skeleton import COCO_PERSON, Skeleton
from yolonas_plugin.weights.values import UnknownValueError, describe, plain_value

_FIELDS: Final = {"edge_links": "edges", "edge_colors": "edge_colors", "keypoint_colors": "keypoint_colors"}


def parse_skeleton(params: Mapping[str, Any], path: Path) -> Skeleton | None:
    """Return the skeleton of ``processing_params``; None where they don't tell how many keypoints there are.

    Names, flip index and sigmas are COCO's where the edges are: super-gradients keeps none of them in its files.

    Raises:
        CheckpointError: Its parts can't be understood, or contradict each other.
    """
    found: dict[str, Any] = {}
    try:
        for name, ours in _FIELDS.items():
            value = plain_value(params.get(name))
            if value is not None:
                if not isinstance(value, (list, tuple)):
                    raise SkeletonError(f"{name} is {describe(value)}, not a list")
                found[ours] = tuple(tuple(row) if isinstance(row, (list, tuple)) else row for row in value)
        if not found.get("keypoint_colors"):
            return None
        unnamed = Skeleton.unnamed(len(found["keypoint_colors"]), coco=found.get("edges") == COCO_PERSON.edges)
        return replace(unnamed, **{"edges": (), "edge_colors": (), **found})
    except (SkeletonError, UnknownValueError) as error:
        raise CheckpointError(f"{path}: its skeleton can't be used: {error}") from error
