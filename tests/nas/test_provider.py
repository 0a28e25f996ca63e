"""The provider as a host uses it: through the zoo, by name, by path, and with other plugins around."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.pictures import picture
from yolonas_plugin import NAS, ModelZoo
from yolonas_plugin.cards import CARDS
from yolonas_plugin.errors import WeightsNotFoundError
from yolonas_plugin.files.digest import file_sha256
from yolonas_plugin.nas import NASPredictor, NASTrainer, NASValidator
from yolonas_plugin.tasks import TASKS


@pytest.fixture
def zoo() -> ModelZoo:
    zoo = ModelZoo.discover()
    assert zoo.problems == []
    return zoo


def test_a_host_gets_boxes_from_a_path(zoo: ModelZoo, nano: Path, model: NAS) -> None:
    predict = zoo.predictor(nano, provider="yolo_nas", conf=0.6)
    (result,) = predict(picture())
    (expected,) = model.predict(picture(), conf=0.6, verbose=False)
    np.testing.assert_allclose(result.boxes, expected.boxes.xyxy)
    np.testing.assert_allclose(result.native.boxes.data, expected.boxes.data)
    (fewer,) = predict(picture(), conf=0.9)
    assert 0 < len(fewer) < len(result)


def test_a_host_loads_by_name_from_the_weights_folder(
    zoo: ModelZoo, nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsNotFoundError):
        zoo.load("yolo_nas_s")
    path = tmp_path / "yolo_nas_s_coco.pth"
    path.write_bytes(nano.read_bytes())
    cards = [
        replace(card, weights=(replace(card.weights[0], sha256=file_sha256(path)),))
        if card.name == "yolo_nas_s"
        else card
        for card in CARDS
    ]
    monkeypatch.setattr("yolonas_plugin.weights.find.CARDS", cards)
    assert isinstance(zoo.load("yolo_nas/yolo_nas_s"), NAS)


def test_options_reach_the_loader(zoo: ModelZoo, nano: Path) -> None:
    model = zoo.load(nano, provider="yolo_nas", names=["a", "b", "c"])
    assert model.names == {0: "a", 1: "b", 2: "c"}


def test_every_factory_can_be_imported(zoo: ModelZoo, model: NAS, tmp_path: Path) -> None:
    provider = zoo.providers["yolo_nas"]
    assert provider.models == CARDS
    roles = {"predictor": NASPredictor, "validator": NASValidator, "trainer": NASTrainer}
    assert provider.factory("task_map") == dict.fromkeys(TASKS, roles)
    for role in ("loader", "predictor", "validator", "trainer", "exporter"):
        assert callable(provider.factory(role))
    assert provider.factory("exporter")(model, output=tmp_path)() == str(tmp_path / "nano.onnx")


def test_a_validator_from_the_zoo_measures(zoo: ModelZoo, nano: Path, tmp_path: Path) -> None:
    validate = zoo.validator(nano, provider="yolo_nas", data="nowhere.yaml")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.yaml"):
        validate()
