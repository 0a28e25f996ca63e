"""Files that other projects wrote with their own code are understood as these projects understand them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests import golden
from tests.formats import skeleton
from tests.formats.pictures import EDGES, INPUT, NAMES
from yolonas_plugin.cards import COCO_CLASSES
from yolonas_plugin.processing import COCO, POSE, ProcessingSpec
from yolonas_plugin.skeleton import COCO_PERSON, Skeleton
from yolonas_plugin.weights import read_checkpoint

SQUARE = ProcessingSpec(size=(INPUT, INPUT), resize=(INPUT, INPUT))
RECIPE = replace(SQUARE, padding="bottom_right", channels="BGR", divisor=1.0, conf=0.5, iou=0.65)

EXPECTED: dict[str, tuple[tuple[str, ...] | None, ProcessingSpec | None]] = {
    "module": (COCO_CLASSES, COCO),
    "module_3_1": (COCO_CLASSES, COCO),
    "ckpt_best": (NAMES, RECIPE),
    "average_model": (NAMES, RECIPE),
    "safetensors": (None, None),
    "lightning": (None, SQUARE),
    "libreyolo": (COCO_CLASSES, replace(COCO, iou=0.45, top_k=1000, multi_label=False)),
    "libreyolo_best": (NAMES, replace(SQUARE, iou=0.45, top_k=1000, multi_label=False)),
    "pose_module": (None, POSE),
    "pose_ckpt_best": (None, replace(POSE.with_size((INPUT, INPUT)), conf=0.05)),
}
"""Class names and processing by file."""

KEYPOINTS: dict[str, Skeleton] = {
    "pose_module": COCO_PERSON,
    "pose_ckpt_best": replace(
        Skeleton.unnamed(5),
        edges=EDGES,
        edge_colors=((0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255)),
        keypoint_colors=((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255)),
    ),
}
"""What the keypoints are, of those for poses."""


@pytest.mark.parametrize("name", golden.SKELETONS)
def test_tensors_names_and_processing_are_found(name: str, tmp_path: Path) -> None:
    """Each storage holds its own number, and the project told which one each tensor lies in."""
    arrays = golden.load_arrays(name)
    path = tmp_path / "weights"
    skeleton.rebuild(arrays["program"].tobytes(), path)
    found = read_checkpoint(path)
    assert (found.size, found.class_names, found.processing) == ("s", *EXPECTED[name])
    assert found.skeleton == KEYPOINTS.get(name)
    tensors = [found.state_dict[tensor].numpy() for tensor in sorted(found.state_dict)]
    assert [(tensor.min(), tensor.max()) for tensor in tensors] == [(key, key) for key in arrays["keys"]]
    assert len(np.unique(arrays["keys"])) == len(arrays["keys"])
    path.unlink()  # a quarter of a gigabyte
