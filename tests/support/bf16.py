"""Whether this machine computes in bf16: tests ask, and assume neither."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from yolonas_plugin.export.openvino_core import core
from yolonas_plugin.nn.onednn import cpu_has_bf16


@cache
def openvino_has_bf16() -> bool:
    """Whether OpenVINO runs a convolution in bf16, which its list of capabilities may say where oneDNN is held back."""
    import openvino
    from openvino import opset8

    from yolonas_plugin.runtimes.openvino import types_of_convolutions

    if "BF16" not in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return False
    images = opset8.parameter([1, 16, 8, 8], np.float32)
    weights = opset8.constant(np.ones((16, 16, 1, 1), np.float32))
    network = openvino.Model([opset8.convolution(images, weights, [1, 1], [0, 0], [0, 0], [1, 1])], [images])
    try:
        compiled = core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "bf16"})
    except RuntimeError:
        return False
    return types_of_convolutions(compiled) == {"bf16"}


needs_bf16 = pytest.mark.skipif(
    not (cpu_has_bf16() and openvino_has_bf16()), reason="torch or OpenVINO has no bf16 on this CPU"
)
