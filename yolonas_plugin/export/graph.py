"""The network as other programs call it: what goes in, and in which form boxes and scores come out."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from yolonas_plugin.export.description import INPUTS, Takes
from yolonas_plugin.nn import YoloNAS
from yolonas_plugin.nn.blocks import QARepVGGBlock
from yolonas_plugin.processing import ProcessingSpec, scale_pixels


class PixelNetwork(nn.Module):
    """A network that takes images as OpenCV reads them, once they are letterboxed.

    What a checkpoint wants besides, colour order, range and normalisation, happens here, in one pass over the pixels:
    where the network is fused, its first convolution takes the colours in the order that they come in.

    Args:
        network: In evaluation mode; it is altered if it is fused, so it has to be a copy that nobody else uses.
        processing: Of its checkpoint.
    """

    mean: Tensor | None
    std: Tensor | None

    def __init__(self, network: YoloNAS, processing: ProcessingSpec) -> None:
        super().__init__()
        self.network = network
        self.divisor = processing.divisor
        reverse = processing.channels == "RGB" and network.in_channels == 3
        stem = network.backbone.stem.conv
        folded = reverse and isinstance(stem, QARepVGGBlock) and stem.fused
        if folded:
            stem.rbr_reparam.weight = nn.Parameter(stem.rbr_reparam.weight.flip(1), requires_grad=False)
        self.reverse = reverse and not folded
        for name, values in (("mean", processing.mean), ("std", processing.std)):
            constant = None if values is None else torch.tensor(values)[:, None, None]
            self.register_buffer(name, constant.flip(0) if folded and constant is not None else constant)

    def take_bytes(self) -> None:
        """Let the first convolution divide, where nothing else is wanted: a pass over the pixels less.

        bfloat16 holds all bytes exactly, and few of them divided by 255. Not for float16, whose range is too small for
        the weights.
        """
        stem = self.network.backbone.stem.conv
        if self.mean is None and self.std is None and isinstance(stem, QARepVGGBlock) and stem.fused:
            stem.rbr_reparam.weight = nn.Parameter(stem.rbr_reparam.weight / self.divisor, requires_grad=False)
            self.divisor = 1.0

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Detect objects.

        Args:
            pixels: [B, C, H, W], BGR from 0 to 255, of any type.

        Returns:
            The outputs of the task: boxes x1, y1, x2, y2 in pixels of the input [B, A, 4], scores from 0 to 1
            [B, A, C], and what else there is.
        """
        dtype = next(self.network.parameters()).dtype
        values = pixels.flip(1) if self.reverse else pixels
        values = scale_pixels(values, self.divisor, self.mean, self.std)
        return self.network.detect(values.to(dtype))


class ExportGraph(nn.Module):
    """What is traced for an export: the network with the input and the raw outputs that were asked for.

    Args:
        network: In evaluation mode, fused; a copy that nobody else uses.
        processing: Of its checkpoint.
        takes: See :data:`~yolonas_plugin.export.description.Takes`.
        gives: ``"pair"``, the outputs of the task, boxes [B, A, 4] and scores [B, A, C] first, or ``"engine"``, all in
            one [B, 4 + C + 3 * K, A].
    """

    def __init__(self, network: YoloNAS, processing: ProcessingSpec, takes: Takes, gives: Literal["pair", "engine"]):
        super().__init__()
        self.input, self.gives = INPUTS[takes], gives
        self.network = PixelNetwork(network, processing) if self.input.kind == "uint8" else network
        self.reverse = self.input.order == "RGB" and network.in_channels == 3

    def forward(self, images: Tensor) -> tuple[Tensor, ...] | Tensor:
        """Return the outputs for a batch of letterboxed images."""
        planes = images if self.input.planes else images.permute(0, 3, 1, 2)
        if isinstance(self.network, PixelNetwork):
            found = self.network(planes.flip(1) if self.reverse else planes)
        else:
            found = self.network.detect(planes)
        return found if self.gives == "pair" else join_output(*found)


def join_output(
    boxes: Tensor, scores: Tensor, keypoints: Tensor | None = None, keypoint_scores: Tensor | None = None
) -> Tensor:
    """Put what a network gives into the engine's layout [B, 4 + C + 3 * K, A].

    That is centre x, centre y, width, height in pixels, the scores, then x, y and score of each keypoint.

    Args:
        boxes: x1, y1, x2, y2 in pixels, [B, A, 4].
        scores: [B, A, C].
        keypoints: x, y in pixels, [B, A, K, 2]; None where the task has none.
        keypoint_scores: [B, A, K]; None where the task has none.
    """
    low, high = boxes.split(2, dim=-1)
    parts = [(low + high) / 2, high - low, scores]
    if keypoints is not None and keypoint_scores is not None:
        parts.append(torch.cat((keypoints, keypoint_scores[..., None]), dim=-1).flatten(2))
    return torch.cat(parts, dim=-1).transpose(1, 2)
