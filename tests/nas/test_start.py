"""What the first prediction does and doesn't do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.support import synthetic
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.nas.module import NASModule, fused_copy
from yolonas_plugin.processing import COCO

PREDICT = """
import sys
from yolonas_plugin import NAS
(result,) = NAS(sys.argv[1], runtime=sys.argv[3]).predict(sys.argv[2], verbose=False)
assert len(result.boxes)
print(*(name for name in ("torchvision", "torch._dynamo", "sympy", "matplotlib", "pandas") if name in sys.modules))
"""


def module() -> NASModule:
    made = NASModule(ModelInfo(size="n", names=("a", "b", "c"), processing=COCO))
    made.load_state_dict(synthetic.network("n", num_classes=3).state_dict())
    return made.eval()


@pytest.mark.parametrize("runtime", ["torch", "openvino", "onnxruntime"])
def test_the_first_boxes_need_neither_torchvision_nor_torch_s_compiler(runtime: str, nano: Path, image: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PREDICT, str(nano), str(image), runtime], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def test_a_fused_copy_leaves_its_original_alone() -> None:
    original = module()
    before = {name: tensor.clone() for name, tensor in original.state_dict().items()}
    fused = fused_copy(original)
    assert fused.is_fused()
    for parameter in fused.parameters():
        assert not parameter.requires_grad
        parameter.data.fill_(7)
    assert all(parameter.requires_grad for parameter in original.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in original.state_dict().items())


def test_a_fused_copy_is_not_trained_with_its_original() -> None:
    original = module()
    fused = fused_copy(original)
    before = {name: tensor.clone() for name, tensor in fused.state_dict().items()}
    with torch.no_grad():
        for parameter in original.parameters():
            parameter.add_(1)
    assert all(torch.equal(tensor, before[name]) for name, tensor in fused.state_dict().items())
