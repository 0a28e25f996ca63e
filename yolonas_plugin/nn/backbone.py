"""The backbone: a stem and four stages, each halving the resolution, then spatial pyramid pooling."""

from __future__ import annotations

from torch import Tensor, nn

from yolonas_plugin.nn.blocks import SPP, CSPLayer, QARepVGGBlock
from yolonas_plugin.nn.config import StageConfig, YoloNASConfig


class Stem(nn.Module):
    """One block of stride 2 on the image."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = QARepVGGBlock(in_channels, out_channels, stride=2, residual=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, C, H, W] to [B, C_out, H / 2, W / 2]."""
        return self.conv(x)


class Stage(nn.Module):
    """Down-sampling by 2, then a CSP layer."""

    def __init__(self, in_channels: int, config: StageConfig) -> None:
        super().__init__()
        self.downsample = QARepVGGBlock(in_channels, config.channels, stride=2, residual=False)
        self.blocks = CSPLayer(config.channels, config)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, C, H, W] to [B, C_out, H / 2, W / 2]."""
        return self.blocks(self.downsample(x))


class Backbone(nn.Module):
    """Four feature maps of an image, at strides 4, 8, 16 and 32."""

    def __init__(self, config: YoloNASConfig, in_channels: int = 3) -> None:
        super().__init__()
        first, second, third, fourth = config.backbone
        self.stem = Stem(in_channels, config.stem_channels)
        self.stage1 = Stage(config.stem_channels, first)
        self.stage2 = Stage(first.channels, second)
        self.stage3 = Stage(second.channels, third)
        self.stage4 = Stage(third.channels, fourth)
        self.context_module = SPP(fourth.channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Map images [B, C, H, W] to c2, c3, c4, c5: [B, C_i, H / s, W / s] for s in 4, 8, 16, 32."""
        c2 = self.stage1(self.stem(x))
        c3 = self.stage2(c2)
        c4 = self.stage3(c3)
        c5 = self.context_module(self.stage4(c4))
        return c2, c3, c4, c5
