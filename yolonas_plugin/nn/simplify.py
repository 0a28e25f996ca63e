"""A fused network in the operations that oneDNN's graph takes in: convolutions, ReLUs and sums."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from yolonas_plugin.nn.blocks import Bottleneck, Conv, CSPLayer, QARepVGGBlock, set_weights
from yolonas_plugin.nn.neck import UpStage

LEAST_ALPHA: Final = 0.01
"""Of a bottleneck, that scales are divided by; trained ones are about 1."""


class Shortcut(nn.Module):
    """A :class:`~yolonas_plugin.nn.blocks.Bottleneck` whose ``alpha`` is 1, and so part of its last convolution.

    Args:
        block: Whose blocks it takes over.
    """

    def __init__(self, block: Bottleneck) -> None:
        super().__init__()
        self.cv1, self.cv2 = block.cv1, block.cv2

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape [B, C, H, W]."""
        return self.cv2(self.cv1(x)) + x


class Upsample(nn.Module):
    """A transposed convolution of 2x2 and stride 2 as one of 1x1, whose four outputs for a pixel are laid side by side.

    oneDNN's graph leaves transposed ones out, and torch reorders their weights at every call.

    Args:
        conv: Whose weights it takes over.
    """

    def __init__(self, conv: nn.ConvTranspose2d) -> None:
        super().__init__()
        assert conv.bias is not None
        self.channels = conv.out_channels
        # [C_in, C_out, row, column] as [(row, column, C_out), C_in]; of a channels-last kernel that is still a view
        weight = conv.weight.detach().permute(2, 3, 1, 0).reshape(-1, conv.in_channels, 1, 1)
        self.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last), requires_grad=False)
        self.bias = nn.Parameter(conv.bias.detach().repeat(4), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, C, H, W] to [B, C_out, 2H, 2W]."""
        batch, _, height, width = x.shape
        pixels = functional.conv2d(x, self.weight, self.bias).permute(0, 2, 3, 1)
        pixels = pixels.reshape(batch, height, width, 2, 2, self.channels)
        rows = pixels.transpose(2, 3).reshape(batch, 2 * height, 2 * width, self.channels)
        return rows.permute(0, 3, 1, 2)


def simplify(network: nn.Module) -> None:
    """Put what oneDNN can fuse in the place of what it can't, in a fused network in float32; in place."""
    for module in list(network.modules()):
        if isinstance(module, CSPLayer):
            _fold_alphas(module)
        elif isinstance(module, UpStage):
            module.add_module("upsample", Upsample(module.upsample))


def _fold_alphas(layer: CSPLayer) -> None:
    """Scale what is between a layer's bottlenecks so that each ``alpha`` is 1, which ReLU allows.

    Each bottleneck gives ``alpha * x + f(x)``. Scaled by s in and s / alpha out, that is ``x + s / alpha * f(x / s)``.
    """
    blocks: list[Any] = list(layer.bottlenecks)
    if not all(float(block.alpha) >= LEAST_ALPHA for block in blocks):
        return
    scales = [1.0]
    for block in blocks:
        first, last, scale = _conv(block.cv1), _conv(block.cv2), scales[-1] / float(block.alpha)
        set_weights(first, first.weight / scales[-1], first.bias)
        set_weights(last, last.weight * scale, last.bias * scale)
        scales.append(scale)
    conv3 = _conv(layer.conv3)
    joined = [*(scales if layer.concat_all else scales[-1:]), 1.0]
    each = torch.tensor(joined, dtype=conv3.weight.dtype).repeat_interleave(layer.conv2.conv.out_channels)
    set_weights(conv3, conv3.weight / each[:, None, None], conv3.bias)
    layer.bottlenecks = nn.Sequential(*map(Shortcut, blocks))


def _conv(block: Conv | QARepVGGBlock) -> Any:
    return block.conv if isinstance(block, Conv) else block.rbr_reparam
