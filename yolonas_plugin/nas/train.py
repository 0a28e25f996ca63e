"""Training on the Ultralytics engine: its data, augmentation, schedules and loggers; YOLO-NAS's network and loss."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Any, Final

from torch import nn
from ultralytics.cfg import get_save_dir
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils import DEFAULT_CFG, LOCAL_RANK, LOGGER, RANK
from ultralytics.utils.torch_utils import torch_distributed_zero_first, unwrap_model

from yolonas_plugin.data import DataSet, open_data
from yolonas_plugin.engine import WRITES_PROGRAMS, repeat_epoch, session, set_arithmetic, set_progress, tell
from yolonas_plugin.errors import CheckpointError, TrainingError, UnknownModelError
from yolonas_plugin.extras import require
from yolonas_plugin.nas.dataset import SampleDataset, measured_dataset
from yolonas_plugin.nas.divergence import diverged, is_finite
from yolonas_plugin.nas.finetune import check_keypoints, freeze_parts, training_network
from yolonas_plugin.nas.module import NASModule, build_module, config_of, size_of
from yolonas_plugin.nas.resume import check_same_data, resumed
from yolonas_plugin.nas.run_folder import RunFolder
from yolonas_plugin.nas.settings import as_imgsz, check_overrides
from yolonas_plugin.nas.stock import to_network_input
from yolonas_plugin.nas.training_module import OBJECTIVES, TrainingModule
from yolonas_plugin.nas.training_progress import load_optimizer
from yolonas_plugin.nas.training_settings import check_training
from yolonas_plugin.nas.training_state import (
    TrainingState,
    finished,
    forget_rows,
    read_training_state,
    unfinished,
)
from yolonas_plugin.nas.val import NASValidator
from yolonas_plugin.nn import CONFIGS
from yolonas_plugin.settings import check_classes, check_imgsz
from yolonas_plugin.system.interrupts import heard
from yolonas_plugin.weights import find_weights, read_checkpoint
from yolonas_plugin.weights.write import as_stored, save_torch, write_safetensors

LEARNING_RATE: Final = 1e-3
"""Of AdamW, which ``optimizer="auto"`` means here."""

_MOST_RECOVERIES: Final = 3


class NASTrainer(DetectionTrainer):
    """Trains YOLO-NAS; settings, files and callbacks are the engine's.

    What differs: ``optimizer="auto"`` is AdamW; ``freeze`` counts or names the network's own parts; the network is
    measured with its own processing; checkpoints describe themselves, and are written whole or not at all. Without
    ``task`` it is that of ``model``, a file or a name.
    """

    args: Any
    state: TrainingState | None = None
    canvas: tuple[int, int]
    """Height and width of the network's input."""
    data_set: DataSet
    folder: RunFolder

    def __init__(self, cfg: Any = DEFAULT_CFG, overrides: dict[str, Any] | None = None, _callbacks: Any = None) -> None:
        settings = check_overrides(overrides, "train")
        with session(), contextlib.ExitStack() as self._accepting:
            super().__init__(cfg, {"task": _task_of(settings), **settings}, _callbacks)
        tell(self.args, imgsz=max(self.canvas))  # which is all that the engine knows of for training
        self.loss_names = OBJECTIVES[self.args.task].loss_names

    def train(self) -> None:
        """Train, in this process or in one for each GPU.

        Raises:
            MissingExtraError: There are several GPUs, and ``cloudpickle`` isn't installed.
            TrainingError: There are several GPUs, and the path of the weights can't be handed to their processes.
        """
        if self.ddp:
            if WRITES_PROGRAMS and set(str(self.args.model)) & set('"\\\r\n'):
                raise TrainingError(
                    f"{str(self.args.model)!r}: this version of ultralytics writes the path into a program for each "
                    "GPU as it is; rename the file, so that its path has no quotes, backslashes and line breaks"
                )
            require("cloudpickle", "training on several GPUs", "distributed")
            tell(self.args, imgsz=as_imgsz(self.canvas))  # of which the processes make a canvas of their own
        with session(), heard() as check, self.folder.unless_refused():
            if not self.ddp:
                for event in ("on_train_batch_start", "on_train_epoch_end", "on_val_batch_start", "on_model_save"):
                    self.add_callback(event, lambda _: check())
            super().train()

    # --- the network ---

    def setup_model(self) -> None:
        """Build the network, unless the caller has; the engine's checkpoint is never unpickled."""
        if self.args.optimizer.lower() == "auto":
            tell(self.args, optimizer="AdamW", lr0=LEARNING_RATE, momentum=0.9, warmup_bias_lr=0.0)
        # until resume_training: the engine freezes its own layers, and fetches a network to try mixed precision on
        self._freeze, self._amp = self.args.freeze, self.args.amp
        tell(self.args, freeze=None, amp=False)
        if self.state is not None:
            check_same_data(self.state.checkpoint, self.data, self.data_set.skeleton, self.args.data)
            self.model = self.get_model(weights=build_module(self.state.checkpoint))
        elif not isinstance(self.model, nn.Module):
            weights = build_module(read_checkpoint(find_weights(self.args.model))) if self.args.pretrained else None
            self.model = self.get_model(cfg=self.args.model, weights=weights)

    def get_model(self, cfg: Any = None, weights: NASModule | None = None, verbose: bool = True) -> TrainingModule:
        """Return the network for the task, and the classes and keypoints of the data.

        Args:
            cfg: Size, or a model's name that ends in it; needed without ``weights`` only.
            weights: Network to begin from, which may be of another task. What fits is kept; see
                :func:`~yolonas_plugin.nas.finetune.keep_weights`.
            verbose: Say what was kept.
        """
        begin = weights if weights is not None else cfg if cfg in CONFIGS else size_of(str(cfg))
        new_data = self.data_set.name if self.state is None else None
        skeleton = self.data_set.skeleton
        module, report = training_network(begin, self.args.task, self.data, skeleton, self.canvas, new_data)
        module.pt_path = str(self.last)
        if report and verbose and RANK in {-1, 0}:
            LOGGER.info(report)
        return module

    # --- data ---

    def get_dataset(self) -> dict[str, Any]:
        """Return the engine's description of the data, which have been read."""
        one = {"names": {0: "item"}, "nc": 1} if self.args.single_cls else {}
        return {**self.data_set.settings, **one}

    def _read_data(self) -> None:
        """Read the data, whatever its format, and say what is wrong with it."""
        if not self.args.data:
            raise TrainingError("there is nothing to train on; name the data set with data=")
        if isinstance(self.args.data, (str, Path)) and Path(self.args.data).exists():
            tell(self.args, data=str(Path(self.args.data).absolute()))  # found then when the training goes on
        self.data_set = open_data(self.args.data, ["train", self.args.split], self.args.task)
        if RANK in {-1, 0}:
            self.data_set.report.log()
        self.data_set.require_labels("train")
        check_keypoints(self.data_set, self.args)
        if self.args.classes is not None:
            names = dict(enumerate(self.data_set.settings["names"].values()))
            tell(self.args, classes=check_classes(self.args.classes, names, "the data's"))

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> SampleDataset:
        """Return the engine's data set with its augmentation for training, the validator's for validation."""
        if mode != "train":
            processing = unwrap_model(self.model).processing
            samples = self.data_set.splits[self.args.split]
            return measured_dataset(self.args, samples, self.data, processing, mode=mode, batch=batch)
        return SampleDataset(
            samples=self.data_set.splits["train"],
            canvas=self.canvas,
            imgsz=max(self.canvas),
            batch_size=batch,
            augment=True,
            hyp=self.args,
            rect=self.args.rect,
            cache=self.args.cache or None,
            single_cls=self.args.single_cls or False,
            stride=32,
            pad=0.0,
            prefix="train: ",
            task=self.args.task,
            classes=self.args.classes,
            data=self.data,
            fraction=self.args.fraction,
        )

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Move a batch to the device and give its images the colour order and range that the network takes."""
        batch = super().preprocess_batch(batch)
        module = unwrap_model(self.model)
        batch["rgb"] = batch["img"]
        batch["img"] = to_network_input(batch["img"], module.processing, module.in_channels)
        return batch

    def plot_training_samples(self, batch: dict[str, Any], ni: int) -> None:
        """Plot a batch with its labels."""
        super().plot_training_samples({**batch, "img": batch["rgb"]}, ni)

    # --- measuring ---

    def get_validator(self) -> NASValidator:
        """Return the validator for the average of the weights."""
        settings = {"save_dir": self.save_dir, "args": copy(self.args), "_callbacks": self.callbacks}
        validator = NASValidator(self.test_loader, **settings)
        validator.data_set = self.data_set
        return validator

    # --- files ---

    def check_resume(self, overrides: dict[str, Any]) -> None:
        """Take up the settings of the training that is to go on, if one is, and read the data: no folder is made yet.

        Which of its settings come out of its file, :func:`.resume.resumed` says.
        """
        check_training(vars(self.args))
        self.canvas = check_imgsz(self.args.imgsz)
        self.resume = bool(self.args.resume)
        if self.resume:
            path = Path(self.args.model if self.args.resume is True else self.args.resume)
            self.state, self.args, self.canvas = resumed(path, overrides)
        if self.args.rect and self.canvas[0] != self.canvas[1]:
            raise TrainingError(
                f"rect=True gives each batch a shape of its own within a square, and imgsz={list(self.canvas)} isn't "
                "one; leave out one of the two"
            )
        self._read_data()
        self.folder = RunFolder(get_save_dir(self.args))
        self._accepting.enter_context(self.folder.unless_refused())

    def resume_training(self, ckpt: Any) -> None:
        """Freeze what is to be frozen, choose the arithmetic, and go on after the last epoch that was written."""
        tell(self.args, freeze=self._freeze, amp=self._amp)
        set_arithmetic(self, freeze_parts(unwrap_model(self.model), self._freeze), self._amp)
        if self.state is None:
            return
        progress = self.state.progress
        self.start_epoch = progress["epoch"] + 1
        if self.start_epoch >= self.epochs:
            raise TrainingError(f"{self.args.model}: all {self.epochs} epochs are done, there is nothing to resume")
        self._take_up(self.state)
        if progress["scaler"]:
            self.scaler.load_state_dict(progress["scaler"])
        if self.start_epoch > self.epochs - self.args.close_mosaic:
            self.train_loader.dataset.close_mosaic(copy(self.args))
        forget_rows(self.csv, after=self.start_epoch)
        LOGGER.info(f"Resuming {self.args.model} with epoch {self.start_epoch + 1} of {self.epochs}")

    def _take_up(self, state: TrainingState) -> None:
        """Put weights, their average, the optimizer and the best result so far in the place of those that there are."""
        module = unwrap_model(self.model)
        module.load_state_dict(state.weights)
        self.ema.ema.load_state_dict(state.checkpoint.state_dict)
        set_progress(self, *(state.progress[name] for name in ("updates", "best_fitness", "stopper")))
        names = {id(parameter): name for name, parameter in module.named_parameters()}
        try:
            load_optimizer(self.optimizer, state.progress["optimizer"], names)
        except ValueError as error:
            raise CheckpointError(f"{state.checkpoint.path}: the training can't go on: {error}") from error

    # --- a loss that is no number ---

    def _handle_nan_recovery(self, epoch: int) -> bool:
        """Go back to ``last.pt`` after an epoch in which the loss got lost; the engine would unpickle the file.

        Returns:
            Whether the epoch has to be done again.

        Raises:
            TrainingError: There is nothing to go back to, or it happened too often.
        """
        finite = self._is_finite()
        lost = not finite or (self.loss is not None and not bool(self.loss.isfinite()))
        if RANK != -1 or not lost:
            return False  # the processes of several GPUs would have to agree; save_model keeps the files sound
        wrote = epoch > self.start_epoch and self.args.save
        if not (wrote or self.state is not None) or not self.last.exists():
            if finite:
                LOGGER.warning("the last batch's loss is no number; the weights are sound, and the training goes on")
                self.optimizer.zero_grad()
                return False
            raise self._diverged()
        self.nan_recovery_attempts += 1
        if self.nan_recovery_attempts > _MOST_RECOVERIES:
            raise self._diverged()
        LOGGER.warning(f"the loss is no number: epoch {epoch + 1} is done again from {self.last}")
        self._take_up(read_training_state(self.last))
        repeat_epoch(self, epoch)
        return True

    def _is_finite(self) -> bool:
        return is_finite(unwrap_model(self.model), self.ema.ema)

    def _diverged(self) -> TrainingError:
        return diverged(self.epoch + 1, self.last, self.args.lr0)

    # --- writing ---

    def save_model(self) -> bool:
        """Write ``last.pt``, from which the training can go on, and ``best.pt`` if this epoch was the best.

        Raises:
            TrainingError: The weights are no numbers any more; the files stay as they were.
        """
        if not self._is_finite():
            raise self._diverged()
        checkpoint = finished(self)
        if self.best_fitness == self.fitness:
            save_torch(self.best, checkpoint)
        if self.save_period > 0 and self.epoch % self.save_period == 0:
            save_torch(self.wdir / f"epoch{self.epoch}.pt", checkpoint)
        save_torch(self.last, unfinished(self, checkpoint))
        return True

    def final_eval(self) -> None:
        """Leave of ``last.pt`` what is of use without the training, write ``best.safetensors``, measure ``best.pt``."""
        with torch_distributed_zero_first(LOCAL_RANK):
            if RANK in {-1, 0} and self.last.exists():
                save_torch(self.last, finished(self))
            if RANK in {-1, 0} and self.best.exists():
                best = read_checkpoint(self.best)
                info = self.ema.ema.file_info()
                write_safetensors(self.best.with_suffix(".safetensors"), as_stored(best.state_dict), info)
        if self.best.exists() and self.validator is not None:
            LOGGER.info(f"\nValidating {self.best}...")
            tell(self.validator.args, plots=self.args.plots)
            self.metrics = self.validator(model=self.best)
            self.metrics.pop("fitness", None)
            self.run_callbacks("on_fit_epoch_end")


def _task_of(settings: Mapping[str, Any]) -> str:
    """Return the task of the model that a training begins from; of one that isn't there, detection, until it is found.

    Raises:
        CheckpointError: Its file can't be read.
    """
    model = settings.get("model")
    if settings.get("resume") or not isinstance(model, (str, Path)):
        return "detect"  # a training that goes on has its own
    if Path(model).is_file():
        return read_checkpoint(model).task
    with contextlib.suppress(UnknownModelError):
        return config_of(str(model)).task
    return "detect"
