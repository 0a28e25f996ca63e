"""super-gradients 3.7.1's networks for poses, as far as the comparisons need them."""

from __future__ import annotations

import torch
from super_gradients.training import models
from torch import Tensor, nn

from tests.support import synthetic


def new_network(size: str, num_keypoints: int = 17, in_channels: int = 3) -> nn.Module:
    """Return an unfused network as it is when training starts; what it calls classes are the keypoints."""
    return models.get(f"yolo_nas_pose_{size}", num_classes=num_keypoints, arch_params={"in_channels": in_channels})


def network(size: str, num_keypoints: int = 17, in_channels: int = 3) -> nn.Module:
    """Return an unfused network with the synthetic weights, in evaluation mode."""
    model = new_network(size, num_keypoints, in_channels)
    model.load_state_dict(synthetic.state_dict(model.state_dict(), synthetic.SMALL), strict=True)
    return model.eval()


def forward(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return boxes [B, A, 4], scores [B, A, 1], keypoints [B, A, K, 2] and their scores [B, A, K]."""
    with torch.no_grad():
        return model(images)[0]
