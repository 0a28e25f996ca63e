"""The Ultralytics engine: which one is installed, what it holds, and its layout of predictions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
import torch
from packaging.version import Version
from torch import Tensor

if TYPE_CHECKING:
    from yolonas_plugin import NAS

OLD_ENGINE = Version(version("ultralytics")) < Version("8.4")
needs_engine_s_onnx = pytest.mark.skipif(
    OLD_ENGINE and Version(torch.__version__) >= Version("2.9") and find_spec("onnxscript") is None,
    reason="ultralytics 8.3 exports ONNX on torch 2.9 and newer only with onnxscript, whatever the model",
)


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Give torch a number of threads that the engine would not choose, and see that it is left so."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
        assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(before)


def runtime_of(model: NAS) -> Any:
    """Return the runtime that the engine runs, of a model that has predicted on OpenVINO or ONNX Runtime."""
    (runtime,) = (cell.cell_contents for cell in model.predictor.model.model.run.__closure__)
    return runtime


def compiled(runtime: Any) -> Any:
    """Return what OpenVINO's runtime compiled last."""
    return list(runtime._compiled.values())[-1][0]


def split_output(output: Tensor) -> tuple[Tensor, Tensor]:
    """Turn [B, 4 + C, A] into boxes x1, y1, x2, y2 [B, A, 4] and scores [B, A, C]."""
    output = output.transpose(1, 2)
    centre, extent, scores = output.split((2, 2, output.shape[-1] - 4), dim=-1)
    return torch.cat((centre - extent / 2, centre + extent / 2), dim=-1), scores
