"""Which shapes graphs are made for, how many are kept, and that a result isn't written over by the next call.

The recorder here works on the CPU as CUDA's does: in memory of its own, which each replay writes to.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from yolonas_plugin.nn.cuda_graphs import CALLS_BEFORE, KEPT, MOST_PIXELS, Network, RecordedNetwork


class InFixedMemory:
    """Records by computing in one place for each shape, as a CUDA graph does."""

    def __init__(self, fails: bool = False) -> None:
        self.recorded: list[tuple[int, ...]] = []
        self.fails = fails

    def record(self, network: Network, example: Tensor) -> Network:
        if self.fails:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.recorded.append(tuple(example.shape))
        held = example.clone()
        outputs = tuple(output.clone() for output in network(held))

        def replay(pixels: Tensor) -> tuple[Tensor, ...]:
            held.copy_(pixels)
            for output, found in zip(outputs, network(held), strict=True):
                output.copy_(found)
            return tuple(output.clone() for output in outputs)

        return replay


def network(pixels: Tensor) -> tuple[Tensor, ...]:
    return pixels.float() * 2, pixels.flatten(1).float().sum(dim=1)


def images(value: float, batch: int = 1, side: int = 8) -> Tensor:
    return torch.full((batch, 3, side, side), value)


def made(**settings: int) -> tuple[RecordedNetwork, InFixedMemory]:
    recorder = InFixedMemory()
    return RecordedNetwork(network, recorder, **settings), recorder


def test_a_shape_that_comes_often_is_recorded_and_gives_the_same() -> None:
    recorded, recorder = made()
    for call in range(CALLS_BEFORE + 3):
        assert recorder.recorded == ([] if call <= CALLS_BEFORE else [(1, 3, 8, 8)])
        for found, expected in zip(recorded(images(call)), network(images(call)), strict=True):
            assert torch.equal(found, expected)
    assert recorded.replayed == 3


def test_a_result_is_not_written_over_by_the_next_call() -> None:
    recorded, _ = made(calls_before=0)
    first, second = recorded(images(1)), recorded(images(5))
    assert recorded.replayed == 2
    assert (first[0] == 2).all()
    assert (second[0] == 10).all()


def test_the_last_shapes_are_kept() -> None:
    recorded, recorder = made(calls_before=1)
    for side in (8, 16, 24, 32):
        recorded(images(1, side=side))
        recorded(images(1, side=side))
    assert len(recorded.shapes) == KEPT == 4
    recorded(images(1, side=8))  # used again
    for _ in range(2):
        recorded(images(1, side=40))
    assert [shape[0][-1] for shape in recorded.shapes] == [24, 32, 8, 40]
    recorded(images(1, side=16))  # which went, and has to come as often again
    assert recorder.recorded == [(1, 3, side, side) for side in (8, 16, 24, 32, 40)]
    assert (recorded(images(3, side=16))[0] == 6).all()
    assert recorder.recorded[-1] == (1, 3, 16, 16)


def test_a_folder_of_many_shapes_is_not_recorded() -> None:
    recorded, recorder = made()
    for _ in range(CALLS_BEFORE + 2):
        for side in range(1, 101):  # more than are counted
            recorded(images(1, side=side))
    assert recorder.recorded == []
    assert recorded.replayed == 0
    assert len(recorded._calls) <= 64


def test_types_and_layouts_have_graphs_of_their_own() -> None:
    recorded, recorder = made(calls_before=0)
    for pixels in (images(1), images(1).byte(), images(1).contiguous(memory_format=torch.channels_last)):
        assert (recorded(pixels)[0] == 2).all()
        recorded(pixels)
    assert len(recorder.recorded) == 3


def test_large_batches_run_as_they_are() -> None:
    recorded, recorder = made(calls_before=0, most_pixels=4 * 64)
    recorded(images(1, batch=5))
    assert recorder.recorded == []
    recorded(images(1, batch=4))
    assert recorder.recorded == [(4, 3, 8, 8)]
    assert MOST_PIXELS >= 640 * 640


def test_what_cannot_be_recorded_runs_as_it_is_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    recorded = RecordedNetwork(network, InFixedMemory(fails=True), calls_before=1)
    with caplog.at_level(logging.WARNING, "yolonas_plugin"):
        for call in range(5):
            assert (recorded(images(call))[0] == 2 * call).all()
    assert [record.getMessage() for record in caplog.records] == [
        "the network can't be recorded as a CUDA graph, and runs as it is: operation not permitted when stream is "
        "capturing"
    ]


def test_threads_share_it() -> None:
    recorded, recorder = made(calls_before=1)
    with ThreadPoolExecutor(8) as pool:
        values = [(call % 7, 8 * (1 + call % 2)) for call in range(400)]
        found = list(pool.map(lambda value: recorded(images(value[0], side=value[1])), values))
    for (value, side), (doubled, total) in zip(values, found, strict=True):
        assert (doubled == 2 * value).all()
        assert total.item() == 3 * side * side * value
    assert sorted(recorder.recorded) == [(1, 3, 8, 8), (1, 3, 16, 16)]
    assert recorded.replayed >= 390
