"""Images, boxes and settings on which our processing is compared with super-gradients', made from formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from yolonas_plugin.processing import COCO, SUPER_GRADIENTS, ProcessingSpec

SPECS: Final = {"coco": COCO, "super-gradients": SUPER_GRADIENTS}

SHAPES: Final = [
    *[(1, 1), (2, 3), (3, 2), (7, 13), (17, 31), (31, 33), (64, 64), (97, 101)],  # tiny, odd and prime
    *[(1, 300), (300, 1), (13, 1021), (1021, 13), (3, 900)],  # stripes
    *[(239, 241), (240, 320), (333, 500), (427, 640), (480, 640), (640, 480), (500, 353)],  # as photographs are
    *[(635, 637), (636, 636), (636, 640), (637, 641), (640, 640), (641, 479)],  # about the input's own size
    *[(719, 1279), (1080, 1920), (1999, 1501), (3000, 4000)],  # scaled down
]
"""Heights and widths; no side vanishes when the longest becomes 636."""


def name(shape: tuple[int, int]) -> str:
    return f"{shape[0]}x{shape[1]}"


def image(shape: tuple[int, int]) -> np.ndarray:
    """Return noise, RGB [H, W, 3]."""
    return np.random.RandomState(shape[0] * 10_007 + shape[1]).randint(0, 256, (*shape, 3)).astype(np.uint8)


def network_input(spec: ProcessingSpec, pixels: np.ndarray) -> np.ndarray:
    """Return what the network gets for a letterboxed image [H, W, 3], as [3, H, W]."""
    return spec.normalise(torch.from_numpy(pixels).permute(2, 0, 1)[None])[0].numpy()


def boxes(count: int, seed: int = 0, extent: float = 640) -> np.ndarray:
    """Return boxes x1, y1, x2, y2 [N, 4] with a few clusters, some reaching beyond the image."""
    rng = np.random.RandomState(seed)
    centres = rng.uniform(0, extent, (max(count // 8, 1), 2))[rng.randint(0, max(count // 8, 1), count)]
    centres += rng.normal(0, extent / 60, (count, 2))
    sides = rng.uniform(extent / 20, extent / 4, (count, 2))
    return np.hstack((centres - sides / 2, centres + sides / 2)).astype(np.float32)


def params(steps: list[Any]) -> dict[str, Any]:
    """Return ``processing_params`` of a checkpoint of three classes."""
    processor = {"ComposeProcessing": {"processings": steps}}
    return {"class_names": ["a", "b", "c"], "image_processor": processor, "iou": 0.65, "conf": 0.5}


_SHAPE = {"output_shape": (320, 416)}
_RESCALE = {"DetectionLongestMaxSizeRescale": _SHAPE}
_BOTTOM_RIGHT = {"DetectionBottomRightPadding": {**_SHAPE, "pad_value": 114}}
_CENTER = {"DetectionCenterPadding": {**_SHAPE, "pad_value": 114}}
_STANDARDIZE = {"StandardizeImage": {"max_value": 255.0}}
_NORMALIZE = {"NormalizeImage": {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}}
_UNIT_NORMALIZE = {"NormalizeImage": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}}
_PERMUTE = {"ImagePermute": {"permutation": (2, 0, 1)}}

SUPPORTED_STEPS: Final[dict[str, list[Any]]] = {
    "bottom right": ["ReverseImageChannels", _RESCALE, _RESCALE, _BOTTOM_RIGHT, _PERMUTE],
    "centre": [_RESCALE, _CENTER, _STANDARDIZE, _PERMUTE],
    "margin": [
        {"DetectionLongestMaxSizeRescale": {"output_shape": [316, 412]}},
        {"DetectionCenterPadding": {"output_shape": [320, 416], "pad_value": [77, 77, 77]}},
        "StandardizeImage",
        "ImagePermute",
    ],
    "stretched": ["ReverseImageChannels", {"DetectionRescale": _SHAPE}, _NORMALIZE, _PERMUTE],
    "stretched twice": [{"DetectionRescale": _SHAPE}, {"DetectionRescale": _SHAPE}, _PERMUTE],
    "reversed last": [_RESCALE, _BOTTOM_RIGHT, _STANDARDIZE, {"ReverseImageChannels": {}}, _PERMUTE],
    "reversed twice": ["ReverseImageChannels", _RESCALE, "ReverseImageChannels", _BOTTOM_RIGHT, _PERMUTE],
    "divided by another": [_RESCALE, _BOTTOM_RIGHT, {"StandardizeImage": {"max_value": 127.5}}, _PERMUTE],
    "divided twice": [_RESCALE, _BOTTOM_RIGHT, _STANDARDIZE, {"StandardizeImage": {"max_value": 0.5}}, _PERMUTE],
    "divided, then normalised": [_RESCALE, _CENTER, _STANDARDIZE, _UNIT_NORMALIZE, _PERMUTE],
    "divided after the axes are moved": ["ReverseImageChannels", _RESCALE, _BOTTOM_RIGHT, _PERMUTE, _STANDARDIZE],
    "padded twice": [_RESCALE, _CENTER, _BOTTOM_RIGHT, _PERMUTE],
    "padded to a multiple": [
        {"DetectionRescale": {"output_shape": (300, 416)}},
        {"DetectionAutoPadding": {"shape_multiple": (32, 32), "pad_value": 114}},
        _PERMUTE,
    ],
    "padded to a multiple already": [
        _RESCALE,
        _CENTER,
        {"DetectionAutoPadding": {"shape_multiple": (32, 32), "pad_value": 0}},
        _STANDARDIZE,
        _PERMUTE,
    ],
    "nested": [{"ComposeProcessing": {"processings": [_RESCALE, _CENTER]}}, _STANDARDIZE, _PERMUTE],
}
"""Image processors of checkpoints, all of which super-gradients can run."""


def _candidates(anchors: int, classes: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return clustered boxes, and scores of which most are low, as a network's are; no two are equal."""
    rng = np.random.RandomState(seed)
    scores = rng.permutation(anchors * classes).reshape(anchors, classes) / (anchors * classes)
    return torch.from_numpy(boxes(anchors, seed)), torch.from_numpy((scores**4).astype(np.float32))


def _tied(step: int) -> tuple[Tensor, Tensor]:
    found, scores = _candidates(400, 3, seed=11)
    return found, (scores * step).round() / step


def _twins() -> tuple[Tensor, Tensor]:
    """Every box twice, with the same scores."""
    found, scores = _candidates(60, 4, seed=12)
    return found.repeat(2, 1), scores.repeat(2, 1)


def _half() -> tuple[Tensor, Tensor]:
    found, scores = _candidates(500, 5, seed=13)
    return found.half(), scores.half()


_FAR: Final = {"conf": 0.25, "iou": 0.7}
_SELECTIONS: Final[dict[str, tuple[Callable[[], tuple[Tensor, Tensor]], dict[str, Any]]]] = {
    "as by default": (lambda: _candidates(2100, 80, 1), {"conf": 0.9, "iou": 0.7}),
    "one class": (lambda: _candidates(2100, 1, 2), _FAR),
    "three classes": (lambda: _candidates(2100, 3, 3), {"conf": 0.5, "iou": 0.65}),
    "more candidates than top-k": (lambda: _candidates(2100, 80, 4), {"conf": 0.01, "iou": 0.7, "top_k": 1000}),
    "top-k of one": (lambda: _candidates(300, 3, 5), {"conf": 0.01, "iou": 0.7, "top_k": 1}),
    "more boxes than the maximum": (lambda: _candidates(2100, 20, 6), {"conf": 0.1, "iou": 0.9, "max_detections": 30}),
    "single label": (lambda: _candidates(900, 20, 7), {"conf": 0.3, "iou": 0.6, "multi_label": False}),
    "class-agnostic": (lambda: _candidates(900, 20, 8), {"conf": 0.3, "iou": 0.6, "class_agnostic": True}),
    "single label, class-agnostic": (
        lambda: _candidates(900, 20, 9),
        {"conf": 0.3, "iou": 0.6, "multi_label": False, "class_agnostic": True},
    ),
    "none above conf": (lambda: _candidates(900, 20, 10), {"conf": 1.0, "iou": 0.6}),
    "none above conf, single label": (lambda: _candidates(99, 2, 10), {"conf": 1.0, "iou": 0.6, "multi_label": False}),
    "all above conf": (lambda: _candidates(90, 2, 10), {"conf": 0.0, "iou": 0.6}),
    "no anchors": (lambda: (torch.zeros(0, 4), torch.zeros(0, 3)), _FAR),
    "scores at conf": (lambda: _tied(4), {"conf": 0.25, "iou": 0.6}),
    "scores at conf, single label": (lambda: _tied(4), {"conf": 0.25, "iou": 0.6, "multi_label": False}),
    "tied scores": (lambda: _tied(16), {"conf": 0.2, "iou": 0.6}),
    "tied scores at top-k": (lambda: _tied(16), {"conf": 0.0, "iou": 0.6, "top_k": 50}),
    "twins": (_twins, {"conf": 0.1, "iou": 0.6}),
    "overlap of exactly iou": (
        lambda: (torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5]]), torch.tensor([[0.9], [0.8]])),
        {"conf": 0.1, "iou": 0.5},
    ),
    "boxes of no area": (lambda: (torch.full((9, 4), 3.0), torch.linspace(0.1, 0.9, 9)[:, None]), _FAR),
    "suppress nothing": (lambda: _candidates(200, 3, 14), {"conf": 0.1, "iou": 1.0}),
    "suppress everything that touches": (lambda: _candidates(200, 3, 15), {"conf": 0.1, "iou": 0.0}),
    "half precision": (_half, _FAR),
    "half precision, tied at top-k": (_half, {"conf": 0.01, "iou": 0.7, "top_k": 200}),
}
SELECTIONS: Final = tuple(_SELECTIONS)


def selection(case: str) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Return boxes [A, 4], scores [A, C] and the settings of ``select_boxes``."""
    make, settings = _SELECTIONS[case]
    return *make(), settings


def random_selection(seed: int) -> tuple[Tensor, Tensor, dict[str, Any]]:
    rng = np.random.RandomState(seed)
    classes = int(rng.choice([1, 2, 7, 80]))
    found, scores = _candidates(int(rng.randint(1, 1500)), classes, seed)
    settings = {
        "conf": float(rng.choice([0.001, 0.01, 0.25, 0.5, 0.9])),
        "iou": float(rng.uniform(0.3, 0.9)),
        "top_k": int(rng.choice([10, 300, 1024])),
        "max_detections": int(rng.choice([1, 20, 300])),
        "multi_label": bool(rng.randint(2)),
        "class_agnostic": bool(rng.randint(2)),
    }
    return found, scores, settings
