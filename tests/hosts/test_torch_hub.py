"""``torch.hub`` with this repository as a local source."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support import synthetic
from yolonas_plugin import NAS
from yolonas_plugin.cards import CARDS
from yolonas_plugin.errors import CheckpointError, WeightsNotFoundError
from yolonas_plugin.files.digest import file_sha256
from yolonas_plugin.nn import YoloNAS

ROOT = Path(__file__).parents[2]
NAMES = ["yolo_nas_l", "yolo_nas_m", "yolo_nas_n", "yolo_nas_s"]
POSE_NAMES = [f"yolo_nas_pose_{size}" for size in "lmns"]


def load(name: str, **options: object) -> YoloNAS:
    return torch.hub.load(ROOT, name, source="local", **options)


def run(program: str, *arguments: object, cwd: Path) -> str:
    command = [sys.executable, "-c", program, str(ROOT), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_fresh_process_gets_a_network_without_the_engine(tmp_path: Path) -> None:
    program = """
import sys, torch
network = torch.hub.load(sys.argv[1], "yolo_nas_s", source="local", pretrained=False, num_classes=3)
assert network.training
boxes, scores = network.eval()(torch.rand(1, 3, 64, 96))
print(tuple(boxes.shape), tuple(scores.shape))
import yolonas_plugin
assert yolonas_plugin.__file__.startswith(sys.argv[1])
assert not {"ultralytics", "torchvision"} & set(sys.modules)
"""
    assert run(program, cwd=tmp_path).strip() == "(1, 126, 4) (1, 126, 3)"


def test_a_fresh_process_predicts_with_the_embedded_model(page: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "page.npy", page)
    program = """
import json, sys, numpy, torch
model = torch.hub.load(sys.argv[1], "nas", "yolo_nas_n_layout", source="local")
(result,) = model.predict(numpy.load("page.npy"), verbose=False)
print(json.dumps(result.boxes.data.tolist()))
"""
    (expected,) = NAS("yolo_nas_n_layout").predict(page, verbose=False)
    assert len(expected.boxes) > 10
    np.testing.assert_allclose(json.loads(run(program, cwd=tmp_path)), expected.boxes.data.numpy(), atol=0.01)


def test_a_repository_that_was_fetched_is_listed_and_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "owner_name_main").symlink_to(ROOT)  # where torch.hub unpacks what it fetches
    source = {"github": "owner/name:main", "trust_repo": True}
    assert torch.hub.list(**source) == sorted(["nas", *NAMES, *POSE_NAMES])
    for name in ("nas", *NAMES, *POSE_NAMES):
        assert torch.hub.help(**source, model=name).startswith("Return")


@pytest.mark.parametrize("name", NAMES)
def test_every_size_is_the_size_of_its_name(name: str) -> None:
    with torch.device("meta"):
        network = load(name)
    assert (network.config.size, network.num_classes, network.in_channels) == (name[-1], 80, 3)


def test_pretrained_reads_the_weights_and_downloads_nothing_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsNotFoundError, match="not on this machine"):
        load("yolo_nas_s", pretrained=True)
    with pytest.raises(WeightsNotFoundError, match="ever published"):
        load("yolo_nas_n", pretrained=True)
    expected = synthetic.network("s").state_dict()
    torch.save({"net": expected}, "yolo_nas_s_coco.pth")
    digest = file_sha256(Path("yolo_nas_s_coco.pth"))
    cards = [
        replace(card, weights=(replace(card.weights[0], sha256=digest),)) if card.name == "yolo_nas_s" else card
        for card in CARDS
    ]
    monkeypatch.setattr("yolonas_plugin.weights.find.CARDS", cards)
    network = load("yolo_nas_s", pretrained=True)
    assert network.training
    assert all(torch.equal(tensor, expected[name]) for name, tensor in network.state_dict().items())
    with pytest.raises(ValueError, match="num_classes=80 and in_channels=3, not 7 and 3"):
        load("yolo_nas_s", pretrained=True, num_classes=7)


@pytest.mark.parametrize("name", POSE_NAMES)
def test_every_size_for_poses_is_the_size_of_its_name(name: str) -> None:
    with torch.device("meta"):
        network = load(name, num_keypoints=5)
    assert (network.config.size, network.config.task, network.num_keypoints) == (name[-1], "pose", 5)


def test_a_file_for_another_task_is_named_as_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    weights = synthetic.pose_network("n", num_keypoints=4).state_dict()
    for name in ("yolo_nas_n", "yolo_nas_pose_n"):
        torch.save({"net": weights}, f"{name}.pth")
    with pytest.raises(CheckpointError, match="this is a YOLO-NAS-POSE N, for pose estimation; yolo_nas_n takes a"):
        load("yolo_nas_n", pretrained=True)
    network = load("yolo_nas_pose_n", pretrained=True, num_keypoints=4)
    assert all(torch.equal(tensor, weights[key]) for key, tensor in network.state_dict().items())
    with pytest.raises(ValueError, match="num_keypoints=4 and in_channels=3, not 17 and 3"):
        load("yolo_nas_pose_n", pretrained=True)
