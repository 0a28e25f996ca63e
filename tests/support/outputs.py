"""What a network gives, and how near two networks' answers are."""

from __future__ import annotations

import torch
from torch import Tensor, nn

UNFUSED = {"pixels": 1e-3, "score": 1e-5}
FUSED = {"pixels": 0.05, "score": 1e-4}


def forward(model: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    with torch.no_grad():
        return model(images)


def assert_near(found: tuple[Tensor, ...], expected: tuple[Tensor, ...], bounds: dict[str, float]) -> None:
    """Compare places, in pixels, and scores, which alternate in what a network gives."""
    differences = [float((ours - theirs).abs().max()) for ours, theirs in zip(found, expected, strict=True)]
    pixels, score = max(differences[::2]), max(differences[1::2])
    print(f"{list(found[1].shape)}: {pixels:.1e} px, {score:.1e}")
    assert [tensor.shape for tensor in found] == [tensor.shape for tensor in expected]
    assert pixels <= bounds["pixels"]
    assert score <= bounds["score"]
