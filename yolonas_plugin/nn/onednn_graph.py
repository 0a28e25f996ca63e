"""A network as one graph of oneDNN's, for inference on x86 CPUs under Linux: nothing of it is looked up at every call.

Run module by module, torch asks oneDNN for each convolution anew which kernel it has: a tenth of the time in float32,
a quarter in bfloat16. A graph of TorchScript that oneDNN has fused knows them, and needs no compiler.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final

import torch
from torch import Tensor, nn

from yolonas_plugin.nn.onednn import on_x86

MOST_SHAPES: Final = 8
"""torch puts each shape's graph into what runs where no other fits, and after about a dozen fuses no more."""

_LOCK = Lock()


class OneDNNGraph(nn.Module):
    """A network that is traced once, and fused for each of the first :data:`MOST_SHAPES` shapes that come.

    Its results are those of the network but for rounding, and of the same input to the bit the same.

    Args:
        network: In evaluation mode, fused, whose weights nobody changes any more; in float32, or in bfloat16 if
            :func:`~yolonas_plugin.nn.onednn.cpu_has_bf16`. From pixels [B, C, H, W] to a tuple.
        example: Of its input; a small one shows all operations.

    Attributes:
        network: As above, which runs what has another shape.
        fused: Shapes and types of input that the graph is fused for.
    """

    def __init__(self, network: nn.Module, example: Tensor) -> None:
        super().__init__()
        self.network = network
        self.fused: set[tuple[torch.Size, torch.dtype]] = set()
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore", FutureWarning)  # TorchScript is called deprecated, and nothing replaces it
            # a function's weights are constants, which oneDNN reorders once
            self.graph: Any = torch.jit.trace(lambda pixels: network(pixels), example, check_trace=False)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Return what the network does."""
        kind = pixels.shape, pixels.dtype
        if kind in self.fused:
            return self.graph(pixels)
        if len(self.fused) >= MOST_SHAPES:
            return self.network(pixels)
        with _LOCK, _fusion():  # threads may share the network, and the fuser is a setting of the process
            if kind not in self.fused:  # which another thread may have done
                self.graph(pixels)  # torch looks at the shapes
            found: tuple[Tensor, ...] = self.graph(pixels)  # and fuses
            self.fused.add(kind)
        return found


@contextmanager
def _fusion() -> Iterator[None]:
    before = torch.jit.onednn_fusion_enabled()
    torch.jit.enable_onednn_fusion(True)
    try:
        yield
    finally:
        torch.jit.enable_onednn_fusion(before)


def has_onednn_graph() -> bool:
    """Whether torch can have oneDNN fuse a graph, for this kind of machine."""
    return on_x86() and hasattr(torch._C, "_jit_set_llga_enabled")  # in torch for Linux
