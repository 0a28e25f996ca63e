"""The network as it runs on a CPU under Linux: one graph that oneDNN fuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from tests.support import synthetic
from yolonas_plugin.nn import YoloNAS
from yolonas_plugin.nn.onednn import cpu_has_bf16
from yolonas_plugin.nn.onednn_graph import MOST_SHAPES, OneDNNGraph, has_onednn_graph
from yolonas_plugin.nn.simplify import Shortcut, Upsample, simplify

pytestmark = pytest.mark.skipif(not has_onednn_graph(), reason="oneDNN's graph is in torch for x86 CPUs under Linux")


@pytest.fixture
def fused() -> YoloNAS:
    return synthetic.network("n", num_classes=5).fuse()


@pytest.fixture
def graph(fused: YoloNAS) -> OneDNNGraph:
    return graph_of(fused)


def graph_of(fused: YoloNAS) -> OneDNNGraph:
    network = deepcopy(fused)
    simplify(network)
    return OneDNNGraph(network, torch.zeros(1, 3, 32, 32))


def assert_close(found: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> None:
    """Compare pixels and scores in turn; from float64, either network's pixels differ by up to 0.0025."""
    for index, (first, second) in enumerate(zip(found, expected, strict=True)):
        torch.testing.assert_close(first, second, rtol=0, atol=1e-4 if index % 2 else 5e-3)


@torch.inference_mode()
def test_results_are_the_same_for_every_shape_and_call(fused: YoloNAS, graph: OneDNNGraph) -> None:
    for height, width, images in ((160, 96, 1), (64, 64, 3), (160, 96, 1), (32, 320, 1)):
        pixels = synthetic.batch(height, width, images)
        for _ in range(2):
            assert_close(graph(pixels), fused(pixels))


@torch.inference_mode()
def test_poses_are_the_same() -> None:
    fused = synthetic.pose_network("n").fuse()
    graph = graph_of(fused)
    for pixels in (synthetic.batch(160, 96), synthetic.batch(96, 64, 2)):
        for _ in range(2):
            assert_close(graph(pixels), fused(pixels))


@torch.inference_mode()
def test_every_convolution_is_fused(graph: OneDNNGraph) -> None:
    pixels = synthetic.batch(64, 64)
    graph(pixels)
    found = operations(graph, pixels)
    assert sum("Llga" in name for name in found) > 50
    assert not [name for name in found if "convolution" in name or "relu" in name]


@torch.inference_mode()
def test_the_same_image_gives_the_same_to_the_bit(graph: OneDNNGraph) -> None:
    pixels = [synthetic.batch(96, width) for width in (64, 96)]
    first = [graph(images) for images in pixels]
    for _ in range(3):
        for images, expected in zip(pixels, first, strict=True):
            assert all(map(torch.equal, graph(images), expected))


@torch.inference_mode()
def test_more_shapes_than_torch_fuses_run_as_they_are(fused: YoloNAS, graph: OneDNNGraph) -> None:
    shapes = [(32, 32 * width) for width in range(1, MOST_SHAPES + 3)]
    for _ in range(2):
        for height, width in shapes:
            pixels = synthetic.batch(height, width)
            assert_close(graph(pixels), fused(pixels))
    assert len(graph.fused) == MOST_SHAPES
    assert not [name for name in operations(graph, synthetic.batch(*shapes[-1])) if "Llga" in name]
    assert [name for name in operations(graph, synthetic.batch(*shapes[0])) if "Llga" in name]


@pytest.mark.skipif(not cpu_has_bf16(), reason="this CPU computes in bf16 by way of float32")
@torch.inference_mode()
def test_bfloat16_is_as_close_as_torch_is(fused: YoloNAS) -> None:
    network = deepcopy(fused)
    simplify(network)
    graph = OneDNNGraph(network.bfloat16(), torch.zeros(1, 3, 32, 32, dtype=torch.bfloat16))
    plain = deepcopy(fused).bfloat16()
    ours, theirs = [], []
    for width in (96, 128, 160, 192):
        images = synthetic.batch(160, width)
        exact, close = fused(images), plain(images.bfloat16())
        boxes, scores = graph(images.bfloat16())
        assert boxes.dtype == scores.dtype == torch.float32
        for outputs, off in (((boxes, scores), ours), (close, theirs)):
            off.append([(found - expected).abs().mean() for found, expected in zip(outputs, exact, strict=True)])
    for off, plainly in zip(torch.tensor(ours).mean(0), torch.tensor(theirs).mean(0), strict=True):
        assert 0 < off <= 1.25 * plainly


@torch.inference_mode()
def test_threads_may_share_it_from_the_first_call(fused: YoloNAS, graph: OneDNNGraph) -> None:
    images = [synthetic.batch(64, 64 + 32 * (index % 4)) for index in range(16)]
    with ThreadPoolExecutor(4) as pool:
        for found, image in zip(pool.map(graph, images), images, strict=True):
            assert_close(found, fused(image))


def test_nothing_of_the_process_is_changed(fused: YoloNAS, recwarn: pytest.WarningsRecorder) -> None:
    state, before = torch.random.get_rng_state(), torch.jit.onednn_fusion_enabled()
    graph = graph_of(fused)
    for _ in range(2):
        graph(synthetic.batch(32, 32))
    with pytest.raises(RuntimeError):
        graph(torch.zeros(1, 7, 32, 32))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.jit.onednn_fusion_enabled() == before
    assert not recwarn.list


@torch.inference_mode()
def test_the_simpler_network_is_the_same(fused: YoloNAS) -> None:
    simpler, pixels = deepcopy(fused).double(), synthetic.batch(96, 160).double()
    simplify(simpler)
    kinds = [type(module) for module in simpler.modules()]
    assert kinds.count(Upsample) == 2
    assert kinds.count(Shortcut) > 10
    for found, expected in zip(simpler(pixels), fused.double()(pixels), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, -0.7])
@torch.inference_mode()
def test_a_shortcut_that_can_not_be_scaled_stays(alpha: float, fused: YoloNAS) -> None:
    """Behind ReLU a negative scale is another function, and nothing is divided by zero."""
    layer: nn.Module = fused.backbone.stage2.blocks
    layer.bottlenecks[1].alpha.fill_(alpha)
    graph, pixels = graph_of(fused), synthetic.batch(96, 64)
    assert not [module for module in graph.network.backbone.stage2.modules() if isinstance(module, Shortcut)]
    for _ in range(2):
        assert_close(graph(pixels), fused(pixels))


def operations(graph: OneDNNGraph, pixels: Tensor) -> list[str]:
    with profile(activities=[ProfilerActivity.CPU]) as found:
        graph(pixels)
    return [event.key for event in found.key_averages()]
