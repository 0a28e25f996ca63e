"""Memory for time in training: an input that is cheap to compute again isn't kept for the gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def without_keeping(layer: Callable[[Tensor], Tensor], x: Tensor, again: Callable[[], Tensor]) -> Tensor:
    """Return ``layer(x)``, for whose gradients ``x`` is computed once more instead of kept.

    Args:
        layer: What would keep its input.
        x: The input, contiguous in whatever order.
        again: Returns the same as ``x``, up to rounding; called without gradients. It must hold nothing that isn't kept
            anyway.
    """
    place, shape = x.data_ptr(), x.shape  # not x itself, which what is returned here would keep

    def pack(kept: Tensor) -> Any:
        return again if kept.data_ptr() == place and kept.shape == shape else kept

    def unpack(kept: Any) -> Tensor:
        if isinstance(kept, Tensor):
            return kept
        with torch.no_grad():
            return again()

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        return layer(x)


def trains_on_cpu(x: Tensor, *norms: nn.Module) -> bool:
    """Whether gradients are wanted of what is computed with ``x`` in float32 on a CPU, and nothing records a graph.

    Args:
        x: The input.
        norms: BatchNorms that have to be such, and take their statistics from the batch.
    """
    return (
        torch.is_grad_enabled()
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and not _autocast()
        and not torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        and not torch.compiler.is_compiling()
        and all(type(norm) is nn.BatchNorm2d and norm.training and norm.momentum is not None for norm in norms)
    )


def _autocast() -> bool:
    """Whether autocast chooses precisions on the CPU."""
    if hasattr(torch, "get_autocast_dtype"):  # torch 2.4, where the other function is deprecated
        return torch.is_autocast_enabled("cpu")
    return torch.is_autocast_cpu_enabled()


def batch_norm(bn: nn.BatchNorm2d, x: Tensor) -> tuple[Tensor, Callable[[], Tensor]]:
    """Return what ``bn`` makes of ``x`` in training, and what computes it again from the same statistics."""
    assert bn.num_batches_tracked is not None
    bn.num_batches_tracked.add_(1)
    assert bn.momentum is not None
    normed, mean, inverse = torch.native_batch_norm(
        x, bn.weight, bn.bias, bn.running_mean, bn.running_var, True, bn.momentum, bn.eps
    )
    mean, variance, kept = mean.detach(), inverse.detach().pow(-2) - bn.eps, x.detach()

    def again() -> Tensor:
        return torch.native_batch_norm(kept, bn.weight, bn.bias, mean, variance, False, 0.0, bn.eps)[0]

    return normed, again
