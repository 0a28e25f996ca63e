"""A training step on a CPU computes some of it again, and has the losses and gradients of the plain network."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from yolonas_plugin.nn import blocks
from yolonas_plugin.nn.blocks import QARepVGGBlock
from yolonas_plugin.nn.recompute import trains_on_cpu, without_keeping


def step(block: QARepVGGBlock, x: Tensor) -> tuple[Tensor, Tensor, int]:
    """Return output, gradient of the input, and the bytes that are kept for the gradients besides parameters."""
    own = {tensor.data_ptr() for tensor in (*block.parameters(), *block.buffers(), x)}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.data_ptr()] = tensor.nbytes
        return tensor

    x = x.clone().requires_grad_()
    own.add(x.data_ptr())
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        y = block(x)
    (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum().backward()
    assert x.grad is not None
    return y.detach(), x.grad, sum(size for place, size in kept.items() if place not in own)


@pytest.mark.parametrize(("channels", "stride", "residual"), [(3, 2, False), (24, 2, False), (24, 1, True)])
def test_losses_and_gradients_are_those_of_the_plain_block(
    channels: int, stride: int, residual: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    block = QARepVGGBlock(channels, 24, stride, residual).train()
    plain = deepcopy(block)
    x = torch.rand(4, channels, 32, 32).contiguous(memory_format=torch.channels_last)
    y, gradient, kept = step(block, x)
    monkeypatch.setattr(blocks, "trains_on_cpu", lambda *args: False)
    expected, expected_gradient, expected_kept = step(plain, x)
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5)
    scale = expected_gradient.abs().max().item()
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-4, atol=1e-5 * scale)
    largest = max(tensor.grad.abs().max().item() for tensor in plain.parameters() if tensor.grad is not None)
    for (name, one), other in zip(block.named_parameters(), plain.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None), name
        if one.grad is not None and other.grad is not None:
            # of what a BatchNorm takes away again, as biases before it, the gradient is rounding
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=5e-6 * largest, msg=name)
    for (name, one), other in zip(block.named_buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6, msg=name)
    if not residual:
        assert kept <= expected_kept - y.nbytes


def test_what_is_computed_again_is_not_kept() -> None:
    """Hooks within others hide what they keep from those, so it is the call in the backward that shows it."""
    bn, source, calls = nn.BatchNorm2d(2), torch.rand(3, 2, 4, 4, requires_grad=True), []
    weights = torch.rand(3, 2, 4, 4)

    def again() -> Tensor:
        calls.append(True)
        return source.detach() * 2

    (without_keeping(bn, source * 2, again) * weights).sum().backward()
    assert calls == [True]
    found, source.grad = source.grad, None
    (bn(source * 2) * weights).sum().backward()
    torch.testing.assert_close(found, source.grad)


def test_frozen_norms_other_types_and_no_gradients_go_the_plain_way() -> None:
    x, bn = torch.rand(1, 2, 4, 4), nn.BatchNorm2d(2)
    assert trains_on_cpu(x, bn)
    assert not trains_on_cpu(x, bn.eval())
    assert not trains_on_cpu(x, nn.BatchNorm2d(2, momentum=None))
    assert not trains_on_cpu(x, nn.Identity())
    assert not trains_on_cpu(x.double())
    with torch.no_grad():
        assert not trains_on_cpu(x)
    with torch.autocast("cpu"):
        assert not trains_on_cpu(x)
