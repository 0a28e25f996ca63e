"""The network as it runs on a CPU: weights packed, ReLU fused into the convolutions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from tests.support import synthetic
from yolonas_plugin.nn import YoloNAS
from yolonas_plugin.nn.onednn import OneDNNConv, cpu_has_bf16, has_onednn, use_onednn

pytestmark = pytest.mark.skipif(not has_onednn(), reason="oneDNN's operators are used on x86 CPUs only")


@pytest.fixture
def fused() -> YoloNAS:
    return synthetic.network("n", num_classes=5).fuse()


@pytest.fixture
def packed(fused: YoloNAS) -> YoloNAS:
    network = deepcopy(fused)
    use_onednn(network)
    return network


def assert_close(found: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor]) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)


@torch.inference_mode()
def test_results_are_the_same_for_every_shape_of_input(fused: YoloNAS, packed: YoloNAS) -> None:
    for images in (synthetic.batch(160, 96), synthetic.batch(64, 64, images=3), synthetic.batch(160, 96)):
        assert_close(packed(images), fused(images))


@torch.inference_mode()
def test_every_convolution_is_packed_and_its_plain_weights_are_let_go(packed: YoloNAS) -> None:
    packed(synthetic.batch(64, 64))
    assert not [module for module in packed.modules() if isinstance(module, (nn.Conv2d, nn.ReLU))]
    convolutions = [module for module in packed.modules() if isinstance(module, OneDNNConv)]
    assert len(convolutions) > 50
    assert all(packed.is_mkldnn for module in convolutions for packed in module.packed.values())


@torch.inference_mode()
def test_no_call_orders_weights_anew(packed: YoloNAS) -> None:
    """Whatever shape came first, each has the order that oneDNN wants of it: else every call would reorder weights."""
    shapes = [(64, 64), (320, 320), (64, 64), (320, 256)]
    for height, width in shapes:
        packed(synthetic.batch(height, width))
    convolutions = [module for module in packed.modules() if isinstance(module, OneDNNConv)]
    for module in convolutions:
        assert len(module.packed) == len(set(shapes))
        for shape, found in module.packed.items():
            wanted = torch._C._nn.mkldnn_reorder_conv2d_weight(
                found.to_dense().to_mkldnn(), *module.where, torch.Size(shape)
            )
            assert order(found) == order(wanted)
    kept = {id(found) for module in convolutions for found in module.packed.values()}
    assert len(kept) < 2.5 * len(convolutions)  # those alike share them


def order(packed: Tensor) -> list[int]:
    return torch.ops.mkldnn._get_mkldnn_serialized_md(packed).tolist()


@pytest.mark.skipif(not cpu_has_bf16(), reason="this CPU computes in bf16 by way of float32")
@torch.inference_mode()
def test_bfloat16_is_packed_too(fused: YoloNAS, packed: YoloNAS) -> None:
    packed.bfloat16()
    plain, images = deepcopy(fused).bfloat16(), synthetic.batch(160, 96).bfloat16()
    boxes, scores = packed(images)
    assert all(
        one.dtype == torch.bfloat16 for m in packed.modules() if isinstance(m, OneDNNConv) for one in m.packed.values()
    )
    exact, close = fused(images.float()), plain(images)
    for found, plainly, expected in zip((boxes, scores), close, exact, strict=True):
        off = (found - expected).abs().mean()
        assert 0 < off <= 1.2 * (plainly - expected).abs().mean()  # as far off as torch's own bfloat16 is


@torch.inference_mode()
def test_threads_may_share_it_from_the_first_call(fused: YoloNAS, packed: YoloNAS) -> None:
    images = [synthetic.batch(64, 64 + 32 * index) for index in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for found, image in zip(pool.map(packed, images), images, strict=True):
            assert_close(found, fused(image))


@torch.inference_mode()
def test_other_types_run_as_before(fused: YoloNAS, packed: YoloNAS) -> None:
    images = synthetic.batch(64, 64).double()
    for found, expected in zip(packed.double()(images), fused.double()(images), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
