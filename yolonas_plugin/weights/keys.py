"""From the names that wrappers, trainers and other projects give to the weights to super-gradients' own.

The peers, modern-yolonas and LibreYOLO, kept super-gradients' names; what differs is what stands before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from yolonas_plugin.weights.torch_file import all_tensors, is_tensor
from yolonas_plugin.weights.unpickle import Record

_ANCHORS: Final = ("backbone.stem.conv.branch_3x3.conv.weight", "backbone.stem.conv.rbr_reparam.weight")
_WRAPPERS: Final = {"net", "module", "model", "ema", "ema_net", "ema_model", "_orig_mod"}
"""DataParallel's, Lightning's, the trainers' and torch.compile's names for the network inside."""

SETS: Final = (
    *("ema_net", "ema_state_dict", "ema_model", "ema"),  # averaged weights predict better, and everybody prefers them
    *("net", "model", "state_dict", "model_state_dict"),
)
"""Where training checkpoints keep their sets of weights, best first."""

_CONSTANTS: Final = {"id_tensor", "proj_conv", "anchor_points", "stride_tensor"}
"""Buffers of super-gradients' modules that are computed, not learnt; whether they count as saved varies by version."""

_MAX_MODULES: Final = 20_000
_MAX_DEPTH: Final = 60


def strip_prefix(weights: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the network's tensors under their own names, without ``net.``, ``module.``, ``model.`` and the like.

    Where a prefix leads to the network, what lies outside of it (a loss, a counter) is left out; where two do, the
    averaged network is taken. Names without a prefix come back unchanged.
    """
    if any(anchor in weights for anchor in _ANCHORS):
        return dict(weights)
    prefixes = {
        name[: -len(anchor)]
        for name in weights
        for anchor in _ANCHORS
        if isinstance(name, str) and name.endswith(f".{anchor}")
    }
    known = [prefix for prefix in prefixes if set(prefix[:-1].split(".")) <= _WRAPPERS]
    if not known:
        return dict(weights)
    prefix = min(known, key=lambda prefix: ("ema" not in prefix, len(prefix), prefix))
    return {
        name[len(prefix) :]: tensor
        for name, tensor in weights.items()
        if isinstance(name, str) and name.startswith(prefix)
    }


def find_tensors(content: Any, depth: int = 0) -> dict[Any, Any] | None:
    """Return the weights in a file's content: a state dict, a pickled module, or the best set of a checkpoint."""
    if is_module(content):
        return module_tensors(content)
    if not isinstance(content, Mapping) or not content or depth > 3:
        return None
    if all_tensors(content.values()):
        return dict(content)
    for key in SETS:
        found = find_tensors(content[key], depth + 1) if key in content else None
        if found:
            return found
    return None


def find_module(content: Any) -> Record | None:
    """Return the pickled module of which :func:`find_tensors` gives the weights, if they come from one."""
    for _ in range(4):
        if is_module(content):
            return content
        if not isinstance(content, Mapping):
            return None
        content = next((content[key] for key in SETS if key in content and find_tensors(content[key])), None)
    return None


def is_module(value: Any) -> bool:
    """Whether ``value`` is the record of a torch module, of any class."""
    return isinstance(value, Record) and isinstance(value.state, dict) and isinstance(value.state.get("_modules"), dict)


def module_tensors(module: Record) -> dict[str, Any]:
    """Return what the module's ``state_dict()`` would hold: parameters and buffers of the tree, less the unsaved ones.

    Raises:
        ValueError: The tree is deeper or larger than any network, or contains itself.
    """
    found: dict[str, Any] = {}
    pending: list[tuple[str, Any, int]] = [("", module, 0)]
    visited = 0
    while pending:
        prefix, record, depth = pending.pop()
        visited += 1
        if depth > _MAX_DEPTH or visited > _MAX_MODULES:
            raise ValueError("its modules are nested too deep, or contain themselves")
        unsaved = _CONSTANTS | _names(record.state.get("_non_persistent_buffers_set"))
        for kind in ("_parameters", "_buffers"):
            tensors = record.state.get(kind)
            for name, tensor in tensors.items() if isinstance(tensors, Mapping) else ():
                if is_tensor(tensor) and name not in unsaved:
                    found[f"{prefix}{name}"] = tensor
        children = record.state["_modules"].items()
        pending += [(f"{prefix}{name}.", child, depth + 1) for name, child in children if is_module(child)]
    return found


def _names(value: Any) -> set[str]:
    """Return the names in a pickled set."""
    if isinstance(value, Record):
        value = value.args[0] if value.args else ()
    return {name for name in value if isinstance(name, str)} if isinstance(value, (list, tuple, set)) else set()
