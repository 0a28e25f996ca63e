"""CUDA graphs: what a network does for one size of input, recorded once and replayed in a single launch.

A network of 150 small layers leaves a GPU waiting for Python at small batches. A graph is for one shape in fixed
memory, so graphs are kept for the few shapes that come often, and every other shape runs as it is.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final, Protocol, TypeAlias

import torch
from torch import Tensor

Outputs: TypeAlias = "tuple[Tensor, ...]"
Network: TypeAlias = Callable[[Tensor], Outputs]

KEPT: Final = 4
"""Shapes that graphs are kept for, the last ones used."""

CALLS_BEFORE: Final = 3
"""A shape that comes so many times is recorded the next time."""

MOST_PIXELS: Final = 8 * 640 * 640
"""Inputs with more pixels keep a GPU busy longer than Python takes to launch its work: they run as they are."""

_MOST_COUNTED: Final = 64  # shapes whose calls are counted
_WARM_UPS: Final = 3
_LOGGER: Final = logging.getLogger("yolonas_plugin")


class Recorder(Protocol):
    """What records and replays."""

    def record(self, network: Network, example: Tensor) -> Network:
        """Return what replays a network on inputs like ``example``, into memory that nothing writes to afterwards.

        Raises:
            RuntimeError: It can't be recorded.
        """
        ...


class RecordedNetwork:
    """Runs a network by graphs, where one shape comes often enough; threads may share it.

    It is no ``nn.Module``, so that nobody moves or converts the tensors that graphs have the addresses of.

    Args:
        network: What runs; its weights stay where they are.
        recorder: Makes the graphs.
        kept: See :data:`KEPT`.
        calls_before: See :data:`CALLS_BEFORE`.
        most_pixels: Of a batch, see :data:`MOST_PIXELS`.

    Attributes:
        replayed: How many calls were replays.
    """

    def __init__(
        self,
        network: Network,
        recorder: Recorder,
        *,
        kept: int = KEPT,
        calls_before: int = CALLS_BEFORE,
        most_pixels: int = MOST_PIXELS,
    ) -> None:
        self.network, self.recorder = network, recorder
        self.replayed = 0
        self._kept, self._calls_before, self._most_pixels = kept, calls_before, most_pixels
        self._graphs: OrderedDict[tuple[object, ...], Network] = OrderedDict()
        self._calls: OrderedDict[tuple[object, ...], int] = OrderedDict()
        self._lock = Lock()
        self._gave_up = False

    def __call__(self, pixels: Tensor) -> Outputs:
        """Return the outputs of the network for images [B, C, H, W]."""
        if not self._gave_up and pixels.shape[0] * pixels.shape[2] * pixels.shape[3] <= self._most_pixels:
            with self._lock:  # graphs share their memory
                replay = self._graph_for(pixels)
                if replay is not None:
                    self.replayed += 1
                    return replay(pixels)
        return self.network(pixels)

    @property
    def shapes(self) -> list[tuple[object, ...]]:
        """What there are graphs for, the one used last at the end."""
        return list(self._graphs)

    def _graph_for(self, pixels: Tensor) -> Network | None:
        key = (tuple(pixels.shape), pixels.stride(), pixels.dtype, pixels.device)
        if key in self._graphs:
            self._graphs.move_to_end(key)
            return self._graphs[key]
        if self._count(key) <= self._calls_before:
            return None
        del self._calls[key]
        while len(self._graphs) >= self._kept:
            self._graphs.popitem(last=False)  # before the new one: the memory of the old is its own then
        try:
            self._graphs[key] = self.recorder.record(self.network, pixels)
        except RuntimeError as error:
            self._gave_up = True
            self._graphs.clear()
            _LOGGER.warning("the network can't be recorded as a CUDA graph, and runs as it is: %s", str(error)[:300])
            return None
        return self._graphs[key]

    def _count(self, key: tuple[object, ...]) -> int:
        """Return how many times a shape has come, this one included; of many shapes the oldest are forgotten."""
        self._calls[key] = self._calls.pop(key, 0) + 1
        if len(self._calls) > _MOST_COUNTED:
            self._calls.popitem(last=False)
        return self._calls[key]


class CudaRecorder:
    """Records CUDA graphs on one GPU. They share memory, so only one may be replayed at a time.

    Args:
        device: The GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()
        self._done = torch.cuda.Event()

    def record(self, network: Network, example: Tensor) -> Network:
        """Return what replays a network; see :class:`Recorder`."""
        with torch.cuda.device(self.device), torch.inference_mode(), _fastest_convolutions():
            held = torch.empty_like(example).copy_(example)
            self._stream.wait_stream(torch.cuda.current_stream(self.device))
            with torch.cuda.stream(self._stream):  # on this one, cuDNN chooses and cuBLAS gets its memory
                for _ in range(_WARM_UPS):
                    network(held)
            torch.cuda.synchronize(self.device)
            graph = torch.cuda.CUDAGraph()
            # other threads may load images to the GPU meanwhile
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"):
                outputs = network(held)

        def replay(pixels: Tensor) -> Outputs:
            with torch.cuda.device(self.device), torch.inference_mode():
                stream = torch.cuda.current_stream(self.device)
                stream.wait_event(self._done)  # of the thread before, which may have had another stream
                held.copy_(pixels)
                graph.replay()
                found = tuple(output.clone() for output in outputs)
                self._done.record(stream)
            return found

        return replay


@contextmanager
def _fastest_convolutions() -> Iterator[None]:
    """Let cuDNN try which of its algorithms is the fastest; what is recorded then keeps it."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = not torch.backends.cudnn.deterministic
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
