"""What ``last.pt`` holds while a training runs: a checkpoint that anybody can use, and what is needed to go on.

It is written whole or not at all, and read without running anything from it, like every weight file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np
from torch import Tensor, nn
from ultralytics.utils.torch_utils import unwrap_model

from yolonas_plugin.errors import CheckpointError
from yolonas_plugin.files.whole import write_whole
from yolonas_plugin.nas.stock import stock_checkpoint
from yolonas_plugin.nas.training_progress import check_progress, check_weights
from yolonas_plugin.weights import Checkpoint, read_checkpoint
from yolonas_plugin.weights.read import Content, read_content
from yolonas_plugin.weights.torch_file import is_tensor
from yolonas_plugin.weights.write import as_stored

WEIGHTS: Final = "weights"
"""Under this key ``last.pt`` holds the weights that are being trained; the checkpoint's own are their average."""

_PROGRESS: Final = (WEIGHTS, "epoch", "updates", "best_fitness", "stopper", "optimizer", "scaler")

_MAX_DEPTH: Final = 20  # of its containers; there are 4
_MAX_VALUES: Final = 100_000  # L has 4,300


@dataclass(frozen=True, kw_only=True)
class TrainingState:
    """An unfinished training.

    Attributes:
        checkpoint: The averaged weights, with names and processing.
        weights: The weights that are being trained.
        settings: The engine's settings of the training, as the file says them: of any name and kind.
        progress: The epoch that was done last, from 0; the number of ``updates`` of the average; ``best_fitness``; the
            states of ``stopper``, ``optimizer`` and ``scaler``. All are checked but what the optimizer's is compared
            with, the optimizer; see :func:`~yolonas_plugin.nas.training_progress.load_optimizer`.
    """

    checkpoint: Checkpoint
    weights: Mapping[str, Tensor]
    settings: Mapping[str, Any]
    progress: Mapping[str, Any]


def finished(trainer: Any) -> dict[str, Any]:
    """Return the checkpoint of a trainer's averaged weights, from which no training can go on."""
    module = trainer.ema.ema
    return {
        **stock_checkpoint(as_stored(module.state_dict()), module.file_info()),
        "epoch": -1,
        "train_args": plain(vars(trainer.args)),
        "train_metrics": plain({**trainer.metrics, "fitness": trainer.fitness}),
        "train_results": trainer.read_results_csv(),
    }


def unfinished(trainer: Any, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return the :func:`finished` checkpoint with what :func:`read_training_state` wants besides."""
    progress = {
        "ema": checkpoint["model"],  # under the engine's names, because it reads them when a loss is not finite
        "updates": trainer.ema.updates,
        "epoch": trainer.epoch,
        "best_fitness": trainer.best_fitness,
        "stopper": {name: vars(trainer.stopper)[name] for name in ("best_fitness", "best_epoch")},
        "optimizer": trainer.optimizer.state_dict(),
        "scaler": trainer.scaler.state_dict(),
        WEIGHTS: as_stored(unwrap_model(trainer.model).state_dict()),
    }
    return {**checkpoint, **plain(progress)}


def read_training_state(path: Path) -> TrainingState:
    """Read an unfinished training from its ``last.pt``.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: It is damaged, or holds weights only: of a finished training, say.
    """
    return training_state(read_checkpoint(path), read_content(path), path)


def training_state(checkpoint: Checkpoint, content: Content, path: Path) -> TrainingState:
    """Check what a file holds besides its ``checkpoint``.

    Raises:
        CheckpointError: A field of a training is missing, or of another kind.
    """
    found = content.value if isinstance(content.value, Mapping) else {}
    settings = found.get("train_args")
    if not isinstance(settings, Mapping) or not all(name in found for name in _PROGRESS):
        raise CheckpointError(
            f"{path}: holds weights, not an unfinished training, so there is nothing to resume; give the last.pt of a "
            "training that was stopped, or start a new one from these weights without resume"
        )
    progress = _loaded({name: found[name] for name in _PROGRESS}, content, path)
    weights = progress.pop(WEIGHTS)
    try:
        check_weights(weights, checkpoint.state_dict)
        check_progress(progress)
    except ValueError as error:
        raise CheckpointError(f"{path}: the state of its training is damaged: {error}") from error
    return TrainingState(checkpoint=checkpoint, weights=weights, settings=dict(settings), progress=progress)


def _loaded(value: Any, content: Content, path: Path) -> Any:
    """Turn the tensors in nested containers from records into tensors with memory of their own."""
    records: list[Any] = []
    try:
        _visit(value, records.append, count())
    except ValueError as error:
        raise CheckpointError(f"{path}: the state of its training is damaged: {error}") from error
    tensors = iter(content.tensors({str(index): record for index, record in enumerate(records)}).values())
    return _visit(value, lambda _: next(tensors).clone(), count())


def _visit(value: Any, change: Callable[[Any], Any], visited: Iterator[int], depth: int = 0) -> Any:
    """Return nested containers with every tensor changed, in order.

    Raises:
        ValueError: They are nested too deep or too many: a file may name the same one over and over, or in itself.
    """
    if depth > _MAX_DEPTH or next(visited) > _MAX_VALUES:
        raise ValueError("it is nested too deep, too long, or refers to itself")
    if is_tensor(value):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _visit(entry, change, visited, depth + 1) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_visit(entry, change, visited, depth + 1) for entry in value)
    return value


def plain(value: Any) -> Any:
    """Return nested settings and results with nothing in them but containers, numbers, texts and tensors."""
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(entry) for entry in value)
    if isinstance(value, np.generic):
        return value.item()
    return value if value is None or isinstance(value, (bool, int, float, str, Tensor, nn.Module)) else str(value)


def forget_rows(table: Path, after: int) -> None:
    """Take out of the engine's ``results.csv`` the epochs after the first ``after`` ones, and a row that is cut off."""
    if not table.exists():
        return
    header, *rows = table.read_text().splitlines(keepends=True)
    kept = [
        row
        for row in rows
        if row.endswith("\n") and row.count(",") == header.count(",") and int(row.partition(",")[0]) <= after
    ]
    write_whole(table, "".join([header, *kept]))
