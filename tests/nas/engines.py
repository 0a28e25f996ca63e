"""What old versions of the Ultralytics engine can't do."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch
import ultralytics
from ultralytics.utils.checks import parse_version

OLD_ENGINE = parse_version(ultralytics.__version__) < (8, 4)
needs_engine_s_onnx = pytest.mark.skipif(
    OLD_ENGINE and parse_version(torch.__version__) >= (2, 9) and find_spec("onnxscript") is None,
    reason="ultralytics 8.3 exports ONNX on torch 2.9 and newer only with onnxscript, whatever the model",
)
