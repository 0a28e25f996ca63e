"""Box selection inside an ONNX graph: threshold, the best candidates, NMS, and the best of what is left, in order.

super-gradients' export cuts what NMS gives before sorting it, class by class, so that busy images lose classes with
high numbers; here the best score stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from yolonas_plugin.export.description import Description
from yolonas_plugin.export.outputs import COLUMNS, FRIGATE_ROWS, selected_outputs
from yolonas_plugin.nn.head import STRIDES
from yolonas_plugin.processing import ProcessingSpec

if TYPE_CHECKING:
    import onnx


def rows_of_batch(spec: ProcessingSpec, classes: int) -> int:
    """Return M of :data:`~yolonas_plugin.export.description.Gives`' ``batch``, for images of the processing's size."""
    height, width = spec.size
    places = sum((height // stride) * (width // stride) for stride in STRIDES)
    return min(spec.max_detections, spec.top_k, places * (classes if spec.multi_label else 1))


def append_selection(graph: onnx.GraphProto, description: Description, detections: int | str = "detections") -> None:
    """Let a graph select from what it gives, in place.

    Args:
        graph: Its outputs are those of the task, boxes [B, A, 4] and scores [B, A, C] first; they must not be called as
            the new ones.
        description: Says the form of the outputs, and has the settings of box selection.
        detections: M of ``batch``, or its name where it is free.
    """
    import onnx

    spec, gives = description.processing, description.gives
    add = _Nodes(graph)
    all_boxes, all_scores, *all_keypoints = (output.name for output in graph.output)
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
    limits = add.ints([most]), add.floats([spec.iou]), add.floats([_threshold(spec)])
    kept = add("NonMaxSuppression", boxes, per_class, *limits)

    # the best of those that are left; -1 stands for those that aren't
    where = add("Gather", kept, add.ints([0, 2]), axis=1)  # image and candidate [N, 2]
    left = add("Expand", add.floats(-1), add("Shape", scores))
    left = add("ScatterND", left, where, add("GatherND", scores, where))
    best, order = add("TopK", left, _at_most(add, most, left), outputs=2, axis=1)  # [B, M]
    valid = add("Greater", best, add.floats(-1))
    parts = {
        "boxes": _gather(add, boxes, order),
        "scores": best,
        "classes": add("GatherElements", label, order, axis=1),
    }
    if all_keypoints:
        points = _join_keypoints(add, all_keypoints[0], all_keypoints[1], description.num_keypoints)
        parts["keypoints"] = _gather(add, points, add("GatherElements", place, order, axis=1))  # [B, M, 3K]
    parts = _emptied(add, parts, valid)
    for output in selected_outputs(description, detections):
        kind = onnx.TensorProto.INT64 if output.whole else onnx.TensorProto.FLOAT
        if output.part == "rows":
            value = _rows(add, parts, valid, description)
        elif output.part == "count":
            value = add("ReduceSum", add("Cast", valid, to=kind), add.ints([1]), keepdims=1)
        elif output.part == "keypoints":
            value = add("Reshape", parts["keypoints"], add.ints([0, 0, description.num_keypoints, 3]))
        else:
            value = parts[output.part]
        add.output(output.name, value, kind, list(output.shape))


def _threshold(spec: ProcessingSpec) -> float:
    """Return what a score has to be above: ``conf``, or with one class a box just less, so that it passes itself."""
    conf = np.float32(spec.conf)
    return float(conf if spec.multi_label or conf <= 0 else np.nextafter(conf, np.float32(0)))


def _join_keypoints(add: _Nodes, keypoints: str, scores: str, count: int) -> str:
    """Put keypoints [B, A, K, 2] and their scores [B, A, K] into rows of x, y, score of each [B, A, 3K]."""
    joined = add("Concat", keypoints, add("Unsqueeze", scores, add.ints([3])), axis=3)
    return add("Reshape", joined, add.ints([0, 0, 3 * count]))


def _emptied(add: _Nodes, parts: Mapping[str, str], valid: str) -> dict[str, str]:
    """Let nothing stand where there is no detection [B, M]: classes -1, all else 0."""
    mask = add("Unsqueeze", valid, add.ints([2]))
    whole = {name: value for name, value in parts.items() if name not in ("scores", "classes")}
    return {
        **{name: add("Where", mask, value, add.floats(0)) for name, value in whole.items()},
        "scores": add("Where", valid, parts["scores"], add.floats(0)),
        "classes": add("Where", valid, parts["classes"], add.ints(-1)),
    }


def _rows(add: _Nodes, parts: Mapping[str, str], valid: str, description: Description) -> str:
    """Line up what a task's rows hold; all of them for Frigate, else those in which there is a detection."""
    import onnx

    scores = parts["scores"]
    image = add("Range", add.ints(0), add("Gather", add("Shape", scores), add.ints(0)), add.ints(1))
    single = {
        "image": add("Expand", add("Unsqueeze", image, add.ints([1])), add("Shape", scores)),  # [B, M]
        "scores": scores,
        "classes": parts["classes"],
    }
    columns = [
        add("Unsqueeze", add("Cast", single[part], to=onnx.TensorProto.FLOAT), add.ints([2]))
        if part in single
        else parts[part]
        for part in COLUMNS[description.task]
    ]
    rows = add("Concat", *columns, axis=2)  # [B, M, 7], with keypoints [B, M, 6 + 3K]
    if description.gives == "frigate":
        return add("Reshape", rows, add.ints([-1, 7]))
    return add("GatherND", rows, add("Transpose", add("NonZero", valid), perm=[1, 0]))


def _at_most(add: _Nodes, count: int, values: str) -> str:
    """Return ``count``, or the number of columns of ``values`` if there are fewer, [1]."""
    return add("Min", add.ints([count]), add("Gather", add("Shape", values), add.ints([1])))


def _gather(add: _Nodes, values: str, index: str) -> str:
    """Take rows of ``values`` [B, N, ...] by their numbers [B, K]."""
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
