"""modern-yolonas: the Lightning checkpoint of its training, and the safetensors that it uploads."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning
import modern_yolonas
import numpy as np
from lightning.pytorch.callbacks import ModelCheckpoint
from modern_yolonas import YoloNASDetector, hub
from modern_yolonas.data.transforms import Compose, LetterboxResize, Normalize
from modern_yolonas.data.yolo import YOLODetectionDataset
from modern_yolonas.inference.visualize import COCO_NAMES
from modern_yolonas.model import YoloNAS
from modern_yolonas.training import DetectionDataModule, EMACallback, YoloNASLightningModule
from safetensors.torch import load_file

from tests.formats.pictures import INPUT, NAMES, write_data_set
from tests.formats.source import Opened, Project, Written, weights


def network(size: str, num_classes: int) -> YoloNAS:
    model = YoloNAS.from_config(f"yolo_nas_{size}", num_classes)
    model.load_state_dict(weights(model.state_dict(), 640 if num_classes == 80 else INPUT))
    return model


def opened(detector: YoloNASDetector) -> Opened:
    def predict(path: Path) -> np.ndarray:
        found = detector(path)
        return np.hstack((found.xyxy, found.confidence[:, None], found.class_id[:, None]))

    return Opened(detector.model, predict, detector.model)


def write(size: str, folder: Path) -> Iterator[Written]:
    def open_uploaded(path: Path) -> Opened:
        detector = YoloNASDetector(f"yolo_nas_{size}", "cpu", pretrained=False)
        detector.model.load_state_dict(load_file(path))
        return opened(detector)

    path = folder / f"yolo-nas-{size}.safetensors"
    upload(network(size, 80), path)
    # it shows COCO's names for any 80 classes; the file has none
    yield Written("safetensors", path, open_uploaded, COCO_NAMES, "safetensors")

    def open_trained(path: Path) -> Opened:
        settings: dict[str, Any] = {"num_classes": len(NAMES), "input_size": INPUT}
        return opened(YoloNASDetector(f"yolo_nas_{size}", "cpu", weights=path, **settings))

    yield Written("training, Lightning's `last.ckpt`", train(size, folder), open_trained, golden="lightning")


def upload(model: YoloNAS, path: Path) -> None:
    """Let its only writer of safetensors upload a model; the hub that it reaches is a folder here."""

    class Folder:
        def create_repo(self, repo_id: str, **settings: Any) -> None:
            """It is there."""

        def upload_file(self, path_or_fileobj: str, **settings: Any) -> str:
            return shutil.copy(path_or_fileobj, path)

    hub.HfApi = Folder
    hub.push_to_hub(model, "nobody/nothing")


def train(size: str, folder: Path) -> Path:
    """Train for an epoch of one batch with its Lightning module, as its command line does; return the checkpoint."""
    root = write_data_set(folder / "data").parent
    steps = Compose([LetterboxResize(INPUT), Normalize()])
    train, val = (YOLODetectionDataset(root, split, steps, INPUT) for split in ("train", "val"))
    module = YoloNASLightningModule(
        network(size, len(NAMES)), num_classes=len(NAMES), lr=1e-5, warmup_steps=1, input_size=INPUT
    )
    trainer = lightning.Trainer(
        max_epochs=1,
        accelerator="cpu",
        callbacks=[EMACallback(), ModelCheckpoint(dirpath="runs", save_last=True, monitor="val/loss")],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, datamodule=DetectionDataModule(train, val, batch_size=2, num_workers=0))
    return folder / "runs" / "last.ckpt"


PROJECT = Project(f"modern-yolonas {modern_yolonas.__version__}", write)
