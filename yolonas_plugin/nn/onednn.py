"""oneDNN's convolutions for inference on x86 CPUs: weights reordered once, ReLU in the same pass.

torch's own convolution reorders its weights at every call, and its ReLU reads and writes every value once more.
These are the operators that ``torch.compile`` would choose, without its compiler.
"""

from __future__ import annotations

import platform
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from yolonas_plugin.nn.blocks import Conv, QARepVGGBlock
from yolonas_plugin.nn.head import Head
from yolonas_plugin.nn.pose_head import PoseHead

_LOCK = Lock()


class OneDNNConv(nn.Module):
    """A convolution, and a ReLU if ``relu``, on oneDNN from the first call on a CPU in float32; else on torch.

    Args:
        conv: Whose weights it takes over.
        relu: Whether negative results become 0.
    """

    def __init__(self, conv: nn.Conv2d, relu: bool) -> None:
        super().__init__()
        self.conv: nn.Conv2d | None = conv
        self.bias = conv.bias
        self.where = (conv.padding, conv.stride, conv.dilation, conv.groups)
        self.relu = relu
        self.packed: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, C_in, H, W] to [B, C_out, H / stride, W / stride]."""
        packed = self.packed
        if packed is None and x.device.type == "cpu" and x.dtype == torch.float32 and not torch.compiler.is_compiling():
            packed = self._pack(x)
        if packed is None:
            assert self.conv is not None
            y = self.conv(x)
            return functional.relu_(y) if self.relu else y
        activation = "relu" if self.relu else "none"
        return torch.ops.mkldnn._convolution_pointwise(x, packed, self.bias, *self.where, activation, [], "")

    def _pack(self, x: Tensor) -> Tensor:
        with _LOCK:  # threads may share the network
            if self.packed is None:
                assert self.conv is not None
                weight = self.conv.weight.detach().to_mkldnn()
                reorder: Any = torch._C._nn.mkldnn_reorder_conv2d_weight  # whose stub lacks arguments
                self.packed = reorder(weight, *self.where, x.shape)
                self.conv = None
            return self.packed


def use_onednn(network: nn.Module) -> None:
    """Run the convolutions of a fused network on oneDNN, where torch and the machine can; in place, for inference only.

    After its first call on a CPU, the network can't be saved, converted or moved to another device.
    """
    if not has_onednn():
        return
    for module in list(network.modules()):
        if isinstance(module, Conv):
            module.add_module("conv", OneDNNConv(module.conv, relu=True))
            module.act = nn.Identity()
        elif isinstance(module, QARepVGGBlock) and module.fused:
            module.add_module("rbr_reparam", OneDNNConv(module.rbr_reparam, relu=True))
            module.act = nn.Identity()
        elif isinstance(module, (Head, PoseHead)):
            for name in module.PREDICTIONS:
                module.add_module(name, OneDNNConv(getattr(module, name), relu=False))


def has_onednn() -> bool:
    """Whether torch has the operators, for this kind of machine."""
    return (
        platform.machine() in ("x86_64", "AMD64")
        and torch.backends.mkldnn.is_available()
        and _operator("_convolution_pointwise") is not None
        and hasattr(torch._C._nn, "mkldnn_reorder_conv2d_weight")
        and hasattr(torch.compiler, "is_compiling")
    )


def cpu_has_bf16() -> bool:
    """Whether torch computes in bfloat16 on this CPU by itself, and not by way of float32."""
    ask = _operator("_is_mkldnn_bf16_supported")  # a torch without oneDNN, as on Apple's machines, has no such operator
    return ask is not None and bool(ask())


def _operator(name: str) -> Any:
    """Return an operator of oneDNN, or None where this torch has no such operator."""
    return getattr(getattr(torch.ops, "mkldnn", None), name, None)
