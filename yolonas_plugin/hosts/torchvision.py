"""YOLO-NAS among torchvision's models: called as its detectors are, and found by name once :func:`register` was called.

Ultralytics isn't imported. The registry is one of torchvision's private modules, see :func:`register`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from yolonas_plugin.boxes.tensors import select_boxes
from yolonas_plugin.cards import COCO_CLASSES
from yolonas_plugin.errors import CheckpointError, SourceError, YoloNASPluginError
from yolonas_plugin.hosts import require_detector, unusable
from yolonas_plugin.nn import CONFIGS, RawPredictions, Size, YoloNAS, YoloNASLoss
from yolonas_plugin.processing import Placement, ProcessingSpec
from yolonas_plugin.weights import find_weights, read_checkpoint
from yolonas_plugin.weights.defaults import UNTRAINED, named_processing, names_of, processing_of


class Detector(YoloNAS):
    """YOLO-NAS as torchvision's detectors are called: images of any size in, a dictionary for each out.

    Args:
        network: Whose parts it takes over.
        processing: How images are prepared, and the limits of box selection.
        categories: Class names; None with random weights.

    Attributes:
        processing: As above.
        categories: As above.
        criterion: The training loss.
    """

    def __init__(self, network: YoloNAS, processing: ProcessingSpec, categories: tuple[str, ...] | None = None) -> None:
        super().__init__(network.config, network.num_classes, network.in_channels, network.parts)
        self.processing, self.categories = processing, categories
        self.criterion = YoloNASLoss()

    def forward(  # type: ignore[override]
        self, images: Sequence[Tensor], targets: Sequence[Mapping[str, Tensor]] | None = None
    ) -> list[dict[str, Tensor]] | dict[str, Tensor]:
        """Detect objects, or in training mode compare with what is there.

        Args:
            images: [3, H, W] each, float, RGB from 0 to 1. They are prepared in 8 bits on the CPU, as files are.
            targets: For training, of each image ``boxes`` [T, 4], x1, y1, x2, y2 in its pixels, and ``labels`` [T],
                int64 from 0: there is no class for the background.

        Returns:
            In evaluation mode for each image ``boxes`` [N, 4], x1, y1, x2, y2 in its pixels, which may reach a little
            out of it, ``labels`` [N], int64, and ``scores`` [N], best first. In training mode the losses ``box_loss``,
            ``cls_loss`` and ``dfl_loss``.

        Raises:
            SourceError: There is no image, one isn't as described, or targets are missing in training.
        """
        if not len(images):
            raise SourceError("there is no image in the list")
        canvases, placements = zip(*(self.processing.letterbox(_to_pixels(image)) for image in images), strict=True)
        weight = self.heads.head1.cls_pred.weight
        pixels = torch.from_numpy(np.stack(canvases)).to(weight.device).permute(0, 3, 1, 2)
        prepared = self.processing.normalise(pixels).to(weight.dtype)
        if self.training:
            raw = self.predict_raw(prepared)
            assert isinstance(raw, RawPredictions)  # it is a detector, as build sees to
            return self._losses(raw, targets, placements)
        found = zip(*self.detect(prepared), placements, strict=True)
        return [self._select(boxes, scores, placement) for boxes, scores, placement in found]

    def _select(self, boxes: Tensor, scores: Tensor, placement: Placement) -> dict[str, Tensor]:
        rows = select_boxes(boxes, scores, **self.processing.selection())
        return {"boxes": placement.to_image(rows[:, :4]), "labels": rows[:, 5].long(), "scores": rows[:, 4]}

    def _losses(
        self,
        raw: RawPredictions,
        targets: Sequence[Mapping[str, Tensor]] | None,
        placements: Sequence[Placement],
    ) -> dict[str, Tensor]:
        if targets is None or len(targets) != len(placements):
            found = "none" if targets is None else len(targets)
            raise SourceError(f"in training mode each of the {len(placements)} images needs its targets, found {found}")
        device = raw.logits.device
        boxes = [
            torch.from_numpy(placement.to_input(target["boxes"].detach().cpu().float().numpy().reshape(-1, 4)))
            for target, placement in zip(targets, placements, strict=True)
        ]
        image_of = torch.repeat_interleave(torch.tensor([len(some) for some in boxes]))
        labels = torch.cat([target["labels"].to(device) for target in targets])
        _, parts = self.criterion(raw, torch.cat(boxes).to(device), labels, image_of.to(device))
        return parts


def build(
    name: str,
    *,
    weights: str | Path | None = None,
    weights_backbone: None = None,
    num_classes: int | None = None,
    processing: ProcessingSpec | str | None = None,
    accept_licence: bool = False,
    score_thresh: float | None = None,
    nms_thresh: float | None = None,
    detections_per_img: int | None = None,
) -> Detector:
    """Return a detector, in training mode as all of torchvision's.

    Args:
        name: ``"yolo_nas_n"``, s, m or l.
        weights: Path of a weight file, or a model's name, ``"yolo_nas_s"`` for the published weights. None: random.
        weights_backbone: None; there are no weights of the backbone alone.
        num_classes: Default: those of the weights, else 80.
        processing: How images are prepared, where that isn't what the file says: a spec, ``"coco"`` or
            ``"super-gradients"``. Default without weights: ``UNTRAINED`` of ``yolonas_plugin.weights.defaults``.
        accept_licence: Accept the licence of published weights, if they are downloaded now.
        score_thresh: Lowest score of a detection. Default of this and the next: the file's.
        nms_thresh: Highest overlap of two boxes of a class.
        detections_per_img: Most boxes for an image.

    Raises:
        WeightsNotFoundError, CheckpointError, ProcessingError: As for ``NAS``, and the weights are of another size or
            for other classes.
        TaskError: They are of no detector.
    """
    if weights_backbone is not None:
        raise YoloNASPluginError(f"weights_backbone={weights_backbone!r}: there are no weights of the backbone alone")
    size: Size = name[-1]  # type: ignore[assignment]
    if weights is None:
        network = YoloNAS(CONFIGS[size], len(COCO_CLASSES) if num_classes is None else num_classes)
        spec = UNTRAINED if processing is None else named_processing(processing)
        categories = None
    else:
        path = find_weights(weights, accept_licence=accept_licence)
        checkpoint = read_checkpoint(path, own_processing=processing is None)
        require_detector(checkpoint.task, path, "torchvision's registry")
        wanted = size, checkpoint.num_classes if num_classes is None else num_classes, 3
        found = checkpoint.size, checkpoint.num_classes, checkpoint.in_channels
        if found != wanted:
            raise CheckpointError(
                f"{path}: weights of size {found[0]} for {found[1]} classes and images of {found[2]} channels; asked "
                f"for were size {wanted[0]}, {wanted[1]} classes and {wanted[2]} channels"
            )
        network = checkpoint.build().train()
        spec = processing_of(checkpoint, processing)
        categories = tuple(names_of(checkpoint).values())
    limits: dict[str, Any] = {"conf": score_thresh, "iou": nms_thresh, "max_detections": detections_per_img}
    spec = replace(spec, **{name: value for name, value in limits.items() if value is not None})
    return Detector(network, spec, categories)


def yolo_nas_n(**options: Any) -> Detector:
    """Return a detector of size n; options are those of :func:`build`."""
    return build("yolo_nas_n", **options)


def yolo_nas_s(**options: Any) -> Detector:
    """Return a detector of size s; options are those of :func:`build`."""
    return build("yolo_nas_s", **options)


def yolo_nas_m(**options: Any) -> Detector:
    """Return a detector of size m; options are those of :func:`build`."""
    return build("yolo_nas_m", **options)


def yolo_nas_l(**options: Any) -> Detector:
    """Return a detector of size l; options are those of :func:`build`."""
    return build("yolo_nas_l", **options)


def register() -> None:
    """Let ``torchvision.models.get_model`` and ``list_models`` find the four sizes; calling it again does nothing.

    torchvision documents no way in for others' models: this calls ``register_model`` of its private ``models._api``.

    Raises:
        YoloNASPluginError: One of the names is taken; none was registered.
        HostVersionError: This torchvision has no such module or function.
    """
    try:
        from torchvision.models import get_model_builder, list_models
        from torchvision.models._api import register_model
    except ImportError as error:
        raise unusable("torchvision", "torchvision", error, install="torchvision") from error

    builders: dict[str, Callable[..., Detector]] = {
        builder.__name__: builder for builder in (yolo_nas_n, yolo_nas_s, yolo_nas_m, yolo_nas_l)
    }
    taken = {name: get_model_builder(name) for name in list_models(include=list(builders))}
    if others := [f"{name} (by {found.__module__})" for name, found in taken.items() if found is not builders[name]]:
        raise YoloNASPluginError(f"torchvision has models of these names already: {', '.join(others)}")
    for name in builders.keys() - taken.keys():
        register_model(name)(builders[name])


def _to_pixels(image: Tensor) -> np.ndarray:
    """Return an image [3, H, W] from 0 to 1 as bytes [H, W, 3]; interpolation may have gone a little beyond.

    Raises:
        SourceError: It is something else.
    """
    if not isinstance(image, Tensor) or image.dim() != 3 or image.shape[0] != 3 or not image.is_floating_point():
        what = f"{image.dtype} {list(image.shape)}" if isinstance(image, Tensor) else type(image).__name__
        raise SourceError(f"an image is a float tensor [3, H, W] in RGB from 0 to 1, not {what}")
    if not image.numel():
        raise SourceError(f"an image of shape {list(image.shape)} has no pixels")
    low, high = (float(value) for value in image.detach().aminmax())
    if not -0.5 <= low <= high <= 1.5:
        raise SourceError(f"an image has values from {low:g} to {high:g}; they must be from 0 to 1, not normalised")
    return (image.detach().float() * 255).round().clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()
