"""The building blocks of YOLO-NAS, each with a ``fuse`` that folds its BatchNorms away for inference.

Attribute names follow super-gradients' state-dict keys, so that its checkpoints load strictly.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from yolonas_plugin.nn.config import StageConfig, YoloNASConfig
from yolonas_plugin.nn.recompute import batch_norm, trains_on_cpu, without_keeping


def set_batch_norms(network: nn.Module, config: YoloNASConfig) -> None:
    """Give every BatchNorm of ``network`` the epsilon and momentum that its size and task were trained with."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps, module.momentum = config.batchnorm_eps, config.batchnorm_momentum


def batch_norm_as_scale(bn: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return what ``bn`` does in evaluation mode as scale and shift, both [C] and float64."""
    assert bn.running_mean is not None
    assert bn.running_var is not None
    mean, var, gamma, beta = (t.detach().double() for t in (bn.running_mean, bn.running_var, bn.weight, bn.bias))
    scale = gamma / torch.sqrt(var + bn.eps)
    return scale, beta - mean * scale


def scale_kernel(weight: Tensor, scale: Tensor) -> Tensor:
    """Return the kernel [C_out, C_in, k, k] whose outputs are ``scale`` [C_out] times those of ``weight``.

    It is float32, or wider if ``weight`` is: float64 would make its rounding half as large, and fusing twice as slow.
    """
    dtype = torch.promote_types(weight.dtype, torch.float32)
    return weight.detach().to(dtype) * scale.to(dtype)[:, None, None, None]


def set_weights(conv: nn.Conv2d, weight: Tensor, bias: Tensor) -> None:
    """Give ``conv`` another kernel and bias, in the type that it has, which aren't to be trained."""
    conv.bias = nn.Parameter(bias.to(conv.weight), requires_grad=False)
    conv.weight = nn.Parameter(weight.to(conv.weight), requires_grad=False)


class Conv(nn.Module):
    """Convolution, BatchNorm, ReLU; "same" padding for odd kernels."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(out_channels)
        self.act: nn.Module = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, C_in, H, W] to [B, C_out, H / stride, W / stride]."""
        return self.act(self.bn(self.conv(x)))

    def fuse(self) -> None:
        """Fold the BatchNorm into the convolution."""
        if isinstance(self.bn, nn.BatchNorm2d):
            scale, shift = batch_norm_as_scale(self.bn)
            set_weights(self.conv, scale_kernel(self.conv.weight, scale), shift)
            self.bn = nn.Identity()


class ConvSeq(nn.Module):
    """The same as :class:`Conv`, under the keys that the heads use (``seq.conv``, ``seq.bn``)."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.seq = Conv(in_channels, out_channels, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, C_in, H, W] to [B, C_out, H, W]."""
        return self.seq(x)


class QARepVGGBlock(nn.Module):
    """Quantisation-aware RepVGG: 3x3 + 1x1 (+ identity) branches, BatchNorm, ReLU; one 3x3 convolution once fused.

    Only the 3x3 branch has a BatchNorm of its own, which keeps the fused kernel friendly to INT8
    (Chu et al., "Make RepVGG Greater Again", 2022). ``rbr_reparam`` is the place of the fused convolution; unused
    before that, it is among the parameters because super-gradients' checkpoints carry it.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, residual: bool = True) -> None:
        super().__init__()
        self.residual = residual
        self.branch_3x3 = nn.Sequential()
        self.branch_3x3.add_module("conv", nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False))
        self.branch_3x3.add_module("bn", nn.BatchNorm2d(out_channels))
        self.branch_1x1 = nn.Conv2d(in_channels, out_channels, 1, stride)
        self.post_bn = nn.BatchNorm2d(out_channels)
        self.rbr_reparam = nn.Conv2d(in_channels, out_channels, 3, stride, 1)
        self.act: nn.Module = nn.ReLU(inplace=True)
        self.fused = False

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, C_in, H, W] to [B, C_out, H / stride, W / stride]."""
        if self.fused:
            return self.act(self.rbr_reparam(x))
        if self.training and not self.residual and trains_on_cpu(x, self.branch_3x3[1], self.post_bn):
            return self.act(self._post_norm(x))
        branches = self.branch_3x3(x)
        if self.training and self.residual and trains_on_cpu(x):
            # both branches as one kernel: a pass less over the maps, and one gradient less to add up
            conv = self.branch_1x1
            identity = torch.eye(conv.in_channels)[:, :, None, None]
            branches += functional.conv2d(x, conv.weight + identity, conv.bias)
            return self.act(self.post_bn(branches))
        branches += self._pointwise(x)
        if self.residual:
            branches += x
        return self.act(self.post_bn(branches))

    def _post_norm(self, x: Tensor) -> Tensor:
        """Return the sum of the branches through ``post_bn``, keeping the 3x3 branch for the gradients but not the sum.

        Without a residual: those blocks halve the resolution, so they have the largest maps for the fewest operations.
        """
        conv, bn = self.branch_3x3
        assert isinstance(bn, nn.BatchNorm2d)
        branches, branch_again = batch_norm(bn, conv(x))
        branches += self._pointwise(x)
        kept = x.detach()

        def again() -> Tensor:
            return branch_again().add_(self._pointwise(kept))

        return without_keeping(self.post_bn, branches, again)

    def _pointwise(self, x: Tensor) -> Tensor:
        conv = self.branch_1x1
        if not self.training or conv.in_channels >= 16:
            return conv(x)
        # the same on fewer pixels: for few channels, channels last and a stride, oneDNN writes beyond the memory of
        # this gradient (its issue 6035)
        rows, columns = conv.stride
        return functional.conv2d(x[:, :, ::rows, ::columns], conv.weight, conv.bias)

    def fuse(self) -> None:
        """Re-parameterise: add the branches up to one 3x3 kernel and fold both BatchNorms into it."""
        if self.fused:
            return
        conv, bn, pointwise_bias = self.branch_3x3.conv, self.branch_3x3.bn, self.branch_1x1.bias
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(bn, nn.BatchNorm2d)
        assert pointwise_bias is not None
        scale, shift = batch_norm_as_scale(bn)
        post_scale, post_shift = batch_norm_as_scale(self.post_bn)
        weight = scale_kernel(conv.weight, scale * post_scale)
        weight[:, :, 1, 1] += self.branch_1x1.weight.detach()[:, :, 0, 0] * post_scale[:, None]
        if self.residual:
            weight[:, :, 1, 1].diagonal().add_(post_scale)
        bias = (shift + pointwise_bias.detach()) * post_scale + post_shift
        set_weights(self.rbr_reparam, weight, bias)
        del self.branch_3x3, self.branch_1x1, self.post_bn
        self.fused = True


class Bottleneck(nn.Module):
    """Two 3x3 blocks and a shortcut weighted by a learnable ``alpha``.

    In training each image goes around the blocks with the probability ``drop_path_rate``.
    """

    def __init__(self, channels: int, repvgg: bool, drop_path_rate: float = 0.0) -> None:
        super().__init__()
        self.drop_path_rate = drop_path_rate
        block = QARepVGGBlock if repvgg else _conv3x3
        self.cv1 = block(channels, channels)
        self.cv2 = block(channels, channels)
        self.alpha = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape [B, C, H, W]."""
        y = self.cv2(self.cv1(x))
        if self.training and self.drop_path_rate:
            y = drop_path(y, self.drop_path_rate)
        return self.alpha * x + y


class CSPLayer(nn.Module):
    """Cross-stage partial layer: one half passes through the bottlenecks, the other goes around them.

    Its output has ``config.channels`` channels. ``repvgg`` is whether the bottlenecks consist of QARepVGG blocks.
    """

    def __init__(self, in_channels: int, config: StageConfig, repvgg: bool = True) -> None:
        super().__init__()
        hidden, blocks = config.hidden, config.blocks
        self.concat_all = config.concat_all
        self.dropout_rate = config.dropout_rate
        self.conv1 = Conv(in_channels, hidden, 1)
        self.conv2 = Conv(in_channels, hidden, 1)
        self.conv3 = Conv(hidden * (2 + blocks if self.concat_all else 2), config.channels, 1)
        rates = config.drop_path_rates or (0.0,) * blocks
        self.bottlenecks = nn.Sequential(*(Bottleneck(hidden, repvgg, rate) for rate in rates))

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, C_in, H, W] to [B, C_out, H, W]."""
        parts = [self.conv1(x)]
        for bottleneck in self.bottlenecks:
            parts.append(bottleneck(parts[-1]))
        if not self.concat_all:
            parts = parts[-1:]
        joined = torch.cat((*parts, self.conv2(x)), dim=1)
        if self.training and self.dropout_rate:
            joined = functional.dropout2d(joined, self.dropout_rate, inplace=True)
        return self.conv3(joined)


class SPP(nn.Module):
    """Spatial pyramid pooling: the feature map beside its maximum over windows of 5, 9 and 13 cells."""

    def __init__(self, channels: int, windows: tuple[int, ...] = (5, 9, 13)) -> None:
        super().__init__()
        hidden = channels // 2
        self.cv1 = Conv(channels, hidden, 1)
        self.cv2 = Conv(hidden * (1 + len(windows)), channels, 1)
        self.m = nn.ModuleList(nn.MaxPool2d(window, stride=1, padding=window // 2) for window in windows)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape [B, C, H, W]."""
        x = self.cv1(x)
        if self.training:
            return self.cv2(torch.cat((x, *(pool(x) for pool in self.m)), dim=1))
        pooled = [x]  # 9 cells are 5 about each of 5, so that windows of 5 do for all: a third of the comparisons
        for _ in self.m:
            pooled.append(self.m[0](pooled[-1]))
        return self.cv2(torch.cat(pooled, dim=1))


def drop_path(x: Tensor, rate: float) -> Tensor:
    """Zero each image of a batch [B, C, H, W] with the probability ``rate``, and keep the mean by scaling the others.

    Huang et al., "Deep Networks with Stochastic Depth", 2016.
    """
    kept = x.new_empty(len(x), 1, 1, 1).bernoulli_(1 - rate)
    return x * kept.div_(1 - rate)


def _conv3x3(in_channels: int, out_channels: int) -> Conv:
    return Conv(in_channels, out_channels, 3)
