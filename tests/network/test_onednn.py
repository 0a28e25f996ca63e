"""The network as it runs on a CPU: weights packed, ReLU fused into the convolutions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from tests.support import synthetic
from yolonas_plugin.nn import YoloNAS
from yolonas_plugin.nn.onednn import OneDNNConv, has_onednn, use_onednn

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
    assert all(module.packed is not None and module.packed.is_mkldnn for module in convolutions)


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
        assert torch.equal(found, expected)
