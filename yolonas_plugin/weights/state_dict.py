"""Finding the network's state dict in what a file holds, under super-gradients' names.

The peers, modern-yolonas and LibreYOLO, kept super-gradients' names; what differs is what stands before them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from yolonas_plugin.weights.torch_file import all_tensors, is_tensor
from yolonas_plugin.weights.unpickle import Record
from yolonas_plugin.weights.values import describe

_ANCHORS: Final = ("backbone.stem.conv.branch_3x3.conv.weight", "backbone.stem.conv.rbr_reparam.weight")
_WRAPPERS: Final = {"net", "module", "model", "ema", "ema_net", "ema_model", "_orig_mod"}
"""DataParallel's, Lightning's, the trainers' and torch.compile's names for the network inside."""

NEITHER: Final = "not a YOLO-NAS detector or YOLO-NAS-POSE"
"""What is said of other networks."""

_TELLS_TASK: Final = {"pose": ".pose_pred.", "rotated boxes (YOLO-NAS-R)": ".rot_pred."}
"""Part of the names that the heads of each task but detection have."""

SETS: Final = (
    *("ema_net", "ema_state_dict", "ema_model", "ema"),  # averaged weights predict better, and everybody prefers them
    *("net", "model", "state_dict", "model_state_dict"),
)
"""Where training checkpoints keep their sets of weights, best first."""

_CONSTANTS: Final = {"id_tensor", "proj_conv", "anchor_points", "stride_tensor"}
"""Buffers of super-gradients' modules that are computed, not learnt; whether they count as saved varies by version."""

_MAX_TENSORS: Final = 20_000  # of a set of weights; L has 1,097
_MAX_NAME: Final = 500  # letters; the longest of a network has 74, before it stand the wrappers' names
_MAX_ENTRIES: Final = 100_000  # of modules' tables, whichever they hold; L has about 15,000
_MAX_DEPTH: Final = 60


def strip_prefix(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return the network's tensors under their own names, without ``net.``, ``module.``, ``model.`` and the like.

    Where a prefix leads to the network, what lies outside of it (a loss, a counter) is left out; where two do, the
    averaged network is taken. Names without a prefix come back unchanged.
    """
    prefix = _prefix(weights)
    return {name[len(prefix) :]: tensor for name, tensor in weights.items() if name.startswith(prefix)}


def _prefix(weights: Mapping[str, Any]) -> str:
    """Return what stands before the names of the network's tensors, and leads to the averaged ones if there are two."""
    if any(anchor in weights for anchor in _ANCHORS):
        return ""
    prefixes = {name[: -len(anchor)] for name in weights for anchor in _ANCHORS if name.endswith(f".{anchor}")}
    known = [prefix for prefix in prefixes if set(prefix[:-1].split(".")) <= _WRAPPERS]
    return min(known, key=lambda prefix: ("ema" not in prefix, len(prefix), prefix), default="")


_QUANTISERS: Final = re.compile(
    r"(^|[._])(_amax|_(input|weight|aux)_quantizer|activation_post_process|weight_fake_quant|fake_quant_enabled"
    r"|observer_enabled|_packed_params)([._]|$)"
)
"""Parts of names by which pytorch-quantization, TensorRT's ModelOpt and torch.ao call what they add to a network."""


def check_not_quantised(names: Iterable[str]) -> None:
    """Tell a network that was prepared for quantisation from one with tensors that nobody knows.

    Raises:
        ValueError: It was.
    """
    if added := [name for name in names if _QUANTISERS.search(name)]:
        raise ValueError(
            "a quantised network (quantisation-aware training, QAT, or calibrated, PTQ): besides weights it holds "
            f"{len(added)} tensors of its quantisers, such as {added[0]}, which this network doesn't have. Give the "
            "checkpoint that it was made from, or save the file again without them; for int8, "
            "export with precision='int8' and calibration images"
        )


def task_of(names: Iterable[str]) -> str:
    """Return the task of a network by the names of its tensors; one without a mark of its own detects."""
    return next((task for task, mark in _TELLS_TASK.items() if any(mark in name for name in names)), "detect")


def find_tensors(content: Any) -> dict[str, Any] | None:
    """Return the weights in a file's content: a state dict, a pickled module, or the best set of a checkpoint.

    Raises:
        ValueError: They are no network's: too many, too deep, or under impossible names.
    """
    _, weights = _find(content, 0, set())
    return weights


def find_module(content: Any) -> Record | None:
    """Return the pickled module of which :func:`find_tensors` gives the weights, if they come from one.

    Of a wrapper, ``DataParallel`` or the like, or several around each other, it is the module inside.
    """
    owner, weights = _find(content, 0, set())
    if not isinstance(owner, Record):
        return None
    for name in _prefix(weights or {}).split(".")[:-1]:
        inside = _table(owner, "_modules").get(name)
        if not is_module(inside):
            break
        owner = inside
    return owner


def _find(content: Any, depth: int, seen: set[int]) -> tuple[Any, dict[str, Any] | None]:
    """Return the best set of weights and what it was found in; nothing is searched twice, however often it is named."""
    if is_module(content):
        return content, module_tensors(content)
    if not isinstance(content, Mapping) or not content or depth > 3 or id(content) in seen:
        return None, None
    seen.add(id(content))
    if all_tensors(content.values()):
        check_names(content)
        return content, dict(content)
    for key in SETS:
        owner, weights = _find(content[key], depth + 1, seen) if key in content else (None, None)
        if weights:
            return owner, weights
    return None, None


def check_names(weights: Mapping[Any, Any]) -> None:
    """Make sure that these may be a network's tensors, before anything is done for each of them.

    Raises:
        ValueError: There are too many, or a name is no text, too long, or can't be printed.
    """
    if len(weights) > _MAX_TENSORS:
        raise ValueError(f"{NEITHER}: it holds {len(weights)} tensors, too many")
    for name in weights:
        _check_name(name, "")


def _check_name(name: Any, prefix: str) -> None:
    if not isinstance(name, str) or len(prefix) + len(name) > _MAX_NAME or not name.isprintable():
        raise ValueError(f"{NEITHER}: a tensor or layer is called {describe(name)}, which is no name")


def is_module(value: Any) -> bool:
    """Whether ``value`` is the record of a torch module, of any class."""
    return isinstance(value, Record) and isinstance(value.state, dict) and isinstance(value.state.get("_modules"), dict)


def module_tensors(module: Record) -> dict[str, Any]:
    """Return what the module's ``state_dict()`` would hold: parameters and buffers of the tree, less the unsaved ones.

    Raises:
        ValueError: The tree is deeper or larger than any network, contains itself, or has impossible names.
    """
    found: dict[str, Any] = {}
    pending: list[tuple[str, Any, int]] = [("", module, 0)]
    entries = 0
    while pending:
        prefix, record, depth = pending.pop()
        unsaved, parameters, buffers, children = (_table(record, name) for name in _TABLES)
        entries += 1 + len(unsaved) + len(parameters) + len(buffers) + len(children)
        if depth > _MAX_DEPTH or entries > _MAX_ENTRIES:
            raise ValueError("its modules are nested too deep, or contain themselves")
        for name, value in (*parameters.items(), *buffers.items()):
            if is_tensor(value) and name not in unsaved and name not in _CONSTANTS:
                _check_name(name, prefix)
                found[f"{prefix}{name}"] = value
        for name, child in children.items():
            if is_module(child):
                _check_name(name, prefix)
                pending.append((f"{prefix}{name}.", child, depth + 1))
    check_names(found)
    return found


_TABLES: Final = ("_non_persistent_buffers_set", "_parameters", "_buffers", "_modules")


def _table(module: Record, attribute: str) -> Mapping[Any, Any]:
    """Return a module's table; of a pickled set, one that has its elements as keys."""
    value = module.state.get(attribute)
    if isinstance(value, Record):
        value = value.first
    if isinstance(value, (list, tuple, set, frozenset)):
        value = {name: None for name in value if isinstance(name, str)}
    return value if isinstance(value, Mapping) else {}
