"""super-gradients 3.7.1, as far as the comparisons need it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from super_gradients.training import models
from super_gradients.training.losses import PPYoloELoss, YoloNASPoseLoss
from super_gradients.training.models.arch_params_factory import get_arch_params
from super_gradients.training.models.detection_models.pp_yolo_e import PPYoloEPostPredictionCallback
from super_gradients.training.models.detection_models.pp_yolo_e.pp_yolo_head import generate_anchors_for_grid_cell
from super_gradients.training.models.detection_models.yolo_nas.yolo_nas_variants import YoloNAS
from super_gradients.training.processing.processing import (
    ComposeProcessing,
    DetectionBottomRightPadding,
    DetectionLongestMaxSizeRescale,
    ImagePermute,
    ReverseImageChannels,
    default_yolo_nas_coco_processing_params,
)
from super_gradients.training.utils.predict import DetectionPrediction
from torch import Tensor, nn

from tests.support import pose_losses, synthetic
from yolonas_plugin.nn import YoloNASConfig
from yolonas_plugin.nn.head import STRIDES
from yolonas_plugin.nn.pose_head import RawPosePredictions, decode_keypoints
from yolonas_plugin.nn.pose_loss import PoseLossSettings

PROCESSING = {
    "coco": default_yolo_nas_coco_processing_params()["image_processor"],
    "super-gradients": ComposeProcessing(
        [
            ReverseImageChannels(),
            DetectionLongestMaxSizeRescale((640, 640)),
            DetectionBottomRightPadding((640, 640), 114),
            ImagePermute(),
        ]
    ),
}
"""The two ways in which YOLO-NAS checkpoints want their images: the published weights', the YOLO-format recipe's."""


def new_network(size: str, num_classes: int = 80, in_channels: int = 3) -> nn.Module:
    """Return an unfused network as it is when training starts."""
    return models.get(f"yolo_nas_{size}", num_classes=num_classes, arch_params={"in_channels": in_channels})


def network(size: str, num_classes: int = 80, in_channels: int = 3) -> nn.Module:
    """Return an unfused network with the synthetic weights, in evaluation mode."""
    model = new_network(size, num_classes, in_channels)
    model.load_state_dict(synthetic.state_dict(model.state_dict()), strict=True)
    return model.eval()


def network_with_dropout(config: YoloNASConfig, num_classes: int) -> nn.Module:
    """Return a network of the rates in ``config`` with the synthetic weights, in training mode."""
    params = deepcopy(dict(get_arch_params(f"yolo_nas_{config.size}_arch_params")))
    backbone = [stage["YoloNASStage"] for stage in params["backbone"]["NStageBackbone"]["stages"]]
    neck = [next(iter(stage.values())) for stage in params["neck"]["YoloNASPANNeckWithC2"].values()]
    for stage, ours in zip([*backbone, *neck], [*config.backbone, *config.neck], strict=True):
        stage.update(drop_path_rates=list(ours.drop_path_rates), dropout_rate=ours.dropout_rate)
    for head in params["heads"]["NDFLHeads"]["heads_list"]:
        head["YoloNASDFLHead"].update(
            cls_dropout_rate=config.cls_dropout_rate, reg_dropout_rate=config.reg_dropout_rate
        )
    names = ("backbone", "neck", "heads", "bn_eps", "bn_momentum", "inplace_act", "in_channels")
    model = YoloNAS(**{name: params[name] for name in names}, num_classes=num_classes)
    model.load_state_dict(synthetic.state_dict(model.state_dict()), strict=True)
    return model.train()


def load(checkpoint: Path) -> nn.Module:
    """Return super-gradients' model of a YOLO-NAS-S checkpoint for BCCD's three classes."""
    return models.get("yolo_nas_s", num_classes=3, checkpoint_path=str(checkpoint)).eval()


def forward(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return boxes [B, A, 4] and scores [B, A, C]."""
    with torch.no_grad():
        (boxes, scores), _ = model(images)
    return boxes, scores


def loss(
    logits: Tensor, distances: Tensor, shape: tuple[int, int], targets: Tensor, static: bool = False
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the loss of raw predictions for images of a ``shape``, and its parts; ``targets`` as in ``Case``."""
    criterion = PPYoloELoss(num_classes=logits.shape[-1], use_static_assigner=static)
    maps = tuple(torch.empty(1, 1, shape[0] // stride, shape[1] // stride) for stride in STRIDES)
    total, parts = criterion((logits, distances, *generate_anchors_for_grid_cell(maps, STRIDES)), targets)
    names = {"loss_cls": "cls_loss", "loss_iou": "box_loss", "loss_dfl": "dfl_loss"}
    return total, {names[name]: part for name, part in zip(criterion.component_names[:3], parts, strict=False)}


def pose_loss(
    raw: RawPosePredictions, case: pose_losses.Case, settings: PoseLossSettings
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the loss of raw predictions for the persons of a case, and its parts."""
    criterion = YoloNASPoseLoss(
        pose_losses.sigmas(case.keypoints.shape[1]),
        classification_loss_weight=settings.cls_weight,
        iou_loss_weight=settings.box_weight,
        dfl_loss_weight=settings.dfl_weight,
        pose_cls_loss_weight=settings.visibility_weight,
        pose_reg_loss_weight=settings.keypoint_weight,
        pose_classification_loss_type="focal" if settings.focal_visibility else "bce",
        assigner_multiply_by_pose_oks=settings.by_keypoints,
        rescale_pose_loss_with_assigned_score=settings.by_score,
    )
    points = decode_keypoints(raw.points, raw.keypoint_offsets, raw.strides)
    centres = raw.points * raw.strides
    outputs = (raw.logits, raw.distances, points, raw.keypoint_logits, None, centres, None, raw.strides)
    images = case.images[:, None].float()
    joints = torch.cat((images[:, None].expand(-1, case.keypoints.shape[1], -1), case.keypoints), dim=2)
    targets = (torch.cat((images, case.boxes), dim=1), joints, torch.cat((images, images * 0), dim=1))
    total, parts = criterion((None, outputs), targets)
    names = {
        "loss_iou": "box_loss",
        "loss_cls": "cls_loss",
        "loss_dfl": "dfl_loss",
        "loss_pose_reg": "pose_loss",
        "loss_pose_cls": "kobj_loss",
    }
    return total, {names[name]: part for name, part in zip(criterion.component_names[:5], parts, strict=False)}


def select(boxes: Tensor, scores: Tensor, settings: Mapping[str, Any]) -> Tensor:
    """Select the boxes of one image; ``settings`` are those of our ``select_boxes``."""
    callback = PPYoloEPostPredictionCallback(
        score_threshold=settings["conf"],
        nms_threshold=settings["iou"],
        nms_top_k=settings.get("top_k", 1024),
        max_predictions=settings.get("max_detections", 300),
        multi_label_per_box=settings.get("multi_label", True),
        class_agnostic_nms=settings.get("class_agnostic", False),
    )
    return callback(((boxes[None], scores[None]), None))[0]


def build_processing(model: nn.Module, params: Mapping[str, Any]) -> Any:
    """Let ``model`` build the processing that a checkpoint's ``processing_params`` ask for."""
    model.set_dataset_processing_params(**deepcopy(dict(params)))
    return model.get_processing_params()


def to_image(processing: Any, boxes: np.ndarray, metadata: Any) -> np.ndarray:
    """Map boxes [N, 4] from the network's input back to the image."""
    prediction = DetectionPrediction(boxes, "xyxy", np.ones(len(boxes)), np.zeros(len(boxes)), (3, 640, 640))
    return processing.postprocess_predictions(prediction, metadata).bboxes_xyxy


def predict(model: nn.Module, paths: list[Path], conf: float) -> dict[Path, np.ndarray]:
    """Return rows x1, y1, x2, y2, score, class [N, 6] of image files, in pixels of the image."""
    images = [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in paths]
    found = [result.prediction for result in model.predict(images, conf=conf, batch_size=8)]
    rows = (np.hstack((f.bboxes_xyxy, f.confidence[:, None], f.labels[:, None])) for f in found)
    return dict(zip(paths, (r.astype(np.float32) for r in rows), strict=True))
