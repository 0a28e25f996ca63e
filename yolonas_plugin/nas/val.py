"""Validation on the Ultralytics engine, measured as super-gradients measures it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from ultralytics.cfg import get_save_dir
from ultralytics.models.yolo.detect import DetectionValidator
from ultralytics.utils import DEFAULT_CFG_DICT, LOGGER, RANK

from yolonas_plugin.boxes.clipping import clip_boxes
from yolonas_plugin.boxes.tensors import select_boxes
from yolonas_plugin.data import DataSet, open_data
from yolonas_plugin.engine import session, tell, told, with_average
from yolonas_plugin.errors import RuntimeChoiceError, SourceError
from yolonas_plugin.files.whole import write_whole
from yolonas_plugin.nas.coco_rows import CocoRows
from yolonas_plugin.nas.dataset import SampleDataset, description, match_classes, measured_dataset
from yolonas_plugin.nas.execution import check_runtime, device_of, nothing_halved, with_half
from yolonas_plugin.nas.inference import inference_module
from yolonas_plugin.nas.metrics import MEASURED
from yolonas_plugin.nas.module import NASModule, fused_copy
from yolonas_plugin.nas.oks import Truth, match, sigmas_of
from yolonas_plugin.nas.opening import open_model
from yolonas_plugin.nas.results import NASResults
from yolonas_plugin.nas.settings import check_overrides, check_task
from yolonas_plugin.processing import Placement, ProcessingSpec
from yolonas_plugin.runtimes import RuntimeChoice
from yolonas_plugin.settings import check_imgsz
from yolonas_plugin.skeleton import Skeleton

CONF = 0.01
"""Lowest score that counts, in super-gradients' recipes; most others go down to 0.001."""


class NASValidator(DetectionValidator):
    """Measures mAP with YOLO-NAS's own letterbox and box selection, of a model of any task of this package.

    Keypoints are measured as COCO does it, not as the engine does: see :mod:`yolonas_plugin.nas.oks`. As in
    super-gradients, the scaled image's sides are truncated, not rounded, and boxes are clipped to the network's
    input, padding included, before they are matched.

    Args:
        dataloader: The engine's, in a training.
        save_dir: Folder for files.
        args: Settings.
        _callbacks: The engine's.
        runtime: By what a network runs; a ``NAS`` and an exported file have their own.

    Raises:
        SettingError: One of ``args`` is no setting, has a value that it can't have, or would change nothing.
        RuntimeChoiceError: ``rect`` is among them.
    """

    processing: ProcessingSpec
    skeleton: Skeleton | None
    class_names: dict[int, str]
    metrics: Any
    data: dict[str, Any]
    data_set: DataSet | None
    """The data, once it has been read; whoever has read it already may put it here."""

    def __init__(
        self,
        dataloader: Any = None,
        save_dir: Path | None = None,
        args: Any = None,
        _callbacks: Any = None,
        *,
        runtime: RuntimeChoice | None = None,
    ) -> None:
        if not isinstance(args, SimpleNamespace):  # which a trainer's settings are, checked there
            args = check_overrides(args, "val")
            refuse_rect(args)
        given = vars(args) if isinstance(args, SimpleNamespace) else args
        size = given.get("imgsz")
        self._size = None if size is None else check_imgsz(size)
        writes = any({**DEFAULT_CFG_DICT, **given}[name] for name in ("plots", "save_txt", "save_json"))
        # the engine makes its folder whether there is anything to put in or not: one that is there already, then
        elsewhere = None if writes or save_dir is not None else Path(gettempdir())
        super().__init__(dataloader, save_dir or elsewhere, args, _callbacks)
        self._runtime = runtime or RuntimeChoice()
        if elsewhere is not None:
            self.save_dir = get_save_dir(self.args)
        self.data_set = None
        self._asked = given.get("task")
        self._set_task(self._asked or self.args.task)
        if given.get("conf") is None:
            tell(self.args, conf=CONF)
        # predictions are written here: the engine has ids of its own, and measures them by a program that it fetches
        self._rows: list[dict[str, Any]] | None = [] if self.args.save_json else None
        tell(self.args, save_json=False)

    def __call__(self, trainer: Any = None, model: nn.Module | str | Path | None = None) -> Any:
        """Validate ``model`` by its runtime, or the file that it (or the setting ``model``) names.

        With a ``trainer``, a fused copy of the average of the weights that it trains.

        Raises:
            RuntimeChoiceError: A setting asks for what the runtime doesn't do.
        """
        asked = trainer.ema.ema if trainer is not None else self.args.model if model in (None, "") else model
        model, choice = open_model(asked, self._runtime, "NASValidator measures")
        if trainer is None:
            check_task(self._asked, model.task, "val")
        self._set_task(model.task)
        self.class_names = model.names
        self.skeleton = model.about.skeleton
        self.processing = model.processing
        if self._size is not None and trainer is None:
            self.processing = model.processing.with_size(self._size)
        tell(self.args, imgsz=max(self.processing.size))  # the engine knows squares only, and pads nothing itself
        if trainer is not None:
            with session():
                return super().__call__(with_average(trainer, fused_copy(cast("NASModule", model))))
        check_runtime(choice, self.args)
        device = device_of(choice, self.args)
        network = inference_module(model, with_half(choice, self.args), self.args.compile, device)
        as_it_is = told(self.args, device=device, compile=False, **nothing_halved(self.args))
        with session(), as_it_is, self._described_data():
            stats = super().__call__(model=network)
            self._write_predictions()
            return stats

    @contextlib.contextmanager
    def _described_data(self) -> Iterator[None]:
        """Read the data, whatever its format, say what is wrong with it, and give the engine what it understands."""
        source = self.args.data
        if not source:
            raise SourceError("no data to validate on; name it with data=")
        known = self.data_set
        if known is None or known.source != source or self.args.split not in known.splits:
            known = self.data_set = open_data(source, [self.args.split], self.args.task)
            if RANK in {-1, 0}:
                known.report.log()
        with description(_plain(known)) as path, told(self.args, data=path):
            yield

    def build_dataset(self, img_path: str, mode: str = "val", batch: int | None = None) -> SampleDataset:
        """Return the data set, whose images come letterboxed as YOLO-NAS wants them.

        Raises:
            SourceError: It has classes that the model can't predict.
        """
        assert self.data_set is not None
        samples = self.data_set.splits[self.args.split]
        self.data = {**self.data, **self.data_set.settings}
        indices = match_classes(self.data_set, self.class_names)
        return measured_dataset(self.args, samples, self.data, self.processing, indices, mode, batch)

    def preprocess(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Move a batch to the device, and give its images the form that the network takes them in.

        That is pixels in BGR; while training, the network's own input. ``batch["rgb"]`` keeps the images for plots.
        """
        pixels = batch["img"].to(self.device)
        batch = super().preprocess(batch)
        batch["rgb"] = batch["img"]
        if self.training:
            batch["img"] = self.processing.normalise(pixels).to(batch["rgb"].dtype)
        else:
            batch["img"] = pixels.flip(1) if pixels.shape[1] == 3 else pixels
        return batch

    def _set_task(self, task: str) -> None:
        """Measure what belongs to a task; whatever was measured before is forgotten where it is another."""
        tell(self.args, task=task)
        if type(self.metrics) is not MEASURED[task].metrics:
            self.metrics = MEASURED[task].metrics()

    def get_desc(self) -> str:
        """Return the head of the engine's table."""
        columns = [
            name for title in MEASURED[self.args.task].columns for name in (f"{title}(P", "R", "mAP50", "mAP50-95)")
        ]
        return ("%22s" + "%11s" * (2 + len(columns))) % ("Class", "Images", "Instances", *columns)

    def _read_truth(self) -> dict[str, Truth]:
        """Return the labels of each image, by its path; nothing where the task has no keypoints.

        Raises:
            SourceError: The data have other keypoints than the model.
        """
        if self.skeleton is None:
            return {}
        assert self.data_set is not None
        skeleton = self.data_set.skeleton
        if skeleton is None or len(skeleton) != len(self.skeleton):
            theirs = "no keypoints" if skeleton is None else f"{len(skeleton)} keypoints"
            raise SourceError(
                f"{self.data_set.report.source}: the data have {theirs}, the model predicts {len(self.skeleton)}; "
                "validate with data like those it was trained on"
            )
        self._sigmas = sigmas_of(skeleton, self.skeleton)
        return {sample.image: Truth.of(sample) for sample in self.data_set.splits[self.args.split]}

    def _process_batch(self, preds: dict[str, Tensor], batch: dict[str, Any]) -> dict[str, NDArray[Any]]:
        """Match what was found in an image with its labels. Private, and where the engine's tasks add their parts."""
        found: dict[str, NDArray[Any]] = super()._process_batch(preds, batch)
        if self.skeleton is not None:
            truth = self._truth[batch["im_file"]]
            points = self.scale_preds(preds, batch)["keypoints"].cpu().numpy()
            found["tp_p"], found["nothing_p"] = match(truth, points, preds["conf"].cpu().numpy(), self._sigmas)
            found["target_p"] = np.zeros((~truth.ignored).sum())
        return found

    def init_metrics(self, model: nn.Module) -> None:
        """Begin to measure."""
        held: Any = model
        held.names = dict(self.class_names)  # which the engine may have renamed
        self.data = {**self.data, self.args.split: ""}  # by whose name it would know COCO, and ask for its annotations
        super().init_metrics(model)
        self._truth = self._read_truth()
        self._coco_rows = None
        if self._rows is not None and not self.training:
            assert self.data_set is not None
            self._rows = []
            indices = None if self.args.single_cls else match_classes(self.data_set, self.class_names)
            self._coco_rows = CocoRows(self.data_set, self.args.split, indices)

    def update_metrics(self, preds: list[dict[str, Tensor]], batch: dict[str, Any]) -> None:
        """Match what was found in a batch with its labels, and keep it for ``predictions.json``, if that is wanted."""
        super().update_metrics(preds, batch)
        if self._rows is None or self._coco_rows is None:
            return
        for found, path, placement in zip(preds, batch["im_file"], batch["ratio_pad"], strict=True):
            scaled = self.scale_preds(found, {"ratio_pad": placement})
            parts = (scaled["bboxes"], scaled["conf"], scaled["cls"], scaled.get("keypoints"))
            self._rows += self._coco_rows.rows(path, *parts)

    def _write_predictions(self) -> None:
        """Write ``predictions.json`` whole or not at all, under the ids of the data."""
        if self._coco_rows is not None:
            write_whole(self.save_dir / "predictions.json", json.dumps(self._rows))
            LOGGER.info(f"Predictions saved to {self.save_dir}")

    def postprocess(self, preds: Any) -> list[dict[str, Tensor]]:
        """Select boxes and clip them to the network's input."""
        found = preds[0] if self.training else preds
        height, width = self.processing.size
        detections = []
        for outputs in zip(*found, strict=True):
            rows = select_boxes(
                *outputs,
                conf=self.args.conf,
                iou=self.args.iou,
                top_k=MEASURED[self.args.task].candidates,
                max_detections=self.args.max_det,
                class_agnostic=self.args.single_cls or self.args.agnostic_nms,
            )
            rows = clip_boxes(rows, height, width)
            detection = {"bboxes": rows[:, :4], "conf": rows[:, 4], "cls": rows[:, 5]}
            if self.skeleton is not None:
                detection["keypoints"] = rows[:, 6:].unflatten(1, (len(self.skeleton), 3))
            detections.append(detection)
        return detections

    def scale_preds(self, predn: dict[str, Tensor], pbatch: dict[str, Any]) -> dict[str, Tensor]:
        """Map boxes and keypoints from the network's input to the original image."""
        (scale_y, scale_x), (left, top) = pbatch["ratio_pad"]
        placement = Placement(scale_y, scale_x, top, left)
        scaled = {**predn, "bboxes": placement.to_image(predn["bboxes"])}
        if "keypoints" in predn:
            scaled["keypoints"] = placement.points_to_image(predn["keypoints"])
        return scaled

    def save_one_txt(self, predn: dict[str, Tensor], save_conf: bool, shape: tuple[int, int], file: Path) -> None:
        """Write the detections in one image as labels, as :meth:`.NASResults.save_txt` does."""
        rows = torch.column_stack((predn["bboxes"], predn["conf"], predn["cls"]))
        image = np.zeros((*shape, 1), dtype=np.uint8)
        found = NASResults(image, path="", names=self.names, boxes=rows, keypoints=predn.get("keypoints"))
        found.save_txt(file, save_conf=save_conf)

    def plot_val_samples(self, batch: dict[str, Any], ni: int) -> None:
        """Plot a batch with its labels."""
        super().plot_val_samples({**batch, "img": batch["rgb"]}, ni)

    def plot_predictions(self, batch: dict[str, Any], preds: Any, ni: int, *args: Any, **kwargs: Any) -> None:
        """Plot a batch with its predictions."""
        super().plot_predictions({**batch, "img": batch["rgb"]}, preds, ni, *args, **kwargs)


def refuse_rect(settings: Mapping[str, Any]) -> None:
    """See that nobody asks for padding that isn't super-gradients'.

    Raises:
        RuntimeChoiceError: Someone does.
    """
    if settings.get("rect"):
        raise RuntimeChoiceError("rect=True: val pads to the whole input, as super-gradients does; leave it out")


def _plain(data: DataSet) -> DataSet:
    """Return data whose description holds no path and no name that the engine's YAML could read as something else."""
    folder = gettempdir()
    places = dict.fromkeys({"path", "train", "val", "test"} & data.settings.keys(), folder)
    return replace(
        data, settings={**data.settings, **places, "names": {i: f"class_{i}" for i in range(len(data.names))}}
    )
