"""The network as the engine's training loop wants it: called with a batch, it returns the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn
from ultralytics.models.yolo.detect import DetectionTrainer

from yolonas_plugin.info import ModelInfo
from yolonas_plugin.nas.module import NASModule
from yolonas_plugin.nn import POSE_RECIPES, YoloNASLoss, YoloNASPoseLoss

_AS_VECTOR = "label_loss_items" in vars(DetectionTrainer)  # engines of 8.3 want the parts so, newer ones as a table


class Objective(NamedTuple):
    """What a network of a task is trained for.

    Attributes:
        loss_names: The parts of the loss, under the names that the engine's logs and plots have for them.
        criterion: Makes the loss of a model.
        labels: Of a batch of the engine, in what the loss takes between boxes in pixels and the image of each.
    """

    loss_names: tuple[str, ...]
    criterion: Callable[[ModelInfo], nn.Module]
    labels: Callable[[Mapping[str, Any], Tensor], Tensor]


def _pose_loss(info: ModelInfo) -> YoloNASPoseLoss:
    assert info.skeleton is not None  # which a model of the task has
    assert info.size is not None
    return YoloNASPoseLoss(info.skeleton.oks_sigmas, POSE_RECIPES[info.size])


def _classes(batch: Mapping[str, Any], images: Tensor) -> Tensor:
    return batch["cls"].view(-1).to(images.device, torch.int64)


def _keypoints(batch: Mapping[str, Any], images: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    keypoints = batch["keypoints"].to(images.device, torch.float32)
    return keypoints * keypoints.new_tensor((width, height, 1))


OBJECTIVES: Final[dict[str, Objective]] = {
    "detect": Objective(("box_loss", "cls_loss", "dfl_loss"), lambda info: YoloNASLoss(), _classes),
    "pose": Objective(("box_loss", "pose_loss", "kobj_loss", "cls_loss", "dfl_loss"), _pose_loss, _keypoints),
}
"""By the name of the task."""


class TrainingModule(NASModule):
    """YOLO-NAS with its loss.

    Args:
        info: The record of the model, with its size.

    Attributes:
        objective: What it is trained for.
        criterion: The loss; None in copies that are only evaluated.
        nc: Number of classes.
    """

    def __init__(self, info: ModelInfo) -> None:
        super().__init__(info)
        self.objective = OBJECTIVES[info.task]
        self.criterion = self.objective.criterion(info)
        self.nc = len(info.names)

    def forward(self, images: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the loss of a batch, or predictions for images.

        Args:
            images: The engine's batch, a dictionary, or its images [B, C, H, W].
            *args: Ignored.
            **kwargs: Ignored.

        Returns:
            For a batch what :meth:`loss` returns. For images in training mode
            :class:`~yolonas_plugin.nn.RawPredictions` or :class:`~yolonas_plugin.nn.RawPosePredictions`; in evaluation
            mode the outputs of the task as one tuple, and those.
        """
        if isinstance(images, Mapping):
            return self.loss(images)
        raw = self.predict_raw(images)
        return raw if self.training else (self.decode(raw), raw)

    def loss(self, batch: Mapping[str, Any], preds: Any = None) -> tuple[Tensor, Tensor | dict[str, Tensor]]:
        """Compare predictions with a batch's labels.

        Args:
            batch: The engine's: ``img`` [B, C, H, W]; ``batch_idx`` [T], ``cls`` [T, 1] and ``bboxes`` [T, 4], centre
                x, y, width, height as fractions of the image's sides; and, for poses, ``keypoints`` [T, K, 3], x, y
                likewise and a visibility.
            preds: What :meth:`forward` returned for the images; None to compute it.

        Returns:
            The loss times the number of images, which the engine's learning rates expect, and its parts by name, or in
            the order of the objective's ``loss_names`` for engines that want a vector.
        """
        images = batch["img"]
        raw = self(images) if preds is None else preds
        if isinstance(raw[0], tuple):  # with what was decoded before it
            raw = raw[1]
        height, width = images.shape[-2:]
        boxes = batch["bboxes"].to(images.device, torch.float32)
        half = boxes[:, 2:] / 2
        corners = torch.cat((boxes[:, :2] - half, boxes[:, :2] + half), dim=1)
        corners = corners * corners.new_tensor((width, height, width, height))
        labels = self.objective.labels(batch, images)
        image_of = batch["batch_idx"].to(images.device, torch.int64)
        total, parts = self.criterion(raw, corners, labels, image_of)
        found = {name: parts[name].detach() for name in self.objective.loss_names}
        return total * len(images), torch.stack(list(found.values())) if _AS_VECTOR else found

    def set_head_attr(self, **attributes: Any) -> None:
        """Take the engine's settings for box selection inside a head, which YOLO-NAS doesn't do there."""
