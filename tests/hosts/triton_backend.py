"""What stands in for Triton's own ONNX Runtime backend, which isn't to be had by pip: ONNX Runtime's Python package.

Triton runs this file, as a backend that is written in Python, in a process with an interpreter of its own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

sys.path += os.environ["TRITON_BACKEND_PATH"].split(os.pathsep)

import numpy as np
import onnxruntime
import triton_python_backend_utils as triton


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        path = Path(args["model_repository"], args["model_version"], "model.onnx")
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def execute(self, requests: list[Any]) -> list[Any]:
        # by DLPack: the server's Python part is built for numpy 1, and loses what is in arrays of numpy 2
        images = [np.from_dlpack(triton.get_input_tensor_by_name(request, "pixels")) for request in requests]
        found = self.session.run(None, {"pixels": np.concatenate(images)})
        names = [output.name for output in self.session.get_outputs()]
        ends = np.cumsum([len(each) for each in images])[:-1]
        return [
            triton.InferenceResponse([triton.Tensor.from_dlpack(*pair) for pair in zip(names, parts, strict=True)])
            for parts in zip(*(np.split(output, ends) for output in found), strict=True)
        ]
