"""On real images, a checkpoint that super-gradients trained finds what it finds in super-gradients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from super_gradients.training.datasets.detection_datasets.yolo_format_detection import YoloDarknetFormatDetectionDataset
from super_gradients.training.metrics import DetectionMetrics
from super_gradients.training.models.detection_models.pp_yolo_e import PPYoloEPostPredictionCallback
from super_gradients.training.transforms.transforms import DetectionPaddedRescale, DetectionTargetsFormatTransform
from super_gradients.training.utils.collate_fn import DetectionCollateFN
from torch import nn
from torch.utils.data import DataLoader

from tests.reference import oracle
from tests.support import bccd

pytestmark = pytest.mark.usefixtures("one_thread")

CONF = 0.25
BOXES = 2069


@pytest.fixture(scope="module")
def model(bccd_checkpoint: Path) -> nn.Module:
    return oracle.load(bccd_checkpoint)


@pytest.fixture(scope="module")
def expected(model: nn.Module, bccd_test_images: list[Path]) -> dict[Path, bccd.Rows]:
    rows = oracle.predict(model, bccd_test_images, CONF)
    assert sum(map(len, rows.values())) == BOXES
    return rows


def test_the_parts_together_find_the_same(bccd_checkpoint: Path, expected: dict[Path, bccd.Rows]) -> None:
    bccd.assert_agree(bccd.plain_predictor(bccd_checkpoint, CONF), expected)


def test_nas_finds_the_same(bccd_checkpoint: Path, expected: dict[Path, bccd.Rows]) -> None:
    from yolonas_plugin import NAS

    results = NAS(bccd_checkpoint).predict(list(map(str, expected)), conf=CONF, verbose=False)
    found = {Path(result.path): result.boxes.data.numpy() for result in results}
    bccd.assert_agree(lambda path: found[path], expected)


def test_val_measures_the_same(model: nn.Module, bccd_checkpoint: Path, shared_data: Path, tmp_path: Path) -> None:
    """The engine interpolates precision linearly where super-gradients takes steps: that is 0.0003 here."""
    from yolonas_plugin import NAS

    data = bccd.write_yolo(tmp_path / "bccd", shared_data / "bccd", "test")
    expected = measure(model, data.parent)
    metrics = NAS(bccd_checkpoint).val(data=str(data), imgsz=320, iou=0.7, plots=False, project=str(tmp_path)).box
    print(f"super-gradients {expected}, val {metrics.map:.5f} {metrics.map50:.5f}")
    np.testing.assert_allclose(expected, (0.4775, 0.8453), atol=5e-5)
    np.testing.assert_allclose((metrics.map, metrics.map50), expected, atol=0.002)


def measure(model: nn.Module, folder: Path) -> tuple[float, float]:
    """Return mAP50-95 and mAP50 as super-gradients' recipe evaluates during training."""
    dataset = YoloDarknetFormatDetectionDataset(
        data_dir=str(folder),
        images_dir="images",
        labels_dir="labels",
        classes=list(bccd.CLASSES),
        input_dim=(320, 320),
        ignore_empty_annotations=True,
        transforms=[DetectionPaddedRescale((320, 320)), DetectionTargetsFormatTransform(input_dim=(320, 320))],
    )
    select = PPYoloEPostPredictionCallback(score_threshold=0.01, nms_threshold=0.7, nms_top_k=1000, max_predictions=300)
    metrics = [
        DetectionMetrics(
            num_cls=3,
            post_prediction_callback=select,
            normalize_targets=True,
            iou_thres=iou,
            top_k_predictions=300,
        )
        for iou in ((0.5, 0.95), 0.5)
    ]
    for images, targets in DataLoader(dataset, batch_size=16, collate_fn=DetectionCollateFN()):
        with torch.no_grad():
            output = model(images)
        for metric in metrics:
            metric.update(output, targets, "cpu", images)
    every, loose = (metric.compute() for metric in metrics)
    return every["mAP@0.50:0.95"], loose["mAP@0.50"]
