"""What a GPU runs, here on the CPU and under the real engine: precision, order of channels, graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from ultralytics.cfg import get_cfg

from tests.network.test_cuda_graphs import InFixedMemory
from tests.support.pictures import assert_same_boxes, picture
from yolonas_plugin import NAS
from yolonas_plugin.export.graph import PixelNetwork
from yolonas_plugin.nas.execution import nothing_halved, with_half
from yolonas_plugin.nas.gpu import DTYPES, move, recorded
from yolonas_plugin.nas.inference import InferenceModule
from yolonas_plugin.nas.module import fused_copy
from yolonas_plugin.nn.cuda_graphs import CALLS_BEFORE, RecordedNetwork
from yolonas_plugin.runtimes import RuntimeChoice

CPU = torch.device("cpu")
QUIET = {"verbose": False, "conf": 0.3, "device": "cpu"}


class Made:
    """What the predictor is given in place of ``inference_module``, as that makes it for a GPU."""

    def __init__(self, precision: str) -> None:
        self.precision = precision

    def __call__(self, source: Any, runtime: Any, compile: Any = False, device: Any = None) -> InferenceModule:
        network = move(PixelNetwork(fused_copy(source), source.processing), CPU, self.precision)
        self.network = network
        self.recorded: RecordedNetwork = recorded(network, CPU, InFixedMemory())
        return InferenceModule(source, self.recorded)


@pytest.mark.parametrize(("precision", "atol"), [("fp32", 0.01), ("fp16", 1.5)])
def test_the_engine_runs_it_as_it_was_made(
    precision: str, atol: float, nano: Path, model: NAS, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made(precision)
    monkeypatch.setattr("yolonas_plugin.nas.predict.inference_module", made)
    other = NAS(nano)
    settings = {**QUIET, "conf": 0.7, "imgsz": 96}
    for call in range(CALLS_BEFORE + 2):
        (found,) = other.predict(picture(call), **settings)
        (expected,) = model.predict(picture(call), **settings)
        assert found.boxes.data.dtype == torch.float32
        strong = expected.boxes.data[expected.boxes.conf > 0.72].numpy()
        if precision == "fp32":
            assert_same_boxes(found.boxes.data.numpy(), expected.boxes.data.numpy(), atol=atol)
        for row in strong[:20]:  # in float16 a few at the threshold come and go
            assert (abs(found.boxes.data.numpy() - row).max(axis=1)).min() < atol
    assert made.recorded.replayed == 2
    weights = [p for p in made.network.network.parameters() if p.dim() == 4 and p.shape[1] > 1 and p.shape[2] > 1]
    assert len(weights) > 20
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)
    assert {p.dtype for p in made.network.network.parameters()} == {DTYPES[precision]}


def test_float16_by_the_engine_s_setting_is_the_precision() -> None:
    args = get_cfg()
    assert with_half(RuntimeChoice(), args) == RuntimeChoice()
    assert with_half(RuntimeChoice(precision="fp16"), args).precision == "fp16"
    setattr(args, "quantize" if hasattr(args, "quantize") else "half", 16 if hasattr(args, "quantize") else True)
    assert with_half(RuntimeChoice(), args) == RuntimeChoice(precision="fp16")
    assert with_half(RuntimeChoice(name="openvino"), args) == RuntimeChoice(name="openvino")
    off = nothing_halved(args)
    assert off
    assert not any(off.values())
    assert {*off} <= {*vars(args)}
