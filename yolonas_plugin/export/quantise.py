"""INT8 for OpenVINO by post-training quantisation: NNCF measures on images which range each activation has."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

from yolonas_plugin.errors import MissingExtraError
from yolonas_plugin.export.description import Description
from yolonas_plugin.export.kept import KEPT
from yolonas_plugin.export.openvino import save_openvino
from yolonas_plugin.export.openvino_core import core
from yolonas_plugin.processing import Image

_DECODING: Final = ["Softmax", "MatMul", "Sigmoid", "Subtract", "Multiply", "Divide", "Convert"]
"""Types of operations left as they are: those of the preparation and the decoding, where a step would be pixels."""


def quantise(
    graph: Path,
    description: Description,
    images: Iterable[Image],
    most: int,
    path: Path,
    kept: Sequence[str] = KEPT,
) -> None:
    """Write a network with convolutions in int8; NNCF shows its progress on stderr.

    Args:
        graph: Its ONNX file, which takes pixels.
        description: Of that file.
        images: [H, W, C] in BGR, like those that it will see; one or more. They are gone through as often as needed.
        most: As many are looked at.
        path: OpenVINO's .xml file, to be written.
        kept: Names of convolutions that stay as they are, as regular expressions.

    Raises:
        MissingExtraError: NNCF isn't installed.
        OSError: The file can't be written.
    """
    nncf = _nncf()
    with contextlib.redirect_stdout(sys.stderr):
        quantised = nncf.quantize(
            core().read_model(graph),
            nncf.Dataset(images, lambda image: description.processing.letterbox(image)[0][None]),
            subset_size=most,
            preset=nncf.QuantizationPreset.MIXED,
            ignored_scope=nncf.IgnoredScope(types=_DECODING, patterns=[*kept], validate=False),
            # 7 bits for weights: CPUs without VNNI add pairs of products in 16 bits, which 8 bits overflow
            advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE),
        )
    save_openvino(quantised, description.to_metadata(batch=1, dynamic=True), path)


def _nncf() -> ModuleType:
    try:
        from yolonas_plugin.system.silence import nncf
    except ImportError as error:
        raise MissingExtraError("precision='int8'", "NNCF", "int8") from error
    nncf.set_log_level(logging.ERROR)
    return nncf
