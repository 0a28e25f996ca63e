"""Going on with an unfinished training: which of its settings come out of its file, and which only the caller says.

Of what a file says, the settings listed in :data:`.training_settings.SETTINGS` are taken, each checked; what the engine
would import, open, request or run is the caller's to say, and is shown instead.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from ultralytics.cfg import get_cfg
from ultralytics.utils import DEFAULT_CFG_DICT, LOGGER

from yolonas_plugin.engine import tell
from yolonas_plugin.errors import CheckpointError, TrainingError
from yolonas_plugin.nas.dataset import describe_names
from yolonas_plugin.nas.training_settings import SETTINGS
from yolonas_plugin.nas.training_state import TrainingState, read_training_state
from yolonas_plugin.settings import check_imgsz
from yolonas_plugin.skeleton import Skeleton
from yolonas_plugin.weights import Checkpoint
from yolonas_plugin.weights.values import describe

RESUMABLE: Final = {
    *("data", "imgsz", "batch", "device", "workers", "cache", "close_mosaic", "augmentations", "compile"),
    *("patience", "time", "freeze", "val", "plots", "save_period"),
}
"""Settings that may change when a training goes on; the engine's choice."""

_NEEDED: Final = ("epochs", "batch", "nbs", "optimizer", "lr0", "momentum")

_CALLERS: Final = {
    "augmentations": "it is code",
    "cfg": "it is a file of further settings",
    "distill_model": "the engine would unpickle it",
    "source": "a training has none",
    "embed": "a training has none",
}
"""Settings that no file may make, and why; a training that has them is one of the caller's own making."""

_SAID_BY_PATH: Final = {"model", "mode", "task", "resume", "pretrained", "save_dir"}


class Resumed(NamedTuple):
    """A training that goes on.

    Attributes:
        state: How far it had come.
        args: The engine's settings.
        canvas: Height and width of the network's input.
    """

    state: TrainingState
    args: Any
    canvas: tuple[int, int]


def resumed(path: Path, overrides: Mapping[str, Any]) -> Resumed:
    """Read an unfinished training.

    Args:
        path: Its ``last.pt``.
        overrides: The settings that the caller gives. Of those that a training keeps, a warning says so.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: It is damaged, or its settings can't be taken.
        TrainingError: The caller doesn't name the data.
    """
    state = read_training_state(path)
    own = {name: overrides[name] for name in RESUMABLE if name in overrides}
    if not own.get("data"):
        raise TrainingError(_data_is_the_callers(path, state.settings.get("data")))
    settings = settings_from_file(state.settings, path, own)
    args = _checked_by_engine(path, {**settings, "task": state.checkpoint.task, "mode": "train"})
    tell(args, **own, model=str(path), resume=str(path), save_dir=str(_folder_of(path)))
    ignored = [
        name
        for name, value in overrides.items()
        if name not in own and name not in _SAID_BY_PATH and value != settings.get(name)
    ]
    if ignored:
        LOGGER.warning(f"resume keeps the settings of the training, {', '.join(ignored)} among them")
    if "imgsz" in own:
        return Resumed(state, args, check_imgsz(own["imgsz"]))
    assert state.checkpoint.processing is not None  # which files of unfinished trainings say
    return Resumed(state, args, state.checkpoint.processing.size)


def check_same_data(checkpoint: Checkpoint, data: Mapping[str, Any], skeleton: Skeleton | None, source: Any) -> None:
    """See that a training goes on with the classes, channels and keypoints that it began with.

    Args:
        checkpoint: Of the training.
        data: The engine's description of the data that it is to go on with.
        skeleton: What keypoints these have; None for none.
        source: What the caller called them.

    Raises:
        TrainingError: The data have others.
    """
    now = tuple(data["names"].values()), data.get("channels", 3)
    began = checkpoint.class_names, checkpoint.in_channels
    keypoints = 0 if skeleton is None else len(skeleton)
    if keypoints != checkpoint.num_keypoints:
        raise TrainingError(
            f"{source}: the training that is to go on began with {checkpoint.num_keypoints} keypoints, and these data "
            f"have {keypoints}; a training on other data is a new one: leave out resume"
        )
    if now != began:
        raise TrainingError(
            f"{source}: the training that is to go on began with the classes {describe_names(began[0] or ())} in "
            f"{began[1]} channels, and these data have {describe_names(now[0])} in {now[1]}; a training on other data "
            "is a new one: leave out resume"
        )


def settings_from_file(found: Mapping[Any, Any], path: Path, given: Collection[str]) -> dict[str, Any]:
    """Return the settings that are taken from an unfinished training.

    Args:
        found: What its file says.
        path: The file.
        given: The names of the settings that the caller makes; what the file says about them doesn't matter.

    Raises:
        CheckpointError: A setting is missing, of another kind, or not one that a file may make.
    """
    for name, reason in _CALLERS.items():
        if name not in given and found.get(name) is not None:
            raise CheckpointError(
                f"{path}: its training was set to {name}={describe(found[name])}; {reason}, so it is never taken from "
                f"a file: train(resume=..., {name}=...) says it, {name}=None goes on without"
            )
    taken: dict[str, Any] = {}
    for name, kind in SETTINGS.items():
        if name in found and name not in given and name in DEFAULT_CFG_DICT:
            if not kind.fits(found[name]):
                raise CheckpointError(
                    f"{path}: the state of its training is damaged: {name}={describe(found[name])}, and it must be "
                    f"{kind.words}; train(resume=..., {name}=...) says it anew"
                )
            taken[name] = found[name]
    missing = [name for name in _NEEDED if name not in taken and name not in given]
    if missing:
        raise CheckpointError(f"{path}: the state of its training is damaged: it doesn't say {', '.join(missing)}")
    return taken


def _data_is_the_callers(path: Path, named: Any) -> str:
    shown = repr(named[:300]) if isinstance(named, str) else describe(named)
    return (
        f"{path}: its training was on data={shown}. Data is never taken from a file, which could name any path or "
        f"download: say it yourself, NAS({str(path)!r}).train(resume=True, data=...), or on the command line "
        f"yolonas-plugin train --weights {path} --resume --data ..."
    )


def _checked_by_engine(path: Path, settings: dict[str, Any]) -> Any:
    try:
        return get_cfg(DEFAULT_CFG_DICT, settings)
    except (TypeError, ValueError, SyntaxError) as error:  # of a setting that only another version of the engine takes
        raise CheckpointError(f"{path}: the settings of its training don't fit this version: {error}") from error


def _folder_of(last: Path) -> Path:
    """Return the folder of a training, in which its ``weights/last.pt`` lies; that of a file moved elsewhere is new."""
    folder = last.absolute().parent
    return folder.parent if folder.name == "weights" else folder
