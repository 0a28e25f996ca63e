"""A network on an NVIDIA GPU: in the precision that was asked for, channels last, by CUDA graphs where sizes repeat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from yolonas_plugin.export.graph import PixelNetwork
from yolonas_plugin.nn.cuda_graphs import CudaRecorder, RecordedNetwork, Recorder

DTYPES: Final = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
"""What a network's weights and the inputs of its convolutions are in; boxes and scores are decoded in fp32."""


def move(network: PixelNetwork, device: torch.device, precision: str) -> PixelNetwork:
    """Bring a network to a device, in place: weights in the precision, with channels last."""
    network.network.to(DTYPES[precision])
    return network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def recorded(network: PixelNetwork, device: torch.device, recorder: Recorder | None = None) -> RecordedNetwork:
    """Return a network that is on a GPU, run by graphs where the same size comes often.

    Args:
        network: As :func:`move` leaves it.
        device: The GPU.
        recorder: Makes the graphs. Default: CUDA's.
    """
    return RecordedNetwork(network, recorder or CudaRecorder(device))


def hidden(run: Callable[[Tensor], tuple[Tensor, ...]]) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """Return a network as a function, whose weights the engine doesn't see: it would undo the order of channels."""
    return lambda pixels: run(pixels)
