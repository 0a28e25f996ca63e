"""YOLO-NAS from torchvision's own registry, called as its detectors are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torchvision.models import get_model, list_models
from torchvision.ops import box_iou
from torchvision.transforms.functional import to_tensor

from tests.hosts.conftest import DETECTORS, LAYOUT, Known
from tests.support.pictures import assert_same_boxes
from yolonas_plugin import NAS
from yolonas_plugin.errors import CheckpointError, SourceError, TaskError, WeightsNotFoundError, YoloNASPluginError
from yolonas_plugin.hosts import torchvision as ours
from yolonas_plugin.processing import ProcessingSpec


@pytest.fixture(autouse=True)
def _registered() -> None:
    ours.register()


def rgb(image: np.ndarray) -> torch.Tensor:
    return to_tensor(np.ascontiguousarray(image[..., ::-1]))


def rows(found: dict[str, torch.Tensor]) -> np.ndarray:
    return torch.cat((found["boxes"], found["scores"][:, None], found["labels"][:, None]), dim=1).numpy()


@pytest.fixture(scope="module")
def layout() -> ours.Detector:
    ours.register()
    return get_model("yolo_nas_n", weights=LAYOUT)


def test_it_is_listed_and_registering_again_changes_nothing() -> None:
    before = list_models()
    assert {f"yolo_nas_{size}" for size in "nsml"} <= set(before)
    ours.register()
    assert list_models() == before


def test_a_taken_name_is_refused_and_nothing_is_registered() -> None:
    program = """
from torchvision.models import list_models
from torchvision.models._api import register_model
from yolonas_plugin.errors import YoloNASPluginError
from yolonas_plugin.hosts.torchvision import register
register_model("yolo_nas_m")(print)
try:
    register()
except YoloNASPluginError as error:
    print(error, list_models(include="yolo_nas_*"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "yolo_nas_m (by builtins)" in done.stdout
    assert done.stdout.strip().endswith("['yolo_nas_m']")


def test_boxes_are_those_of_nas(layout: ours.Detector, page: np.ndarray) -> None:
    images = [page, cv2.resize(page[:400], (300, 500))]
    with torch.inference_mode():
        found = layout.eval()([rgb(image) for image in images])
    results = NAS(LAYOUT).predict(images, verbose=False)
    assert layout.categories == tuple(results[0].names.values())
    assert len(results[0].boxes) > 10
    for one, result in zip(found, results, strict=True):
        assert one["labels"].dtype == torch.int64
        assert_same_boxes(rows(one), result.boxes.data.numpy(), atol=0.05)


@DETECTORS
def test_settings_are_those_of_predict(known: Known) -> None:
    size = "n" if known.weights == LAYOUT else "s"
    model = get_model(f"yolo_nas_{size}", weights=known.weights, score_thresh=0.4, detections_per_img=8).eval()
    image = cv2.imread(str(known.images[0]))
    with torch.inference_mode():
        (found,) = model([rgb(image)])
    (expected,) = NAS(known.weights).predict(image, conf=0.4, max_det=8, verbose=False)
    assert len(expected.boxes) == 8
    assert_same_boxes(rows(found), expected.boxes.data.numpy(), atol=0.05)


def test_the_losses_are_small_where_the_boxes_are(layout: ours.Detector, page: np.ndarray) -> None:
    layout.eval()
    with torch.inference_mode():
        (found,) = layout([rgb(page)])
    layout.training = True  # the losses, with the statistics of inference
    best = {"boxes": found["boxes"].clone(), "labels": found["labels"].clone()}
    losses = layout([rgb(page)], [best])
    assert losses.keys() == {"box_loss", "cls_loss", "dfl_loss"}
    moved = layout([rgb(page)], [{**best, "boxes": best["boxes"] + 25}])
    assert losses["box_loss"] < moved["box_loss"] / 2
    wrong = layout([rgb(page)], [{**best, "labels": (best["labels"] + 1) % 12}])
    assert losses["cls_loss"] < wrong["cls_loss"] / 2


def test_it_learns_in_a_loop_as_torchvision_s_do_and_nas_reads_its_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    spec = ProcessingSpec(size=(96, 96), resize=(96, 96))
    model = get_model("yolo_nas_n", weights=None, weights_backbone=None, num_classes=3, processing=spec)
    assert model.training
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.3  # of statistics over 60 batches
    images = [torch.zeros(3, 60, 90), torch.zeros(3, 90, 60)]
    images[0][:, 20:40, 30:60] = 1
    there = {"boxes": torch.tensor([[30.0, 20, 60, 40]]), "labels": torch.tensor([2])}
    nothing = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(60):
        optimizer.zero_grad()
        sum(model(images, [there, nothing]).values()).backward()
        optimizer.step()
    with torch.inference_mode():
        first, second = model.eval()(images)
    assert box_iou(first["boxes"][:1], there["boxes"]) > 0.7
    assert first["labels"][0] == 2
    assert len(second["boxes"]) == 0

    torch.save(model.state_dict(), tmp_path / "mine.pth")
    nas = NAS(tmp_path / "mine.pth", processing=spec, names=["a", "b", "c"])
    (result,) = nas.predict((images[0] * 255).byte().permute(1, 2, 0).numpy(), verbose=False)
    assert_same_boxes(rows(first), result.boxes.data.numpy(), atol=0.05)


def test_weights_of_another_kind_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path))
    with pytest.raises(CheckpointError, match=r"size n for 12 classes .* asked for were size s, 12"):
        get_model("yolo_nas_s", weights=LAYOUT)
    with pytest.raises(CheckpointError, match="asked for were size n, 3"):
        get_model("yolo_nas_n", weights=LAYOUT, num_classes=3)
    with pytest.raises(WeightsNotFoundError):
        get_model("yolo_nas_s", weights="yolo_nas_s")
    with pytest.raises(YoloNASPluginError, match="no weights of the backbone"):
        get_model("yolo_nas_s", weights_backbone="DEFAULT")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "no image"),
        ([torch.zeros(3, 40, 40, dtype=torch.uint8)], "not torch.uint8"),
        ([torch.zeros(1, 3, 40, 40)], r"\[1, 3, 40, 40\]"),
        ([torch.full((3, 40, 40), 255.0)], "from 255 to 255"),
        ([torch.full((3, 40, 40), torch.nan)], "from nan to nan"),
        ([torch.zeros(3, 0, 40)], "no pixels"),
        ([np.zeros((40, 40, 3), np.uint8)], "not ndarray"),
    ],
)
def test_what_is_no_image_is_refused(layout: ours.Detector, images: list, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        layout.eval()(images)


def test_training_needs_targets(layout: ours.Detector) -> None:
    with pytest.raises(SourceError, match="found none"):
        layout.train()([torch.zeros(3, 40, 40)])


def test_ultralytics_is_not_imported() -> None:
    program = """
import sys, torch
from torchvision.models import get_model
from yolonas_plugin.hosts.torchvision import register
register()
get_model("yolo_nas_n", weights="yolo_nas_n_layout").eval()([torch.zeros(3, 50, 60)])
assert "ultralytics" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_model_for_poses_is_refused(pose_weights: Path) -> None:
    with pytest.raises(TaskError, match=r"pose\.safetensors: this is a model of the task 'pose', and torchvision"):
        get_model("yolo_nas_n", weights=pose_weights)
