"""How far an unfinished training had come: of what kind and range each field of it is, before any of it is used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

from yolonas_plugin.nas.training_settings import NONE, Kind, number, whole
from yolonas_plugin.weights.values import describe

_ANY: Final = 1e30  # the largest fitness: mAP is below 1, but where nothing is measured it is the loss
_FITNESS: Final = NONE | number(-_ANY, _ANY)
_COUNT: Final = whole(0, 1 << 50)

_FIELDS: Final[Mapping[str, Kind]] = {"epoch": whole(-1, 1_000_000), "updates": _COUNT, "best_fitness": _FITNESS}
_STOPPER: Final[Mapping[str, Kind]] = {"best_fitness": _FITNESS, "best_epoch": whole(0, 1_000_000)}
_SCALER: Final[Mapping[str, Kind]] = {
    "scale": Kind("a number more than 0, at most 2**120", lambda v: number(0, 2.0**120).fits(v) and v > 0),
    "growth_factor": number(1, 1e6),
    "backoff_factor": Kind("a number between 0 and 1", lambda v: number(0, 1).fits(v) and 0 < v < 1),
    "growth_interval": whole(1, 1 << 50),
    "_growth_tracker": _COUNT,
}

_STEP: Final = "step"
_ALIKE: Final = "like"  # a tensor of the parameter's shape
_SQUARES: Final = "squares"  # likewise, and not below 0
_OPTIMIZERS: Final[Mapping[str, Mapping[str, str]]] = {
    "SGD": {"momentum_buffer": _ALIKE},
    "Adam": {"step": _STEP, "exp_avg": _ALIKE, "exp_avg_sq": _SQUARES},
    "AdamW": {"step": _STEP, "exp_avg": _ALIKE, "exp_avg_sq": _SQUARES},
    "Adamax": {"step": _STEP, "exp_avg": _ALIKE, "exp_inf": _SQUARES},
    "NAdam": {"step": _STEP, "mu_product": _STEP, "exp_avg": _ALIKE, "exp_avg_sq": _SQUARES},
    "RAdam": {"step": _STEP, "exp_avg": _ALIKE, "exp_avg_sq": _SQUARES},
    "RMSprop": {"step": _STEP, "square_avg": _SQUARES, "momentum_buffer": _ALIKE},
}
"""What each of torch's optimizers keeps for a parameter, with the settings that the engine gives them."""


def check_progress(found: Mapping[str, Any]) -> None:
    """Check everything but the optimizer's state.

    Raises:
        ValueError: A field is of another kind, or out of its range.
    """
    _check(found, _FIELDS, "")
    for name, kinds in (("stopper", _STOPPER), ("scaler", _SCALER)):
        part = found[name]
        if not isinstance(part, Mapping) or not (part.keys() == kinds.keys() or (name == "scaler" and not part)):
            raise ValueError(f"{name} is {describe(part)}, and it must have {', '.join(kinds)}")
        if part:
            _check(part, kinds, f"{name}.")


def check_weights(weights: Any, expected: Mapping[str, Tensor]) -> None:
    """Check the weights that are being trained against those of the same file's checkpoint, which is known to be sound.

    Raises:
        ValueError: Tensors are missing, too many, of another shape or kind, or not finite.
    """
    if not isinstance(weights, Mapping) or weights.keys() != expected.keys():
        raise ValueError("weights are missing, or there are some too many")
    for name, tensor in expected.items():
        _check_tensor(weights[name], tensor, f"weights.{name}")


def load_optimizer(optimizer: torch.optim.Optimizer, state: Any, names: Mapping[int, str]) -> None:
    """Let a new optimizer go on with what another of its kind kept for the same parameters.

    Its groups, with learning rates and decay, follow from the settings and stay as they were made.

    Args:
        optimizer: The optimizer.
        state: What ``state_dict`` of the other gave.
        names: The parameters' names by ``id``, for messages.

    Raises:
        ValueError: It isn't of this kind of optimizer, or not of these parameters.
    """
    own = optimizer.state_dict()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    indices = [index for group in own["param_groups"] for index in group["params"]]
    groups = state.get("param_groups") if isinstance(state, Mapping) else None
    kept = state.get("state") if isinstance(state, Mapping) else None
    if not isinstance(groups, (list, tuple)) or not isinstance(kept, Mapping):
        raise ValueError(f"optimizer is {describe(state)}, and it must have param_groups and state")
    sizes = [group.get("params") if isinstance(group, Mapping) else None for group in groups]
    if not _same_numbers(sizes, [group["params"] for group in own["param_groups"]]):
        raise ValueError(
            "the optimizer's groups of parameters aren't those that this version of the engine makes of this network"
        )
    kinds = _OPTIMIZERS[type(optimizer).__name__]
    by_index = dict(zip(indices, parameters, strict=True))
    for index, entry in kept.items():
        if type(index) is not int or index not in by_index:
            raise ValueError(f"the optimizer's state is of a parameter {describe(index)}, which there isn't")
        parameter = by_index[index]
        place = f"optimizer.state[{names.get(id(parameter), index)}]"
        if not isinstance(entry, Mapping) or not entry.keys() <= kinds.keys():
            raise ValueError(f"{place} is {describe(entry)}, and it may have {', '.join(kinds)}")
        for name, kind in kinds.items():
            if name in entry:
                _check_entry(entry[name], kind, parameter, f"{place}.{name}")
            elif name != "momentum_buffer":
                raise ValueError(f"{place} has no {name}")
    optimizer.load_state_dict(
        {"state": {i: dict(entry) for i, entry in kept.items()}, "param_groups": own["param_groups"]}
    )


def _check(found: Mapping[str, Any], kinds: Mapping[str, Kind], prefix: str) -> None:
    for name, kind in kinds.items():
        if not kind.fits(found[name]):
            raise ValueError(f"{prefix}{name} is {describe(found[name])}, and it must be {kind.words}")


def _check_entry(value: Any, kind: str, parameter: Tensor, place: str) -> None:
    if kind != _STEP:
        _check_tensor(value, parameter, place)
    elif not isinstance(value, Tensor) or value.shape != () or not math.isfinite(value.item()) or value.item() < 0:
        raise ValueError(f"{place} is {describe(value)}, and it must be one number, not below 0")
    if kind == _SQUARES and value.min() < 0:
        raise ValueError(f"{place} has numbers below 0")


def _check_tensor(value: Any, like: Tensor, place: str) -> None:
    if not isinstance(value, Tensor):
        raise ValueError(f"{place} is {describe(value)}, not a tensor")
    if value.shape != like.shape:
        raise ValueError(f"{place} has the shape {list(value.shape)}, not {list(like.shape)}")
    if value.is_floating_point() != like.is_floating_point() or value.is_complex():
        raise ValueError(f"{place} holds {value.dtype}, not {like.dtype}")
    if value.is_floating_point() and not torch.isfinite(value).all():
        raise ValueError(f"{place} has numbers that aren't finite")


def _same_numbers(found: list[Any], expected: list[list[int]]) -> bool:
    """Whether these are the same lists of whole numbers, compared without asking anything else how it compares."""
    return len(found) == len(expected) and all(
        isinstance(one, (list, tuple))
        and len(one) == len(other)
        and all(type(a) is int and a == b for a, b in zip(one, other, strict=True))
        for one, other in zip(found, expected, strict=True)
    )
