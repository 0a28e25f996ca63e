"""Letterbox with tensors, which GPUs do, against OpenCV's on the CPU; the tensors here are on the CPU."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from tests.support.pictures import picture
from yolonas_plugin.nas.canvases import LARGEST, letterbox_batch, letterbox_on_device, scale
from yolonas_plugin.processing import COCO, POSE, SUPER_GRADIENTS, Image, ProcessingSpec

CPU = torch.device("cpu")
SPECS = {
    "centred, with a margin": COCO.with_size((160, 224)),
    "bottom right": SUPER_GRADIENTS.with_size((192, 96)),
    "grey 127": POSE.with_size((64, 64)),
    "stretched": ProcessingSpec(size=(96, 160), resize=(96, 160), keep_ratio=False),
}


def noise(height: int, width: int, channels: int = 3) -> Image:
    values = np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, channels))
    return values.astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_scaling_is_opencv_s(channels: int) -> None:
    """One grey value at most, in one pixel of a thousand at most: OpenCV's own arithmetic differs among CPUs."""
    sides = np.random.default_rng(0).integers(1, 200, (60, 4)).tolist()
    sides += [[80, 60, 40, 30], [80, 60, 40, 31], [2, 2, 1, 1], [1, 1, 50, 50], [7, 90, 7, 45], [3, 5, 300, 2]]
    for before_y, before_x, height, width in sides:
        image = noise(before_y, before_x, channels)
        expected = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, -1)
        found = scale(torch.from_numpy(image), height, width).numpy()
        apart = np.abs(found.astype(int) - expected)
        assert found.shape == expected.shape
        assert apart.max() <= 1, (image.shape, found.shape)
        assert (apart > 0).mean() <= 0.001 or apart.size < 1000


@pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))
def test_canvases_and_places_are_those_of_the_cpu(spec: ProcessingSpec) -> None:
    images = [picture(seed, height=100 + 30 * seed, width=150) for seed in range(3)]
    images += [noise(33, 200), noise(1, 1), noise(*spec.resize), images[0][:, ::-1][10:, 5:]]
    for size in (spec.size, spec.tight_size(images)):
        expected, places = letterbox_batch(images, spec, size, CPU)
        found, mine = letterbox_on_device(images, spec, size, CPU)
        assert mine == places
        assert found.shape == expected.shape == (len(images), 3, *size)
        assert found.dtype == expected.dtype == torch.uint8
        assert found.stride() == expected.stride()  # channels last
        assert (found.int() - expected.int()).abs().max() <= 1
    for index, image in enumerate(images):
        alone, place = letterbox_on_device([image], spec, spec.size, CPU)
        canvas, expected_place = spec.letterbox(image)
        assert place == [expected_place]
        assert np.abs(alone[0].permute(1, 2, 0).numpy().astype(int) - canvas).max() <= 1, index


def test_grey_images() -> None:
    spec = COCO.with_size((96, 96))
    found, _ = letterbox_on_device([noise(50, 70, 1)], spec, spec.size, CPU)
    expected, _ = letterbox_batch([noise(50, 70, 1)], spec, spec.size, CPU)
    assert found.shape == (1, 1, 96, 96)
    assert (found.int() - expected.int()).abs().max() <= 1


def test_a_large_image_is_scaled_before_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = COCO.with_size((64, 64))
    sent: list[tuple[int, ...]] = []
    to_tensor = torch.from_numpy

    def watched(values: np.ndarray) -> torch.Tensor:
        sent.append(values.shape)
        return to_tensor(values)

    monkeypatch.setattr("yolonas_plugin.nas.canvases.torch.from_numpy", watched)
    small, large = noise(128, 128), noise(129, 128)
    assert small.shape[0] * small.shape[1] == LARGEST * 64 * 64
    found, _ = letterbox_on_device([small, large], spec, spec.size, CPU)
    assert [shape for shape in sent if len(shape) == 3] == [(128, 128, 3), (64, 64, 3)]
    assert (found[1].permute(1, 2, 0).numpy() == spec.letterbox(large)[0]).all()
