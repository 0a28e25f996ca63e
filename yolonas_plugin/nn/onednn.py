"""oneDNN's convolutions for inference on x86 CPUs: weights reordered once, ReLU in the same pass.

For where torch lacks the graph of :mod:`~yolonas_plugin.nn.onednn_graph`, as under Windows.
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

from yolonas_plugin.nn.blocks import Bottleneck, Conv, QARepVGGBlock
from yolonas_plugin.nn.head import Head
from yolonas_plugin.nn.pose_head import PoseHead

_LOCK = Lock()

_TYPES = (torch.float32, torch.bfloat16)


class OneDNNConv(nn.Module):
    """A convolution, and a ReLU if ``relu``, on oneDNN from the first call on a CPU; else on torch.

    oneDNN orders the weights by the shape of the input; those for another shape it would reorder at every call, which
    takes longer than the convolution. So each shape that comes has its own, which mostly are those of another.

    Args:
        conv: Whose weights it takes over, in float32, or in bfloat16 where the CPU has it.
        relu: Whether negative results become 0.
    """

    def __init__(self, conv: nn.Conv2d, relu: bool) -> None:
        super().__init__()
        self.conv: nn.Conv2d | None = conv
        self.bias = conv.bias
        self.where = (conv.padding, conv.stride, conv.dilation, conv.groups)
        self.relu = relu
        self.packed: dict[tuple[int, ...], Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, C_in, H, W] to [B, C_out, H / stride, W / stride]."""
        packed = self.packed.get(x.shape)
        if packed is None:
            if self.conv is not None and not self._can_pack(x):
                y = self.conv(x)
                return functional.relu_(y) if self.relu else y
            packed = self._pack(x.shape)
        activation = "relu" if self.relu else "none"
        return torch.ops.mkldnn._convolution_pointwise(x, packed, self.bias, *self.where, activation, [], "")

    @staticmethod
    def _can_pack(x: Tensor) -> bool:
        return x.device.type == "cpu" and x.dtype in _TYPES

    def _pack(self, shape: torch.Size) -> Tensor:
        with _LOCK:  # threads may share the network
            if shape not in self.packed:
                known = list(set(self.packed.values()))
                weight = known[0].to_dense() if self.conv is None else self.conv.weight.detach()
                reorder: Any = torch._C._nn.mkldnn_reorder_conv2d_weight  # whose stub lacks arguments
                made = reorder(weight.to_mkldnn(), *self.where, shape)
                order = _order(made)
                self.packed[shape] = next((one for one in known if torch.equal(_order(one), order)), made)
                self.conv = None
            return self.packed[shape]


class OneDNNBottleneck(nn.Module):
    """A :class:`~yolonas_plugin.nn.blocks.Bottleneck` whose shortcut is added in one pass, without a tensor of its own.

    Args:
        block: Whose blocks it takes over.
    """

    def __init__(self, block: Bottleneck) -> None:
        super().__init__()
        self.cv1, self.cv2 = block.cv1, block.cv2
        self.alpha = float(block.alpha)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape [B, C, H, W]."""
        return self.cv2(self.cv1(x)).add_(x, alpha=self.alpha)


def use_onednn(network: nn.Module) -> None:
    """Run the convolutions of a fused network on oneDNN, where torch and the machine can; in place, for inference only.

    After its first call on a CPU, the network can't be saved, converted or moved to another device.

    Args:
        network: In float32, or in bfloat16 if :func:`cpu_has_bf16`.
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
        for name, child in list(module.named_children()):
            if isinstance(child, Bottleneck):
                module.add_module(name, OneDNNBottleneck(child))


def on_x86() -> bool:
    """Whether torch has oneDNN here, for an x86 CPU."""
    return platform.machine() in ("x86_64", "AMD64") and torch.backends.mkldnn.is_available()


def has_onednn() -> bool:
    """Whether torch has the operators, for this kind of machine."""
    return (
        on_x86()
        and _operator("_convolution_pointwise") is not None
        and _operator("_get_mkldnn_serialized_md") is not None
        and hasattr(torch._C._nn, "mkldnn_reorder_conv2d_weight")
    )


def cpu_has_bf16() -> bool:
    """Whether torch computes in bfloat16 on this CPU by itself, and not by way of float32."""
    ask = _operator("_is_mkldnn_bf16_supported")  # a torch without oneDNN, as on Apple's machines, has no such operator
    return ask is not None and bool(ask())


def bf16_is_faster() -> bool:
    """Whether the CPU has instructions for bfloat16, as far as this torch can tell."""
    ask = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # from 2.6 on
    return ask is not None and bool(ask()) and cpu_has_bf16()


def _order(packed: Tensor) -> Tensor:
    """Return how oneDNN has ordered weights, as bytes."""
    order: Tensor = torch.ops.mkldnn._get_mkldnn_serialized_md(packed)
    return order


def _operator(name: str) -> Any:
    """Return an operator of oneDNN, or None where this torch has no such operator."""
    return getattr(getattr(torch.ops, "mkldnn", None), name, None)
