"""Boxes for suppression to choose among."""

from __future__ import annotations

import torch
from torch import Tensor


def crowd(count: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes about a few places, so that many overlap by about the same; some scores are equal."""
    random = torch.Generator().manual_seed(seed)
    places = torch.rand(max(count // 10, 1), 2, generator=random) * 600
    centres = places[torch.randint(len(places), (count,), generator=random)] + torch.randn(count, 2, generator=random)
    halves = 20 + 10 * torch.rand(count, 2, generator=random)
    scores = torch.rand(count, generator=random).mul(100).round() / 100
    return torch.cat((centres - halves, centres + halves), dim=1), scores, torch.randint(5, (count,), generator=random)
