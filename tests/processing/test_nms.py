"""Suppression gives what torchvision gives, without importing it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torchvision

from exhaustive import first
from tests.support.crowd import crowd
from yolonas_plugin.boxes.tensors import class_aware_nms, nms

CALL = """
import sys, torch
from yolonas_plugin.boxes.tensors import nms
boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30]])
scores = torch.tensor([0.5, 0.9, 0.7])
assert nms(boxes, scores, 0.5).tolist() == [1, 2]
"""


@pytest.mark.parametrize("count", [0, 1, 50, 1000, 1001, 1500])
@pytest.mark.parametrize("iou", [0.0, 0.5, 0.7])
def test_the_same_boxes_as_torchvision_in_the_same_order(count: int, iou: float) -> None:
    boxes, scores, labels = crowd(count)
    assert torch.equal(nms(boxes, scores, iou), torchvision.ops.nms(boxes, scores, iou))
    expected = torchvision.ops.batched_nms(boxes, scores, labels, iou)
    assert torch.equal(class_aware_nms(boxes, scores, labels, iou), expected)


@pytest.mark.parametrize("count", [200, 600])
def test_classes_are_moved_apart_by_as_much_as_torchvision_does(count: int) -> None:
    """Pairs that overlap by exactly the threshold: whether both stay depends on how the distance rounds them."""
    for seed in range(10):
        random = torch.Generator().manual_seed(seed)
        step = (1 + torch.randint(200, (count, 1), generator=random)) / 7
        corner = torch.randint(4000, (count, 2), generator=random) / 7
        first = torch.cat((corner, corner + 3 * step), dim=1)
        boxes = torch.cat((first, first + step * torch.tensor([1.0, 0, 1, 0])))
        scores = torch.rand(2 * count, generator=random)
        labels = torch.randint(80, (count,), generator=random).repeat(2)
        expected = torchvision.ops.batched_nms(boxes, scores, labels, 0.5)
        assert torch.equal(class_aware_nms(boxes, scores, labels, 0.5), expected)


def run(program: str, *args: str) -> str:
    done = subprocess.run([sys.executable, "-c", program, *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_torchvision_is_not_imported_and_may_be_before_or_later() -> None:
    run(
        "import os, torch\n"
        f"if os.fork() == 0:\n    import torchvision\n    exec({CALL!r})\n    os._exit(0)\n"
        f"assert os.wait()[1] == 0\n{CALL}\nassert 'torchvision' not in sys.modules\n"
        "import torchvision\nassert torchvision.ops.nms(boxes, scores, 0.5).tolist() == [1, 2]"
    )


@pytest.mark.parametrize("library", first(["damaged", "absent"]))
def test_torchvision_is_imported_where_its_library_can_t_be_loaded_alone(library: str, tmp_path: Path) -> None:
    if library == "damaged":
        (tmp_path / "_C.so").write_bytes(b"no library")
    elsewhere = (
        "import sys, torch\nfrom importlib.machinery import PathFinder\n"
        "from yolonas_plugin.boxes import tensors as ours\n"
        "class Elsewhere:\n    find_spec = staticmethod(lambda name, path: PathFinder.find_spec(name, [sys.argv[1]]))\n"
        "ours.PathFinder = Elsewhere\n"
    )
    run(f"{elsewhere}{CALL}\nassert 'torchvision' in sys.modules", str(tmp_path))
