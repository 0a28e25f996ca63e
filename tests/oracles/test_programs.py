"""Programs that nobody here wrote open our two-output ONNX file and find what ``predict`` finds.

``make oracles`` makes their environment and runs this there.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from anylabeling.services.auto_labeling.yolo_nas import YOLO_NAS
from inference_models.models.yolonas.yolonas_object_detection_onnx import YOLONasForObjectDetectionOnnx
from torchvision.ops import box_iou
from ultralytics.utils.ops import clip_boxes

from tests.hosts.conftest import DETECTORS, LAYOUT, Known
from yolonas_plugin import NAS
from yolonas_plugin.processing import COCO, ProcessingSpec

CONF, IOU = 0.4, 0.5
SIDE = 320
SQUARE = {"size": (SIDE, SIDE), "multi_label": False}
BY_ROBOFLOW = replace(COCO, **SQUARE, resize=(SIDE, SIDE))
BY_X_ANYLABELING = replace(COCO, **SQUARE, resize=(SIDE - 4, SIDE - 4), channels="BGR", class_agnostic=True)
"""BGR: it reads RGB, and then swaps the colours once more."""

NUMBER = 5
"""Of images that are looked at."""


def detector(weights: str, processing: ProcessingSpec) -> NAS:
    """Return a detector as one that takes the order of ``processing``, from 0 to 1.

    The embedded model takes RGB from 0 to 1, and BCCD's BGR from 0 to 255.
    """
    own, scale = ("RGB", 1) if weights == LAYOUT else ("BGR", 255)
    model = NAS(weights, processing=processing)
    stem = model.model.backbone.stem.conv
    for conv in (stem.branch_3x3.conv, stem.branch_1x1):
        weight = conv.weight.data * scale
        conv.weight.data = weight if processing.channels == own else weight.flip(1)
    return model


def export(model: NAS, path: Path) -> Path:
    return Path(model.export(format="onnx", gives="pair", imgsz=SIDE, output=path))


def assert_same(model: NAS, path: Path, boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> None:
    """Each box lies on one of ``predict``'s, of the same class and score, both cut to the image and to whole pixels."""
    (result,) = model.predict(path, conf=CONF, iou=IOU, verbose=False)
    assert len(boxes) == len(result.boxes) > 0
    found, expected = (
        clip_boxes(torch.tensor(some).float(), result.orig_shape) for some in (boxes, result.boxes.xyxy.numpy())
    )
    nearest = box_iou(found, expected).argmax(dim=1)
    assert sorted(nearest.tolist()) == list(range(len(expected)))
    assert (found - expected[nearest]).abs().max() <= 1.0
    np.testing.assert_array_equal(labels, result.boxes.cls[nearest].int())
    np.testing.assert_allclose(scores, result.boxes.conf[nearest], atol=0.01)


@DETECTORS
def test_x_anylabeling(known: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anylabeling.config.current_config_file", "{}")  # the program itself sets it when it starts
    monkeypatch.setattr("anylabeling.config._work_directory", str(tmp_path))
    model = detector(known.weights, BY_X_ANYLABELING)
    names = {"type": "yolo_nas", "name": "ours", "display_name": "ours", "classes": list(known.names)}
    thresholds = {"conf_threshold": CONF, "iou_threshold": IOU}
    reader = YOLO_NAS({**names, **thresholds, "model_path": str(export(model, tmp_path))}, print)
    for path in known.images[:NUMBER]:
        prepared, placement = reader.preprocess(cv2.imread(str(path))[..., ::-1])
        boxes, scores, labels = reader.postprocess(reader.net.get_ort_inference(prepared, extract=False), placement)
        kept = cv2.dnn.NMSBoxes(boxes, scores, CONF, IOU)
        corners = np.column_stack((boxes[kept, :2], boxes[kept, :2] + boxes[kept, 2:]))
        assert_same(model, path, corners, scores[kept], labels[kept])


@DETECTORS
def test_roboflow_inference_models(known: Known, tmp_path: Path) -> None:
    model = detector(known.weights, BY_ROBOFLOW)
    export(model, tmp_path).rename(tmp_path / "weights.onnx")
    (tmp_path / "class_names.txt").write_text("\n".join(known.names))
    network_input = {
        "training_input_size": {"height": SIDE, "width": SIDE},
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "letterbox",
        "padding_value": BY_ROBOFLOW.pad_value,
        "input_channels": 3,
        "scaling_factor": 255,
    }
    config = {"network_input": network_input, "post_processing": {"type": "nms", "fused": False}}
    (tmp_path / "inference_config.json").write_text(json.dumps(config))
    reader = YOLONasForObjectDetectionOnnx.from_pretrained(
        str(tmp_path), onnx_execution_providers=["CPUExecutionProvider"], device=torch.device("cpu")
    )
    for path in known.images[:NUMBER]:
        (found,) = reader(cv2.imread(str(path)), confidence=CONF, iou_threshold=IOU)
        assert_same(model, path, found.xyxy.numpy(), found.confidence.numpy(), found.class_id.numpy())
