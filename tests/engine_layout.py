"""The engine's layout of predictions, taken apart."""

from __future__ import annotations

import torch
from torch import Tensor


def split_output(output: Tensor) -> tuple[Tensor, Tensor]:
    """Turn [B, 4 + C, A] into boxes x1, y1, x2, y2 [B, A, 4] and scores [B, A, C]."""
    output = output.transpose(1, 2)
    centre, extent, scores = output.split((2, 2, output.shape[-1] - 4), dim=-1)
    return torch.cat((centre - extent / 2, centre + extent / 2), dim=-1), scores
