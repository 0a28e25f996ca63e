"""Weights that are no numbers any more: how a training tells, and what it says."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from yolonas_plugin.errors import TrainingError


def is_finite(*networks: nn.Module) -> bool:
    """Tell whether all parameters and statistics are numbers."""
    return all(bool(torch.isfinite(tensor).all()) for network in networks for tensor in network.state_dict().values())


def diverged(epoch: int, last: Path, rate: float) -> TrainingError:
    """Return the error that ends a training.

    Args:
        epoch: The epoch it happened in, from 1.
        last: The training's ``last.pt``, whether it is there or not.
        rate: The learning rate, ``lr0``.
    """
    kept = f"{last} is as it was after the last sound epoch" if last.exists() else "nothing was written"
    return TrainingError(
        f"the training diverged in epoch {epoch}: its weights are no numbers any more; {kept}. Take a "
        f"lower learning rate than lr0={rate:g}, or amp=False, and see what check-data says"
    )
