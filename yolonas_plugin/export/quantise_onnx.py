"""INT8 for ONNX Runtime, by its own post-training quantisation: which range each activation has is measured on images.

The file has pairs of QuantizeLinear and DequantizeLinear around what is quantised (QDQ); ONNX Runtime makes integer
operations of those that it finds on all sides of an operation, and of its ReLU with it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tqdm import tqdm

from yolonas_plugin.export.description import INPUTS, Description
from yolonas_plugin.export.kept import KEPT
from yolonas_plugin.files.temporary import TemporaryFolder
from yolonas_plugin.processing import Image
from yolonas_plugin.system.environment import is_terminal
from yolonas_plugin.system.silence import onnxruntime

if TYPE_CHECKING:
    import onnx

_QUANTISED: Final = ("Conv", "ConvTranspose", "Relu", "MaxPool", "Concat", "Add", "Mul")
"""Types of operations that are quantised. ReLUs belong to it: one between two of them keeps both in fp32 otherwise."""

_NETWORK: Final = re.compile(r"/(backbone|neck|heads/head\d+)/")
"""In names of operations: the network, but neither the preparation nor the decoding, where a step would be pixels."""

_SCORES: Final = (".*cls_pred.*",)
"""The convolutions that give scores: ONNX Runtime would give those in 256 steps too, unlike OpenVINO."""


def quantise_onnx(
    graph: Path,
    description: Description,
    images: Iterable[Image],
    most: int,
    path: Path,
    kept: Sequence[str] = KEPT,
) -> None:
    """Write a network with its convolutions, and what is between them, in int8; a terminal shows how far it is.

    Weights are symmetric, with a step for each channel. Activations have one range each, from the least to the most
    that any image has: the mean of the images' ranges cost more mAP on BCCD.

    Args:
        graph: Its ONNX file, which takes pixels.
        description: Of that file.
        images: [H, W, C] in BGR, like those that it will see; one or more.
        most: As many are looked at.
        path: The ONNX file to be written.
        kept: Names of convolutions that stay as they are, as regular expressions, besides those that give scores.

    Raises:
        OSError: The file can't be written.
    """
    import onnx

    ort = import_module(f"{onnxruntime.__name__}.quantization")  # of the one that is imported in silence
    with TemporaryFolder() as folder:
        model = _prepared(graph)
        source, target = Path(folder, "prepared.onnx"), Path(folder, "quantised.onnx")
        onnx.save(model, source)
        ort.quantize_static(
            source,
            target,
            _Calibration(images, most, description),
            quant_format=ort.QuantFormat.QDQ,
            activation_type=ort.QuantType.QUInt8,
            weight_type=ort.QuantType.QInt8,
            per_channel=True,
            # 7 bits for weights: CPUs without VNNI add pairs of products in 16 bits, which 8 bits overflow
            reduce_range=True,
            op_types_to_quantize=list(_QUANTISED),
            nodes_to_quantize=_names(model, (*kept, *_SCORES)),
        )
        quantised = onnx.load(target)
    del quantised.metadata_props[:]
    onnx.helper.set_model_props(quantised, description.to_metadata(batch=1, dynamic=True))
    onnx.save(quantised, path)


def _prepared(graph: Path) -> onnx.ModelProto:
    """Return a graph that knows the types of its tensors, and says so, as the quantiser would advise otherwise."""
    import onnx

    model = onnx.shape_inference.infer_shapes(onnx.load(graph))
    onnx.helper.set_model_props(model, {"onnx.quant.pre_process": "onnxruntime.quant"})
    return model


def _names(model: onnx.ModelProto, kept: Sequence[str]) -> list[str]:
    """Return the names of the operations that are quantised."""
    nodes = (node for node in model.graph.node if node.op_type in _QUANTISED and _NETWORK.search(node.name))
    return [node.name for node in nodes if not any(re.fullmatch(pattern, node.name) for pattern in kept)]


class _Calibration:
    """The images as ONNX Runtime's quantiser asks for them: inputs of the graph one by one, and then None."""

    def __init__(self, images: Iterable[Image], most: int, description: Description) -> None:
        self._left = self._inputs(images, most, description)

    def get_next(self) -> dict[str, Any] | None:
        """Return the inputs of the next image."""
        return next(self._left, None)

    @staticmethod
    def _inputs(images: Iterable[Image], most: int, description: Description) -> Iterator[dict[str, Any]]:
        name = INPUTS[description.takes].name
        shown = is_terminal(sys.stderr)
        for image in tqdm(images, "int8: calibration", most, disable=not shown, leave=False, dynamic_ncols=True):
            yield {name: description.processing.letterbox(image)[0][None]}
