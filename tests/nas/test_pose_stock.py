"""A pose file that stock Ultralytics opens: its predictor, validator, tracker and exporter take it as a pose model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ultralytics import YOLO

from tests.support.engine import needs_engine_s_onnx
from tests.support.figures import write_figures
from tests.support.pictures import picture
from tests.support.pose import HAND, SIZE, pose_model
from yolonas_plugin import NAS
from yolonas_plugin.nas.stock import StockModule

QUIET: dict[str, Any] = {"verbose": False, "imgsz": SIZE}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(pose_model().save(tmp_path_factory.mktemp("stock") / "person.pt"))


@pytest.fixture(scope="module")
def hand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(pose_model(HAND).save(tmp_path_factory.mktemp("stock") / "hand.pt"))


def table(result: Any) -> np.ndarray:
    boxes = result.boxes
    return np.column_stack((boxes.xyxy.numpy(), boxes.conf.numpy(), result.keypoints.data.flatten(1).numpy()))


def test_what_was_saved_is_the_same_model(hand: Path) -> None:
    model = NAS(hand)
    assert (model.task, model.model.about.skeleton, model.names) == ("pose", HAND, {0: "hand"})
    (found,) = model.predict(picture(), verbose=False)
    (expected,) = pose_model(HAND).predict(picture(), verbose=False)
    np.testing.assert_allclose(table(found), table(expected), atol=1e-3)


@pytest.mark.parametrize("kind", ["person", "hand"])
def test_stock_predicts(kind: str, saved: Path, hand: Path) -> None:
    """A square image needs no padding, so that both letterboxes are the same."""
    path, count = {"person": (saved, 17), "hand": (hand, 5)}[kind]
    image = picture(2, 120, 120)
    stock = YOLO(path)
    assert stock.task == "pose"
    assert stock.model.model[-1].kpt_shape == stock.model.kpt_shape == [count, 3]
    (found,) = stock.predict(image, conf=0.5, iou=0.7, max_det=100, **QUIET)
    (ours,) = NAS(path).predict(image, verbose=False)
    assert found.names == ours.names
    found, ours = table(found), table(ours)
    ours = ours[np.lexsort(ours.T)]
    limits = np.array([120, 120])
    ours[:, :4] = ours[:, :4].clip(0, 120)
    points = ours[:, 5:].reshape(len(ours), count, 3)
    points[..., :2] = points[..., :2].clip(0, limits)  # the engine cuts keypoints at the edges
    nearest = np.abs(found[:, None] - ours).max(axis=2).min(axis=0)
    assert len(ours) > 3
    assert np.quantile(nearest, 0.8) < 0.1


@pytest.mark.parametrize("shape", [(120, 90), (90, 120)])
def test_keypoints_are_moved_with_their_boxes(saved: Path, shape: tuple[int, int]) -> None:
    """Where the engine pads in the middle and the checkpoint at the end."""
    image = picture(3, *shape)
    (found,) = YOLO(saved).predict(image, conf=0.5, iou=0.7, max_det=100, **QUIET)
    (ours,) = NAS(saved).predict(image, verbose=False)
    mine, theirs = ours.keypoints.data.numpy(), found.keypoints.data.numpy()
    limits = np.array(shape[::-1])
    inside = ((mine[..., :2] >= 0) & (mine[..., :2] <= limits)).all(-1)
    apart = np.where(inside[:, None], np.abs(mine[:, None] - theirs)[..., :2].max(-1), 0).max(axis=2).min(axis=1)
    assert np.median(apart) < 3  # scaled once more, so not equal


def test_stock_measures(saved: Path, tmp_path: Path) -> None:
    images = write_figures(tmp_path / "data", images=2).parents[1] / "images"
    for index in (1, 2):
        label = "0 0.5 0.5 0.4 0.4 " + " ".join(["0.5 0.5 2"] * 17)
        (images.parent / "labels").mkdir(exist_ok=True)
        (images.parent / f"labels/00{index}.txt").write_text(label)
    data = tmp_path / "data.yaml"
    data.write_text(f"path: {tmp_path}/data\ntrain: images\nval: images\nnames: [person]\nkpt_shape: [17, 3]\n")
    metrics = YOLO(saved).val(data=str(data), plots=False, workers=0, project=str(tmp_path), name="v", **QUIET)
    assert "metrics/mAP50-95(P)" in metrics.results_dict


def test_stock_tracks(saved: Path, video: Path) -> None:
    pytest.importorskip("lap")
    frames = list(YOLO(saved).track(video, stream=True, tracker="bytetrack.yaml", conf=0.5, **QUIET))
    assert len(frames) == 6
    for frame in frames[1:]:
        assert frame.boxes.is_track
        assert len(frame.keypoints) == len(frame.boxes) > 0


@needs_engine_s_onnx
def test_stock_exports(hand: Path, tmp_path: Path) -> None:
    copied = tmp_path / "hand.pt"
    copied.write_bytes(hand.read_bytes())
    stock = YOLO(copied)
    image = picture(2, 120, 120)
    (expected,) = stock.predict(image, conf=0.5, **QUIET)
    exported = YOLO(stock.export(format="onnx", imgsz=SIZE, verbose=False), task="pose")
    (found,) = exported.predict(image, conf=0.5, **QUIET)
    assert len(found) == len(expected) > 3
    np.testing.assert_allclose(table(found), table(expected), atol=0.05)


def test_the_engines_layout(hand: Path) -> None:
    module = YOLO(hand).model
    assert isinstance(module, StockModule)
    with torch.no_grad():
        found = module(torch.rand(2, 3, SIZE, SIZE))
    assert found.shape == (2, 4 + 1 + 3 * 5, SIZE * SIZE * 21 // 1024)


@pytest.mark.exhaustive
@pytest.mark.parametrize("mode", ["predict", "val", "export"])
def test_the_engines_command_line(mode: str, saved: Path, image: Path, tmp_path: Path) -> None:
    copied = tmp_path / "person.pt"
    copied.write_bytes(saved.read_bytes())
    annotations = write_figures(tmp_path / "data", images=2)
    labels = annotations.parents[1] / "labels"
    labels.mkdir()
    (labels / "001.txt").write_text("0 0.5 0.5 0.4 0.4 " + " ".join(["0.5 0.5 2"] * 17))
    data = tmp_path / "data.yaml"
    data.write_text(f"path: {tmp_path}/data\ntrain: images\nval: images\nnames: [person]\nkpt_shape: [17, 3]\n")
    arguments = {
        "predict": [f"source={image}", "save_txt=True"],
        "val": [f"data={data}", "workers=0"],
        "export": ["format=torchscript"],
    }[mode]
    program = "from ultralytics.cfg import entrypoint; entrypoint()"
    command = [sys.executable, "-c", program, "pose", mode, f"model={copied}", f"imgsz={SIZE}", *arguments]
    done = subprocess.run(
        [*command, f"project={tmp_path}", "name=run"], capture_output=True, text=True, cwd=tmp_path, timeout=300
    )
    assert done.returncode == 0, done.stderr
    if mode == "predict":
        lines = (tmp_path / "run/labels/picture.txt").read_text().splitlines()
        assert {len(line.split()) for line in lines} == {5 + 51}
