"""super-gradients 3.7.1's files of YOLO-NAS-POSE: modules, fused or not, state dicts, checkpoints of a training."""

from __future__ import annotations

import os

os.environ.update(CRASH_HANDLER="FALSE", CONSOLE_LOG_LEVEL="ERROR")  # read when super-gradients is imported

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import super_gradients
import torch
from super_gradients.training import models
from super_gradients.training.processing.processing import default_yolo_nas_pose_coco_processing_params
from torch import nn

from tests.formats.pictures import EDGES, INPUT, KEYPOINTS, write_pose_data_set
from tests.formats.source import Opened, Project, Written, weights

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255)]


def network(size: str, num_keypoints: int = 17) -> nn.Module:
    """Return an unfused network with the synthetic weights and, for 17 keypoints, COCO's processing and skeleton."""
    model = models.get(f"yolo_nas_pose_{size}", num_classes=num_keypoints)
    side, score = (640, 0.55) if num_keypoints == 17 else (INPUT, 0.1)  # a little above the confidence of each
    model.load_state_dict(weights(model.state_dict(), side, score=score), strict=True)
    if num_keypoints == 17:
        model.set_dataset_processing_params(**default_yolo_nas_pose_coco_processing_params())
    return model.eval()


def opened(model: nn.Module) -> Opened:
    def predict(path: Path) -> np.ndarray:
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        found = model.predict(image, fuse_model=False, fp16=False).prediction
        points = torch.from_numpy(found.poses).flatten(1).numpy()  # numpy can't reshape none of them
        return np.hstack((found.bboxes_xyxy, found.scores[:, None], np.zeros((len(points), 1)), points))

    return Opened(model.eval(), predict, model)


def open_module(path: Path) -> Opened:
    return opened(torch.load(path))


def write(size: str, folder: Path) -> Iterator[Written]:
    coco = default_yolo_nas_pose_coco_processing_params()
    edges = [tuple(map(int, edge)) for edge in coco["edge_links"]]
    model = network(size)
    module = folder / f"yolo_nas_pose_{size}.pt"
    torch.save(model, module)
    yield Written("whole module", module, open_module, golden="pose_module", edges=edges)

    def open_coco(path: Path) -> Opened:
        model = models.get(f"yolo_nas_pose_{size}", num_classes=17, checkpoint_path=str(path))
        model.set_dataset_processing_params(**coco)
        return opened(model)

    published = folder / f"yolo_nas_pose_{size}_coco_pose.pth"
    torch.save({"net": model.state_dict()}, published)
    yield Written("state dict under `net`, as a published `_coco_pose.pth`", published, open_coco, edges=edges)
    parallel = folder / "parallel.pth"
    torch.save({"net": nn.DataParallel(model).state_dict()}, parallel)
    yield Written("state dict under `net`, of a `DataParallel`", parallel, open_coco, edges=edges)

    for full in (False, True):
        fused = network(size)
        fused.prep_model_for_conversion(input_size=(1, 3, INPUT, INPUT), full_fusion=full)
        path = folder / f"fused_{full}.pt"
        torch.save(fused, path)
        yield Written(f"whole module, fused {'fully' if full else 'partially'}", path, open_module, edges=edges)

    def open_trained(path: Path) -> Opened:
        return opened(models.get(f"yolo_nas_pose_{size}", num_classes=len(KEYPOINTS), checkpoint_path=str(path)))

    run = train(size, folder)
    yield Written(
        "training, `ckpt_best.pth`", run / "ckpt_best.pth", open_trained, golden="pose_ckpt_best", edges=EDGES
    )
    yield Written("training, `average_model.pth`", run / "average_model.pth", open_trained, edges=EDGES)


def train(size: str, folder: Path) -> Path:
    """Train for an epoch of one batch with super-gradients' Trainer, its data set and its loss; return its folder."""
    from super_gradients.training import Trainer
    from super_gradients.training.datasets.pose_estimation_datasets import COCOPoseEstimationDataset
    from super_gradients.training.datasets.pose_estimation_datasets.yolo_nas_pose_collate_fn import YoloNASPoseCollateFN
    from super_gradients.training.metrics import PoseEstimationMetrics
    from super_gradients.training.models.pose_estimation_models.yolo_nas_pose import YoloNASPosePostPredictionCallback
    from super_gradients.training.transforms.keypoints import (
        KeypointsImageStandardize,
        KeypointsLongestMaxSize,
        KeypointsPadIfNeeded,
    )
    from torch.utils.data import DataLoader

    data = write_pose_data_set(folder / "data").parent
    steps = [
        KeypointsLongestMaxSize(max_height=INPUT, max_width=INPUT),
        KeypointsPadIfNeeded(
            min_height=INPUT, min_width=INPUT, image_pad_value=127, mask_pad_value=1, padding_mode="bottom_right"
        ),
        KeypointsImageStandardize(max_value=255),
    ]
    sigmas = [0.1] * len(KEYPOINTS)

    def loader(split: str) -> DataLoader[Any]:
        images = COCOPoseEstimationDataset(
            data_dir=str(data),
            images_dir=f"images/{split}",
            json_file=f"{split}.json",
            include_empty_samples=True,
            transforms=steps,
            edge_links=EDGES,
            edge_colors=COLOURS[1:],
            keypoint_colors=COLOURS,
        )
        return DataLoader(images, batch_size=2, collate_fn=YoloNASPoseCollateFN())

    select = YoloNASPosePostPredictionCallback(
        pose_confidence_threshold=0.01, nms_iou_threshold=0.7, pre_nms_max_predictions=300, post_nms_max_predictions=30
    )
    settings = {
        "max_epochs": 1,
        "initial_lr": 1e-5,
        "lr_mode": "CosineLRScheduler",
        "cosine_final_lr_ratio": 0.1,
        "optimizer": "AdamW",
        "optimizer_params": {"weight_decay": 1e-6},
        "ema": True,
        "ema_params": {"decay": 0.997, "decay_type": "threshold"},
        "loss": "YoloNASPoseLoss",
        "criterion_params": {"oks_sigmas": sigmas},
        "valid_metrics_list": [PoseEstimationMetrics(select, len(KEYPOINTS), oks_sigmas=sigmas)],
        "metric_to_watch": "AP",
        "silent_mode": True,
    }
    trainer = Trainer("run", ckpt_root_dir=str(folder / "runs"))
    model = network(size, len(KEYPOINTS)).train()
    trainer.train(model, training_params=settings, train_loader=loader("train"), valid_loader=loader("val"))
    return Path(trainer.checkpoints_dir_path)


PROJECT = Project(f"super-gradients {super_gradients.__version__}, poses", write)
