"""Validation on the Ultralytics engine, measured as super-gradients measures it."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torch import Tensor, nn
from ultralytics.data.augment import Compose, Format
from ultralytics.models.yolo.detect import DetectionValidator
from ultralytics.utils import RANK
from ultralytics.utils.patches import imread

from yolonas_plugin.boxes.clipping import clip_boxes
from yolonas_plugin.boxes.tensors import select_boxes
from yolonas_plugin.data import DataSet, Sample, open_data
from yolonas_plugin.engine import session
from yolonas_plugin.errors import RuntimeChoiceError, SourceError
from yolonas_plugin.files.whole import whole
from yolonas_plugin.nas.coco_rows import CocoRows
from yolonas_plugin.nas.dataset import SampleDataset, description, match_classes
from yolonas_plugin.nas.execution import check_runtime, device_of, replaced
from yolonas_plugin.nas.inference import ExportedModule, choice_of, inference_module
from yolonas_plugin.nas.module import NASModule, build_module, fused_copy
from yolonas_plugin.nas.settings import check_overrides
from yolonas_plugin.processing import Image, Placement, ProcessingSpec
from yolonas_plugin.settings import check_imgsz
from yolonas_plugin.weights import find_weights, read_checkpoint

CONF = 0.01
"""Lowest score that counts, in super-gradients' recipes; most others go down to 0.001."""

TOP_K = 1000
"""Candidates for NMS in super-gradients' recipes."""


class NASValidator(DetectionValidator):
    """Measures mAP with YOLO-NAS's own letterbox and box selection.

    As in super-gradients, the scaled image's sides are truncated, not rounded, and boxes are clipped to the network's
    input, padding included, before they are matched.

    Raises:
        SettingError: One of ``args`` is no setting, has a value that it can't have, or would change nothing.
        RuntimeChoiceError: ``rect`` is among them.
    """

    processing: ProcessingSpec
    class_names: dict[int, str]
    data_set: DataSet | None
    """The data, once it has been read; whoever has read it already may put it here."""

    def __init__(
        self, dataloader: Any = None, save_dir: Path | None = None, args: Any = None, _callbacks: Any = None
    ) -> None:
        if not isinstance(args, SimpleNamespace):  # which a trainer's settings are, checked there
            args = check_overrides(args, "val")
            refuse_rect(args)
        given = vars(args) if isinstance(args, SimpleNamespace) else args
        size = given.get("imgsz")
        self._size = None if size is None else check_imgsz(size)
        super().__init__(dataloader, save_dir, args, _callbacks)
        self.data_set = None
        if given.get("conf") is None:
            self.args.conf = CONF
        if not (self.args.plots or self.args.save_txt or self.args.save_json):
            with contextlib.suppress(OSError):  # the engine makes its folder whether there is anything to put in or not
                for folder in (self.save_dir, *self.save_dir.parents[:2]):
                    folder.rmdir()

    def __call__(self, trainer: Any = None, model: nn.Module | str | Path | None = None) -> Any:
        """Validate ``model`` by its runtime, or the file that it (or the setting ``model``) names.

        With a ``trainer``, a fused copy of the average of the weights that it trains.

        Raises:
            RuntimeChoiceError: A setting asks for what the runtime doesn't do.
        """
        if trainer is not None:
            model = trainer.ema.ema
        elif not isinstance(model, nn.Module):
            model = build_module(read_checkpoint(find_weights(model or self.args.model)))
        if not isinstance(model, (NASModule, ExportedModule)):
            raise TypeError(f"NASValidator measures YOLO-NAS, not a {type(model).__name__}")
        self.class_names = model.names
        self.processing = model.processing
        if self._size is not None and trainer is None:
            self.processing = model.processing.with_size(self._size)
        self.args.imgsz = max(self.processing.size)  # the engine knows squares only, and pads nothing itself
        if trainer is not None:
            trainer = copy(trainer)
            trainer.ema = SimpleNamespace(ema=fused_copy(model))
            with session():
                return super().__call__(trainer)
        choice = choice_of(model)
        check_runtime(choice, self.args)
        device = device_of(choice, self.args)
        network = inference_module(model, self.args.compile)
        with session(), replaced(self.args, device=device, compile=False), self._described_data():
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
            self.data_set = open_data(source, [self.args.split])
            if RANK in {-1, 0}:
                self.data_set.report.log()
        try:
            with description(_plain(self.data_set)) as self.args.data:
                yield
        finally:
            self.args.data = source

    def build_dataset(self, img_path: str, mode: str = "val", batch: int | None = None) -> NASDataset:
        """Return the data set, whose images come letterboxed as YOLO-NAS wants them.

        Raises:
            SourceError: It has classes that the model can't predict.
        """
        assert self.data_set is not None
        samples = self.data_set.splits[self.args.split]
        self.data = {**self.data, **self.data_set.settings}
        return build_dataset(
            self.args, samples, self.data, self.processing, match_classes(self.data_set, self.class_names), mode, batch
        )

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

    def init_metrics(self, model: nn.Module) -> None:
        """Begin to measure. Files are written if they were asked for, whatever the data set is called.

        The engine would write predictions, and measure them by another program, where the data's path has "coco" in it.
        """
        asked = self.args.save_json
        model.names = dict(self.class_names)  # which the engine may have renamed
        super().init_metrics(model)
        self.args.save_json = asked
        self.is_coco = self.is_lvis = self.is_custom_json = self.build_gdict = False
        self.gdict = None
        self._rows: list[dict[str, Any]] = []
        self._coco_rows = None
        if asked and not self.training:
            assert self.data_set is not None
            indices = None if self.args.single_cls else match_classes(self.data_set, self.class_names)
            self._coco_rows = CocoRows(self.data_set, self.args.split, indices)

    def pred_to_json(self, predn: dict[str, Tensor], pbatch: dict[str, Any]) -> None:
        """Keep what was found in an image for ``predictions.json``, under the ids of the data."""
        if self._coco_rows is not None:
            self._rows += self._coco_rows.rows(pbatch["im_file"], predn["bboxes"], predn["conf"], predn["cls"])

    def _write_predictions(self) -> None:
        """Write ``predictions.json`` whole or not at all; the engine, which writes in place, is given none to write."""
        self.jdict = self._rows
        if self._coco_rows is not None:
            with whole(self.save_dir / "predictions.json") as path:
                path.write_text(json.dumps(self._rows), encoding="utf-8")

    def postprocess(self, preds: Any) -> list[dict[str, Tensor]]:
        """Select boxes and clip them to the network's input."""
        found = preds[0] if self.training else preds
        height, width = self.processing.size
        detections = []
        for boxes, scores in zip(*found, strict=True):
            rows = select_boxes(
                boxes,
                scores,
                conf=self.args.conf,
                iou=self.args.iou,
                top_k=TOP_K,
                max_detections=self.args.max_det,
                class_agnostic=self.args.single_cls or self.args.agnostic_nms,
            )
            rows = clip_boxes(rows, height, width)
            detections.append({"bboxes": rows[:, :4], "conf": rows[:, 4], "cls": rows[:, 5], "extra": rows[:, 6:]})
        return detections

    def scale_preds(self, predn: dict[str, Tensor], pbatch: dict[str, Any]) -> dict[str, Tensor]:
        """Map boxes from the network's input to the original image."""
        (scale_y, scale_x), (left, top) = pbatch["ratio_pad"]
        return {**predn, "bboxes": Placement(scale_y, scale_x, top, left).to_image(predn["bboxes"])}

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
    folder = tempfile.gettempdir()
    places = dict.fromkeys({"path", "train", "val", "test"} & data.settings.keys(), folder)
    return replace(
        data, settings={**data.settings, **places, "names": {i: f"class_{i}" for i in range(len(data.names))}}
    )


def build_dataset(
    args: Any,
    samples: Sequence[Sample],
    data: dict[str, Any],
    processing: ProcessingSpec,
    indices: Sequence[int] | None = None,
    mode: str = "val",
    batch: int | None = None,
) -> NASDataset:
    """Return samples for measuring a network with this ``processing``; ``indices`` as for ``SampleDataset``."""
    return NASDataset(
        samples=samples,
        indices=indices,
        imgsz=args.imgsz,
        batch_size=batch,
        augment=False,
        hyp=args,
        rect=False,
        cache=None,
        single_cls=args.single_cls or False,
        stride=32,
        pad=0.0,
        prefix=f"{mode}: ",
        task=args.task,
        classes=args.classes,
        data=data,
        processing=processing,
    )


class NASDataset(SampleDataset):
    """The engine's data set, which leaves resizing and padding to ``processing``."""

    def __init__(self, *args: Any, processing: ProcessingSpec, **kwargs: Any) -> None:
        self.processing = processing
        super().__init__(*args, **kwargs)

    def load_image(self, i: int, *args: Any, **kwargs: Any) -> tuple[Image, tuple[int, int], tuple[int, int]]:
        """Read image ``i`` in its own size, BGR."""
        image = imread(self.im_files[i], flags=self.cv2_flag)
        if image is None:
            raise SourceError(f"{self.im_files[i]}: could not be read as an image")
        return image, image.shape[:2], image.shape[:2]

    def build_transforms(self, hyp: Any = None) -> Compose:
        """Return the letterbox and the engine's formatting, without augmentation."""
        formatting = Format(bbox_format="xywh", normalize=True, batch_idx=True)
        return Compose([_Letterbox(self.processing), formatting])


class _Letterbox:
    """Letterboxes the image of a sample and moves its boxes along."""

    def __init__(self, processing: ProcessingSpec) -> None:
        self.processing = processing

    def __call__(self, labels: dict[str, Any]) -> dict[str, Any]:
        image: Image = labels["img"]
        height, width = image.shape[:2]
        canvas, placement = self.processing.letterbox(image, truncate=True)
        instances = labels["instances"]
        instances.convert_bbox(format="xyxy")
        instances.denormalize(width, height)
        instances.update(placement.to_input(instances.bboxes))
        labels.update(
            img=canvas,
            resized_shape=canvas.shape[:2],
            ratio_pad=((placement.scale_y, placement.scale_x), (placement.left, placement.top)),
        )
        return labels
