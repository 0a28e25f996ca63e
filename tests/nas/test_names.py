"""Classes keep their names: the engine renames all of them where the first looks like an id of ImageNet's."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
import torch
import yaml
from ultralytics.nn.autobackend import check_class_names

from exhaustive import first
from tests.support.pictures import picture
from yolonas_plugin import NAS, ModelZoo
from yolonas_plugin.weights import read_checkpoint

NAMES = ["n01440764", "n02", "n01443537"]
"""A fish by its number in WordNet, what is no number, and another fish."""


@pytest.fixture(scope="module")
def fishes(nano: Path) -> NAS:
    assert check_class_names(NAMES[:1]) == {0: "tench"}  # else the engine has changed, and there is nothing to hold
    return NAS(nano, names=NAMES)


@pytest.fixture
def data(tmp_path: Path) -> str:
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    for seed in range(2):
        cv2.imwrite(str(tmp_path / "images" / f"{seed}.png"), picture(seed, 60, 60))
        (tmp_path / "labels" / f"{seed}.txt").write_text("0 .5 .5 .4 .4\n2 .3 .3 .2 .2\n")
    described = {"path": str(tmp_path), "train": "images", "val": "images", "names": NAMES}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(described))
    return str(tmp_path / "data.yaml")


@pytest.mark.parametrize("runtime", first(["torch", "onnxruntime", "openvino"]))
def test_predictions_have_the_classes_own_names(runtime: str, nano: Path) -> None:
    model = NAS(nano, names=NAMES, runtime=runtime)
    (found,) = model.predict(picture(), conf=0.3, verbose=False)
    expected = dict(enumerate(NAMES))
    assert model.names == found.names == model.predictor.model.names == expected
    assert {row["name"] for row in json.loads(found.to_json())} <= {*NAMES}
    assert any(name in found.verbose() for name in NAMES)


def test_val_measures_under_the_classes_own_names(fishes: NAS, data: str) -> None:
    metrics = fishes.val(data=data, imgsz=64, verbose=False, workers=0)
    assert metrics.names == dict(enumerate(NAMES))
    assert fishes.model.names == dict(enumerate(NAMES))


def test_a_training_keeps_the_names_of_its_data(data: str, tmp_path: Path) -> None:
    model = NAS("yolo_nas_n", pretrained=False)
    quick = {"imgsz": 64, "batch": 2, "nbs": 2, "workers": 0, "device": "cpu", "plots": False, "verbose": False}
    metrics = model.train(data=data, epochs=1, project=str(tmp_path / "runs"), name="a", **quick)
    assert metrics.names == model.names == dict(enumerate(NAMES))
    for file in ("best.pt", "best.safetensors", "last.pt"):
        assert read_checkpoint(tmp_path / "runs" / "a" / "weights" / file).class_names == tuple(NAMES)


def test_exports_keep_the_names(fishes: NAS, tmp_path: Path) -> None:
    extra = {"config.txt": ""}
    torch.jit.load(fishes.export("torchscript", output=tmp_path, imgsz=64), _extra_files=extra)
    assert [*json.loads(extra["config.txt"])["names"].values()] == NAMES
    assert fishes.model.names == dict(enumerate(NAMES))
    path = fishes.export("onnx", output=tmp_path, imgsz=64, simplify=False)
    (found,) = NAS(path).predict(picture(), conf=0.3, verbose=False)
    assert found.names == dict(enumerate(NAMES))
    (lean,) = ModelZoo.discover().load(path, provider="yolo_nas", lean=True)(picture())
    assert lean.names == dict(enumerate(NAMES))
    assert check_class_names(NAMES[:1]) == {0: "tench"}  # for the engine's own models all is as it was
