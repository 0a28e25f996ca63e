"""Box selection inside an ONNX graph: threshold, the best candidates, NMS, and the best of what is left, in order.

super-gradients' export cuts what NMS gives before sorting it, class by class, so that busy images lose classes with
high numbers; here the best score stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from yolonas_plugin.nn.head import STRIDES
from yolonas_plugin.processing import ProcessingSpec

if TYPE_CHECKING:
    import onnx

FRIGATE_ROWS: Final = 20
"""As many rows as Frigate reads."""


def rows_of_batch(spec: ProcessingSpec, classes: int) -> int:
    """Return M of :data:`~yolonas_plugin.export.description.Gives`' ``batch``, for images of the processing's size."""
    height, width = spec.size
    places = sum((height // stride) * (width // stride) for stride in STRIDES)
    return min(spec.max_detections, spec.top_k, places * (classes if spec.multi_label else 1))


def append_selection(
    graph: onnx.GraphProto,
    spec: ProcessingSpec,
    gives: Literal["flat", "batch", "frigate"],
    detections: int | str = "detections",
) -> None:
    """Let a graph select from what it gives, in place.

    Args:
        graph: Its two outputs are boxes [B, A, 4] and scores [B, A, C]; they must not be called as the new ones.
        spec: Has the settings of box spec.
        gives: The form of the outputs, see :data:`yolonas_plugin.export.description.Gives`.
        detections: M of ``batch``, or its name where it is free.
    """
    import onnx

    add = _Nodes(graph)
    all_boxes, all_scores = (output.name for output in graph.output)
    del graph.output[:]
    most = FRIGATE_ROWS if gives == "frigate" else spec.max_detections

    # the best candidates [B, K]: pairs of a place and a class
    classes = add("Gather", add("Shape", all_scores), add.ints(2))
    if spec.multi_label:
        every = add("Reshape", all_scores, add.ints([0, -1]))  # [B, A * C]
        scores, index = add("TopK", every, _at_most(add, spec.top_k, every), outputs=2, axis=1)
        place, label = add("Div", index, classes), add("Mod", index, classes)
    else:
        likeliest = add("ArgMax", all_scores, axis=2)  # [B, A, 1]
        every = add("Squeeze", add("GatherElements", all_scores, likeliest, axis=2), add.ints([2]))
        scores, place = add("TopK", every, _at_most(add, spec.top_k, every), outputs=2, axis=1)
        label = add("GatherElements", add("Squeeze", likeliest, add.ints([2])), place, axis=1)
    boxes = _gather(add, all_boxes, place)  # [B, K, 4]

    # NMS among those of each class: scores [B, C, K] are nothing for the other classes
    row = add("Unsqueeze", scores, add.ints([1]))
    if spec.class_agnostic:
        per_class = row
    else:
        one_hot = add("OneHot", label, classes, add.floats([0, 1]), axis=1)
        per_class = add("Mul", one_hot, row)
    limits = add.ints([most]), add.floats([spec.iou]), add.floats([spec.conf])
    kept = add("NonMaxSuppression", boxes, per_class, *limits)

    # the best of those that are left; -1 stands for those that aren't
    where = add("Gather", kept, add.ints([0, 2]), axis=1)  # image and candidate [N, 2]
    left = add("Expand", add.floats(-1), add("Shape", scores))
    left = add("ScatterND", left, where, add("GatherND", scores, where))
    best, order = add("TopK", left, _at_most(add, most, left), outputs=2, axis=1)  # [B, M]
    valid = add("Greater", best, add.floats(-1))
    boxes, label = _gather(add, boxes, order), add("GatherElements", label, order, axis=1)

    kind = onnx.TensorProto
    if gives == "batch":
        counts = add("ReduceSum", add("Cast", valid, to=kind.INT64), add.ints([1]), keepdims=1)
        nothing = add.floats(0)
        mask = add("Unsqueeze", valid, add.ints([2]))
        add.output("num_detections", counts, kind.INT64, ["batch", 1])
        add.output("boxes", add("Where", mask, boxes, nothing), kind.FLOAT, ["batch", detections, 4])
        add.output("scores", add("Where", valid, best, nothing), kind.FLOAT, ["batch", detections])
        add.output("classes", add("Where", valid, label, add.ints(-1)), kind.INT64, ["batch", detections])
    else:
        image = add("Range", add.ints(0), add("Gather", add("Shape", best), add.ints(0)), add.ints(1))
        image = add("Expand", add("Unsqueeze", image, add.ints([1])), add("Shape", best))  # [B, M]
        label = add("Where", valid, label, add.ints(-1))
        columns = [add("Unsqueeze", add("Cast", x, to=kind.FLOAT), add.ints([2])) for x in (image, best, label)]
        rows = add("Concat", columns[0], boxes, *columns[1:], axis=2)  # [B, M, 7]
        if gives == "flat":
            rows = add("GatherND", rows, add("Transpose", add("NonZero", valid), perm=[1, 0]))
            add.output("detections", rows, kind.FLOAT, ["detections", 7])
        else:
            add.output("detections", add("Reshape", rows, add.ints([-1, 7])), kind.FLOAT, [FRIGATE_ROWS, 7])


def _at_most(add: _Nodes, count: int, values: str) -> str:
    """Return ``count``, or the number of columns of ``values`` if there are fewer, [1]."""
    return add("Min", add.ints([count]), add("Gather", add("Shape", values), add.ints([1])))


def _gather(add: _Nodes, values: str, index: str) -> str:
    """Take rows of ``values`` [B, N, 4] by their numbers [B, K]."""
    return add("GatherND", values, add("Unsqueeze", index, add.ints([2])), batch_dims=1)


class _Nodes:
    """Appends nodes to a graph; each call returns the names of its outputs."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self._count = 0

    def __call__(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        from onnx import helper

        names = [self._name() for _ in range(outputs)]
        self.graph.node.append(helper.make_node(op, inputs, names, name=names[0], **attributes))
        return names[0] if outputs == 1 else names

    def ints(self, values: Any) -> str:
        return self._constant(np.asarray(values, np.int64))

    def floats(self, values: Any) -> str:
        return self._constant(np.asarray(values, np.float32))

    def output(self, name: str, value: str, kind: int, shape: list[Any]) -> None:
        from onnx import helper

        self.graph.node.append(helper.make_node("Identity", [value], [name]))
        self.graph.output.append(helper.make_tensor_value_info(name, kind, shape))

    def _constant(self, values: np.ndarray) -> str:
        from onnx import numpy_helper

        self.graph.initializer.append(numpy_helper.from_array(values, self._name()))
        return self.graph.initializer[-1].name

    def _name(self) -> str:
        self._count += 1
        return f"select_{self._count}"
