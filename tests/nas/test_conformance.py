"""This package's own provider passes every check of the suite."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from model_zoo_api import ModelProvider
from model_zoo_api.testing import ProviderConformance
from tests.support.data_sets import write_yolo
from tests.support.figures import write_figures
from yolonas_plugin import NAS
from yolonas_plugin.provider import model_zoo_providers
from yolonas_plugin.tasks import TASKS

PUBLISHED = {f"{task.family}_{size}" for task in TASKS.values() for size in "nsml"}
"""Models whose weights are downloaded, or of one's own; those of the others are in this package."""


class TestYoloNAS(ProviderConformance):
    threads = 3
    settings = {"conf": 0.6}
    without_weights = PUBLISHED

    @pytest.fixture
    def provider(self) -> ModelProvider:
        (provider,) = model_zoo_providers()
        return provider

    @pytest.fixture
    def source(self, nano: Path) -> Path:
        return nano

    @pytest.fixture
    def work(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Mapping[str, Any]]:
        monkeypatch.chdir(tmp_path)
        common = {
            "data": str(write_yolo(tmp_path) / "data.yaml"),
            "imgsz": 96,
            "workers": 0,
            "plots": False,
            "verbose": False,
        }
        return {
            "validator": common,
            "trainer": {**common, "epochs": 1, "batch": 2, "device": "cpu"},
            "exporter": {"format": "onnx", "output": tmp_path, "simplify": False},
        }


class TestLean(ProviderConformance):
    """Without torch and the engine."""

    threads = 2
    options = {"lean": True}
    settings = {"conf": 0.6}
    without_weights = {*PUBLISHED, "yolo_nas_n_layout"}  # its graph would have to be made first
    xfail = dict.fromkeys(
        ("test_validator_measures", "test_trainer_trains", "test_exporter_writes"), "it only predicts"
    )

    @pytest.fixture
    def provider(self) -> ModelProvider:
        (provider,) = model_zoo_providers()
        return provider

    @pytest.fixture
    def source(self, graph: Path) -> Path:
        return graph


class TestPose(ProviderConformance):
    """A model for poses, by a weight file."""

    task = "pose"
    threads = 2
    settings = {"conf": 0.6}
    without_weights = {*PUBLISHED, "yolo_nas_n_layout"}

    @pytest.fixture
    def provider(self) -> ModelProvider:
        (provider,) = model_zoo_providers()
        return provider

    @pytest.fixture
    def source(self, pose_weights: Path) -> Path:
        return pose_weights

    @pytest.fixture
    def work(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Mapping[str, Any]]:
        monkeypatch.chdir(tmp_path)
        return {
            "validator": {"data": str(write_figures(tmp_path / "data", images=4)), "workers": 0, "plots": False},
            "exporter": {"format": "onnx", "output": tmp_path, "simplify": False},
        }


@pytest.mark.exhaustive
class TestLeanPose(ProviderConformance):
    """And without torch and the engine."""

    task = "pose"
    threads = 2
    settings = {"conf": 0.6}
    options = {"lean": True}
    without_weights = {*PUBLISHED, "yolo_nas_n_layout"}
    xfail = TestLean.xfail

    @pytest.fixture
    def provider(self) -> ModelProvider:
        (provider,) = model_zoo_providers()
        return provider

    @pytest.fixture
    def source(self, pose_graph: Path) -> Path:
        return pose_graph


@pytest.fixture(scope="session")
def pose_graph(pose_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is exported for lean prediction."""
    pytest.importorskip("onnxruntime")
    return Path(NAS(pose_weights).export(format="onnx", gives="pair", output=tmp_path_factory.mktemp("graph")))


@pytest.fixture(scope="session")
def graph(nano: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is exported for lean prediction."""
    pytest.importorskip("onnxruntime")
    return Path(NAS(nano).export(format="onnx", gives="pair", output=tmp_path_factory.mktemp("graph")))


@pytest.mark.exhaustive
class TestUntrained(ProviderConformance):
    """Every size, of random weights."""

    threads = 1
    xfail = dict.fromkeys(
        ("test_a_predictor_can_be_closed", "test_worker_process_gives_the_same", "test_zoo_puts_it_to_work"),
        "each load has other weights",
    )
    options = {"pretrained": False}
    settings = {"conf": 0.001, "imgsz": 160}
    without_weights = {"yolo_nas_n_layout"}  # a size by another name

    @pytest.fixture
    def provider(self) -> ModelProvider:
        (provider,) = model_zoo_providers()
        return provider
