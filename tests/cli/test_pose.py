"""The command line with models for poses: keypoints in what it prints, draws, writes and measures."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_zoo_api import ModelZoo
from tests.support.command_line import run, small_data
from tests.support.figures import write_figures
from yolonas_plugin import NAS
from yolonas_plugin.data import open_data
from yolonas_plugin.skeleton import COCO_PERSON

pytestmark = pytest.mark.usefixtures("cwd")


@pytest.fixture(scope="module")
def graph(pose_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is exported for lean prediction."""
    pytest.importorskip("onnxruntime")
    return Path(NAS(pose_weights).export(format="onnx", gives="pair", output=tmp_path_factory.mktemp("graph")))


@pytest.mark.parametrize("lean", [False, True])
def test_predict_prints_keypoints_and_draws_bones(
    lean: bool, pose_weights: Path, folder: Path, tmp_path: Path, request, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = ["--lean", "--weights", request.getfixturevalue("graph")] if lean else ["--weights", pose_weights]
    assert run("predict", *weights, "--source", folder, "--output", tmp_path / "out", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["keypoints"] == {"names": list(COCO_PERSON.names), "edges": [list(e) for e in COCO_PERSON.edges]}
    for image in answer["images"]:
        (expected,) = NAS(pose_weights).predict(image["image"], verbose=False)
        found = np.array([one["keypoints"] for one in image["detections"]])
        assert found.shape == (len(expected), 17, 3)
        order, wanted = np.argsort(found[:, 0, 0]), np.argsort(expected.keypoints.data[:, 0, 0].numpy())
        np.testing.assert_allclose(found[order], expected.keypoints.data.numpy()[wanted], atol=0.05)
    pictures = sorted((tmp_path / "out").iterdir())
    assert [path.stem for path in pictures] == ["0", "1", "2"]
    drawn = cv2.imread(str(pictures[0])).astype(int)
    colours = {tuple(reversed(colour)) for colour in COCO_PERSON.edge_colors}
    near = [(abs(drawn - colour).max(2) < 60).any() for colour in colours]  # of a JPEG
    assert sum(near) > len(colours) / 2
    assert run("predict", *weights, "--source", folder, "--no-save") == 0
    assert " person" in capsys.readouterr().out


def test_a_detector_s_answer_has_no_keypoints(nano: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("predict", "--weights", nano, "--source", folder, "--no-save", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert "keypoints" not in answer
    assert all("keypoints" not in one for image in answer["images"] for one in image["detections"])


@pytest.mark.parametrize("format", ["yolo", "coco"])
def test_label_writes_keypoints_for_correction(
    format: str, pose_weights: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("label", "--weights", pose_weights, "--source", folder, "--output", tmp_path / "out", "--json")
    assert run(*command, "--format", format) == 0
    answer = json.loads(capsys.readouterr().out)
    data = open_data(tmp_path / "out", task="pose")
    assert data.skeleton.names == COCO_PERSON.names
    assert sum(len(sample.boxes) for sample in data.splits["train"]) == answer["boxes"]["person"] > 5


def test_label_refuses_a_format_without_keypoints(
    pose_weights: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("label", "--weights", pose_weights, "--source", folder, "--output", tmp_path / "out")
    assert run(*command, "--format", "voc") == 1
    assert "format='voc' has no place for keypoints" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_val_measures_boxes_and_keypoints(
    pose_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_figures(tmp_path / "figures", images=4)
    assert run("val", "--weights", pose_weights, "--data", data, "--split", "val", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    columns = {"precision", "recall", "mAP50", "mAP50-95"}
    assert columns | {"keypoints"} <= answer.keys()
    assert set(answer["keypoints"]) == set(answer["classes"]["person"]["keypoints"]) == columns
    assert run("val", "--weights", pose_weights, "--data", data, "--split", "val") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        *("class", "all", "all (keypoints)", "person", "person (keypoints)")
    ]


def test_data_of_another_task_are_named(pose_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = small_data(tmp_path / "data")
    assert run("val", "--weights", pose_weights, "--data", data) == 1
    assert "these are data for a detector" in capsys.readouterr().err


def test_convert_export_and_benchmark_know_poses(
    pose_weights: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("convert", "--weights", pose_weights, "--output", tmp_path / "x.pt", "--json") == 0
    assert json.loads(capsys.readouterr().out)["keypoints"] == list(COCO_PERSON.names)
    assert run("export", "--weights", tmp_path / "x.pt", "--gives", "flat", "--output", tmp_path) == 0
    exported = Path(capsys.readouterr().out.strip())
    assert exported.suffix == ".onnx"
    assert run("export", "--weights", tmp_path / "x.pt", "--gives", "frigate", "--output", tmp_path / "f") == 1
    assert "frigate" in capsys.readouterr().err
    command = ("benchmark", "--task", "pose", "--size", "n", "--imgsz", "64", "--rounds", "1", "--json")
    assert run(*command, "--source", folder / "0.png") == 0
    assert json.loads(capsys.readouterr().out)["weights"] == "random weights of yolo_nas_pose_n"
    assert run("benchmark", "--task", "pose", "--weights", pose_weights) == 1
    assert "--task would change nothing" in capsys.readouterr().err


def test_the_zoo_s_settings_are_those_of_poses_too(pose_weights: Path, folder: Path) -> None:
    settings = {"conf": 0.55, "iou": 0.5, "max_det": 3, "classes": "person", "imgsz": 64, "rect": True, "batch": 2}
    with ModelZoo.discover().predictor(str(pose_weights), provider="yolo_nas", **settings) as predict:
        found = predict(str(folder))
    assert [one.keypoints.shape[1:] for one in found] == [(17, 3)] * 3
    assert 0 < max(map(len, found)) <= 3
