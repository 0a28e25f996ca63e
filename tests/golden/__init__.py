"""What super-gradients 3.7.1 computed and what other projects wrote, for machines that don't have them.

What was computed is written by ``python -m tests.reference.golden`` in the environment that
``tests/reference/make_env.sh`` makes; the inputs are formulas (``tests/support``: ``synthetic``, ``processing_cases``).
The skeletons of weight files, of which ``SKELETONS`` has the names, are written by ``make formats ARGS=--golden``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

FOLDER: Final = Path(__file__).parent

NETWORK_CASES: Final = [
    *[(size, shape) for size in "sml" for shape in ((320, 320), (416, 608))],
    ("s", (640, 640)),
]
"""Sizes, and heights and widths of their inputs."""

POSE_CASES: Final = [("n", (320, 320)), ("n", (416, 608)), ("s", (320, 320)), ("m", (320, 320)), ("l", (320, 320))]
"""The same of networks for poses, with 17 keypoints."""

ANCHORS: Final = 40
"""Anchor points of each case that are kept, spread over all strides."""

CONF: Final = 0.25
"""Lowest score of the boxes on BCCD."""

SKELETONS: Final = (
    *("module", "module_3_1", "ckpt_best", "average_model"),  # super-gradients, 3.7.1 and once 3.1.1
    *("safetensors", "lightning"),  # modern-yolonas
    *("libreyolo", "libreyolo_best"),
    *("pose_module", "pose_ckpt_best"),  # super-gradients 3.7.1, for poses
)
"""Weight files of size s, without the bytes of their tensors; see ``tests/formats/skeleton.py``."""


def network_case(size: str, shape: tuple[int, int]) -> str:
    return f"{size} {shape[0]}x{shape[1]}"


def sample(anchors: int) -> np.ndarray:
    """Return the indices of the anchor points that are kept."""
    return np.linspace(0, anchors - 1, ANCHORS).astype(int)


def load_arrays(name: str) -> dict[str, np.ndarray]:
    with np.load(FOLDER / f"{name}.npz") as file:
        return dict(file)


def load_json(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text())
