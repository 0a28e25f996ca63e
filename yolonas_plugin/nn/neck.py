"""The neck: a path aggregation network whose way up also takes a skip of twice the resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yolonas_plugin.nn.blocks import Conv, CSPLayer
from yolonas_plugin.nn.config import StageConfig, YoloNASConfig


class UpStage(nn.Module):
    """Doubles the resolution and joins two skips: one of the new resolution, one of twice that."""

    def __init__(self, in_channels: int, skip_channels: int, fine_channels: int, config: StageConfig) -> None:
        super().__init__()
        channels = config.channels
        self.reduce_skip1 = Conv(skip_channels, channels, 1)
        self.reduce_skip2 = Conv(fine_channels, channels, 1)
        self.conv = Conv(in_channels, channels, 1)
        self.upsample = nn.ConvTranspose2d(channels, channels, kernel_size=2, stride=2)
        self.downsample = Conv(channels, channels, 3, stride=2)
        self.reduce_after_concat = Conv(3 * channels, channels, 1)
        self.blocks = CSPLayer(channels, config)

    def forward(self, x: Tensor, skip: Tensor, fine: Tensor) -> tuple[Tensor, Tensor]:
        """Join ``x`` [B, C, H, W], ``skip`` [B, C1, 2H, 2W] and ``fine`` [B, C2, 4H, 4W].

        Returns:
            The reduced ``x`` [B, C_out, H, W], which the way down takes as a skip, and the output [B, C_out, 2H, 2W].
        """
        reduced = self.conv(x)
        joined = (self.upsample(reduced), self.reduce_skip1(skip), self.downsample(self.reduce_skip2(fine)))
        return reduced, self.blocks(self.reduce_after_concat(torch.cat(joined, dim=1)))


class DownStage(nn.Module):
    """Halves the resolution and joins a skip of the new one."""

    def __init__(self, in_channels: int, skip_channels: int, config: StageConfig) -> None:
        super().__init__()
        half = config.channels // 2
        self.conv = Conv(in_channels, half, 3, stride=2)
        self.blocks = CSPLayer(half + skip_channels, config, repvgg=False)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Join ``x`` [B, C, H, W] and ``skip`` [B, C1, H / 2, W / 2] to [B, C_out, H / 2, W / 2]."""
        return self.blocks(torch.cat((self.conv(x), skip), dim=1))


class Neck(nn.Module):
    """Two stages up and two down; gives one feature map for each head."""

    def __init__(self, config: YoloNASConfig) -> None:
        super().__init__()
        c2, c3, c4, c5 = (stage.channels for stage in config.backbone)
        n1, n2, n3, n4 = config.neck
        self.neck1 = UpStage(c5, c4, c3, n1)
        self.neck2 = UpStage(n1.channels, c3, c2, n2)
        self.neck3 = DownStage(n2.channels, n2.channels, n3)
        self.neck4 = DownStage(n3.channels, n1.channels, n4)

    def forward(self, c2: Tensor, c3: Tensor, c4: Tensor, c5: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map the backbone's c2 to c5 to p3, p4, p5: [B, C_i, H / s, W / s] for s in 8, 16, 32."""
        skip1, x = self.neck1(c5, c4, c3)
        skip2, p3 = self.neck2(x, c3, c2)
        p4 = self.neck3(p3, skip2)
        p5 = self.neck4(p4, skip1)
        return p3, p4, p5
