"""Weights and pixels made from formulas: the same on every version of Python, numpy and torch, and stored nowhere.

numpy guarantees the stream of ``RandomState`` for ever; every tensor has its own, seeded by the CRC of its name.
"""

from __future__ import annotations

import copy
import functools
import zlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from yolonas_plugin.nn import CONFIGS, POSE_CONFIGS, Size, YoloNAS, YoloNASConfig

SMALL = 0.01
"""What the networks for poses multiply before most of their BatchNorms: of the variances, an epsilon of 1e-6 is 1 %."""


def network(size: Size, num_classes: int = 80, in_channels: int = 3) -> YoloNAS:
    """Return an unfused network with synthetic weights, in evaluation mode."""
    return copy.deepcopy(_network(CONFIGS[size], num_classes, in_channels, 0, 1.0))


def pose_network(size: Size, num_keypoints: int = 17, in_channels: int = 3) -> YoloNAS:
    """Return an unfused network for poses with synthetic weights of small variances, in evaluation mode."""
    return copy.deepcopy(_network(POSE_CONFIGS[size], 1, in_channels, num_keypoints, SMALL))


@functools.lru_cache(maxsize=2)  # drawing the numbers takes five times as long as copying them
def _network(config: YoloNASConfig, num_classes: int, in_channels: int, num_keypoints: int, scale: float) -> YoloNAS:
    with torch.device("meta"):
        model = YoloNAS(config, num_classes, in_channels, num_keypoints=num_keypoints)
    model.load_state_dict(state_dict(model.state_dict(), scale), assign=True)
    return model.eval()


def state_dict(template: Mapping[str, Tensor], scale: float = 1.0) -> dict[str, Tensor]:
    """Return a tensor for each name and shape in ``template``.

    What a BatchNorm right after a convolution takes is ``scale`` times as large, and but for its epsilon what it gives
    is the same.

    Nothing is at its default, so a statistic that is read from the wrong place shows; yet every layer's output keeps a
    spread of about 1, scores spread over 0 to 1 and distances over several strides, so rounding stays rounding.
    """
    found = {name: torch.from_numpy(_values(name, tuple(tensor.shape))) for name, tensor in template.items()}
    if scale != 1:
        for name in (name for name in template if name.endswith(".bn.running_var")):
            layer = name.removesuffix(".bn.running_var")
            for part, power in (("conv.weight", 1), ("bn.running_mean", 1), ("bn.running_var", 2)):
                found[f"{layer}.{part}"] *= scale**power
    return found


def batch(height: int, width: int, images: int = 1, channels: int = 3) -> Tensor:
    """Return images [B, C, H, W] from 0 to 1: patches of many sizes, so that places differ at every stride."""
    rng = np.random.RandomState(height * 10_007 + width)
    pixels = np.zeros((images, channels, height, width))
    for cell in (4, 16, 32, 96):
        patches = rng.uniform(size=(images, channels, -(-height // cell), -(-width // cell)))
        pixels += patches.repeat(cell, axis=2).repeat(cell, axis=3)[:, :, :height, :width]
    return torch.from_numpy((pixels / 4).astype(np.float32))


def _values(name: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.RandomState(zlib.crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        return np.array(rng.randint(1, 1000))
    if name.endswith("alpha"):
        return rng.uniform(0.3, 0.8, shape).astype(np.float32)
    if name.endswith("running_mean"):
        return rng.normal(0, 0.2, shape).astype(np.float32)
    if name.endswith("running_var"):
        return (_variance(name) * rng.uniform(0.7, 1.4, shape)).astype(np.float32)
    if len(shape) == 4:
        return _kernel(rng, name, shape).astype(np.float32)
    if ".bn.weight" in name or "post_bn.weight" in name:
        return rng.uniform(0.8, 1.3, shape).astype(np.float32)
    if name.endswith("cls_pred.bias"):
        return rng.uniform(-3, 0, shape).astype(np.float32)
    return rng.normal(0, 0.2, shape).astype(np.float32)


def _variance(name: str) -> float:
    """Return about the variance that a BatchNorm meets: it grows with each branch and shortcut that is added."""
    if "bottlenecks" in name:
        return 3.2 if "post_bn" in name else 1.8
    return 2.0 if "post_bn" in name else 1.0


def _kernel(rng: np.random.RandomState, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """He's scale, with a mean of zero per output: else the common mean of ReLU's outputs swamps their differences."""
    kernel = rng.normal(size=shape)
    if "upsample" in name:  # transposed: [C_in, C_out, 2, 2], and one input per pixel of the output
        return kernel * np.sqrt(2 / shape[0])
    if kernel[0].size > 1:
        kernel -= kernel.mean(axis=(1, 2, 3), keepdims=True)
    gain = 8 if "_pred" in name else 2  # decided predictions, over the whole range
    return kernel * np.sqrt(gain / np.prod(shape[1:]))
