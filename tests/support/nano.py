"""A small model with three classes, as a training checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from tests.support import synthetic
from tests.support.shapes import NAMES

SIZE = 160


def processing_params(
    size: int = SIZE, names: Sequence[str] = NAMES, conf: float = 0.7, iou: float = 0.6
) -> dict[str, Any]:
    """What super-gradients writes for its YOLO-format recipe, one step in it twice."""
    return {
        "class_names": list(names),
        "image_processor": {
            "ComposeProcessing": {
                "processings": [
                    "ReverseImageChannels",
                    {"DetectionLongestMaxSizeRescale": {"output_shape": (size, size)}},
                    {"DetectionLongestMaxSizeRescale": {"output_shape": (size, size)}},
                    {"DetectionBottomRightPadding": {"output_shape": (size, size), "pad_value": 114}},
                    {"ImagePermute": {"permutation": (2, 0, 1)}},
                ]
            }
        },
        "iou": iou,
        "conf": conf,
    }


def write_nano(path: Path) -> None:
    """Write a training checkpoint of size n with three classes, laid out as super-gradients lays it out."""
    network = synthetic.network("n", num_classes=len(NAMES))
    with torch.no_grad():  # pixels 0 to 255, where the synthetic weights expect 0 to 1
        for name in ("branch_3x3.conv.weight", "branch_1x1.weight"):
            network.get_parameter(f"backbone.stem.conv.{name}").div_(255)
        for head in (network.heads.head1, network.heads.head2, network.heads.head3):  # small boxes, mostly inside
            head.reg_pred.bias.view(4, -1).sub_(torch.arange(17))
    torch.save({"ema_net": network.state_dict(), "processing_params": processing_params()}, path)
