"""super-gradients: a training run's checkpoints, state dicts, and whole modules, of its last version and its first.

The same module runs in 3.7.1 and, for whole modules alone, in 3.1.1, the version of May 2023 that Ultralytics' assets
are from.
"""

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
from super_gradients.training.processing.processing import get_pretrained_processing_params
from torch import nn

from tests.formats.pictures import INPUT, NAMES, write_data_set
from tests.formats.source import Opened, Project, Written, weights
from tests.support.shared import CHECKPOINT

OLD = super_gradients.__version__.startswith("3.1.")


def network(size: str, num_classes: int = 80) -> nn.Module:
    """Return an unfused network with the synthetic weights and, for 80 classes, COCO's processing."""
    model = models.get(f"yolo_nas_{size}", num_classes=num_classes)
    side, maximum = (640, 1) if num_classes == 80 else (INPUT, 255)  # COCO's processing, the YOLO-format recipe's
    model.load_state_dict(weights(model.state_dict(), side, maximum), strict=True)
    if num_classes == 80:
        model.set_dataset_processing_params(**get_pretrained_processing_params("yolo_nas_s", "coco"))
    return model.eval()


def opened(model: nn.Module) -> Opened:
    def predict(path: Path) -> np.ndarray:
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        # fuse_model: the default fuses what may be fused already, which it can't
        answer = next(iter(model.predict([image]))) if OLD else model.predict([image], fuse_model=False)
        found = answer.prediction
        return np.hstack((found.bboxes_xyxy, found.confidence[:, None], found.labels[:, None]))

    return Opened(model.eval(), predict, model)


def open_module(path: Path) -> Opened:
    return opened(torch.load(path))


def write(size: str, folder: Path) -> Iterator[Written]:
    coco = list(get_pretrained_processing_params("yolo_nas_s", "coco")["class_names"])
    model = network(size)
    module = folder / f"yolo_nas_{size}.pt"
    torch.save(model, module)
    yield Written("whole module", module, open_module, coco, "module_3_1" if OLD else "module")
    if OLD:
        return

    def open_coco(path: Path) -> Opened:
        model = models.get(f"yolo_nas_{size}", num_classes=80, checkpoint_path=str(path))
        model.set_dataset_processing_params(**get_pretrained_processing_params("yolo_nas_s", "coco"))
        return opened(model)

    state_dict = folder / f"yolo_nas_{size}_coco.pth"
    torch.save({"net": model.state_dict()}, state_dict)
    yield Written("state dict under `net`, as a published `_coco.pth`", state_dict, open_coco, coco)

    for full in (False, True):
        fused = network(size)
        fused.prep_model_for_conversion(input_size=(1, 3, INPUT, INPUT), full_fusion=full)
        path = folder / f"fused_{full}.pt"
        torch.save(fused, path)
        yield Written(f"whole module, fused {'fully' if full else 'partially'}", path, open_module, coco)

    def open_trained(path: Path) -> Opened:
        return opened(models.get(f"yolo_nas_{size}", num_classes=len(NAMES), checkpoint_path=str(path)))

    run = train(size, folder)
    yield Written("training, `ckpt_best.pth`", run / "ckpt_best.pth", open_trained, NAMES, "ckpt_best")
    yield Written("training, `average_model.pth`", run / "average_model.pth", open_trained, NAMES, "average_model")
    if size == "s" and CHECKPOINT.exists():
        names = torch.load(CHECKPOINT)["processing_params"]["class_names"]
        yield Written("`ckpt_best.pth` of 36 epochs on BCCD", CHECKPOINT, open_trained, names)


def train(size: str, folder: Path) -> Path:
    """Train for an epoch of one batch with super-gradients' Trainer and its YOLO-format recipe; return its folder."""
    from super_gradients.training import Trainer
    from super_gradients.training.datasets.detection_datasets.yolo_format_detection import (
        YoloDarknetFormatDetectionDataset,
    )
    from super_gradients.training.metrics import DetectionMetrics
    from super_gradients.training.models.detection_models.pp_yolo_e import PPYoloEPostPredictionCallback
    from super_gradients.training.transforms.transforms import DetectionPaddedRescale, DetectionTargetsFormatTransform
    from super_gradients.training.utils.collate_fn import DetectionCollateFN
    from torch.utils.data import DataLoader

    data = write_data_set(folder / "data").parent
    side = (INPUT, INPUT)

    def loader(split: str) -> DataLoader[Any]:
        targets = DetectionTargetsFormatTransform(input_dim=side, output_format="LABEL_CXCYWH")
        images = YoloDarknetFormatDetectionDataset(
            data_dir=str(data),
            images_dir=f"images/{split}",
            labels_dir=f"labels/{split}",
            classes=list(NAMES),
            input_dim=side,
            transforms=[DetectionPaddedRescale(side), targets],
        )
        return DataLoader(images, batch_size=2, collate_fn=DetectionCollateFN())

    select = PPYoloEPostPredictionCallback(score_threshold=0.01, nms_threshold=0.7, nms_top_k=1000, max_predictions=300)
    metric = DetectionMetrics(num_cls=len(NAMES), normalize_targets=True, post_prediction_callback=select)
    settings = {
        "max_epochs": 1,
        "initial_lr": 1e-5,
        "lr_mode": "CosineLRScheduler",
        "cosine_final_lr_ratio": 0.1,
        "optimizer": "AdamW",
        "optimizer_params": {"weight_decay": 1e-5},
        "ema": True,
        "ema_params": {"decay": 0.9997, "decay_type": "threshold"},
        "loss": "PPYoloELoss",
        "criterion_params": {"use_static_assigner": False, "num_classes": len(NAMES)},
        "valid_metrics_list": [metric],
        "metric_to_watch": "mAP@0.50:0.95",
        "silent_mode": True,
    }
    trainer = Trainer("run", ckpt_root_dir=str(folder / "runs"))
    model = network(size, len(NAMES)).train()
    trainer.train(model, training_params=settings, train_loader=loader("train"), valid_loader=loader("val"))
    return Path(trainer.checkpoints_dir_path)


PROJECT = Project(f"super-gradients {super_gradients.__version__}", write)
