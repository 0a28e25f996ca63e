"""This package's own provider passes every check of the suite."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from model_zoo_api import ModelProvider
from model_zoo_api.testing import ProviderConformance
from tests.data.sets import write_yolo
from yolonas_plugin.provider import model_zoo_providers


class TestYoloNAS(ProviderConformance):
    threads = 3
    settings = {"conf": 0.6}

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
