"""One record says what a model is, wherever it is: in a weight file, in a module, in an exported file."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.support import synthetic
from yolonas_plugin import NAS
from yolonas_plugin.export.description import Description
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.nas import NASPredictor
from yolonas_plugin.nas.inference import ExportedModule
from yolonas_plugin.nas.module import NASModule, attach
from yolonas_plugin.nas.stock import StockModule, rebuild
from yolonas_plugin.nn import yolo_nas_n
from yolonas_plugin.processing import COCO
from yolonas_plugin.runtimes import RuntimeChoice
from yolonas_plugin.weights.defaults import info_of
from yolonas_plugin.weights.header import from_header, to_header
from yolonas_plugin.weights.read import read_checkpoint
from yolonas_plugin.weights.write import write_safetensors

INFO = ModelInfo(
    names=("one", "two"),
    processing=replace(COCO.with_size((64, 96)), conf=0.3),
    size="n",
    channels=1,
    licence="CC0-1.0",
    training_data="drawings",
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("info") / "grey.safetensors"
    network = synthetic.network("n", num_classes=2, in_channels=1)
    write_safetensors(path, dict(network.state_dict()), INFO)
    return path


@pytest.fixture(scope="module")
def exported(path: Path) -> str:
    return NAS(path).export(format="onnx", gives="pair", imgsz=64, simplify=False)


def test_the_record_goes_from_file_to_module_to_file(path: Path, tmp_path: Path) -> None:
    assert from_header(to_header(INFO), path, channels=1) == INFO
    assert info_of(read_checkpoint(path)) == INFO
    model = NAS(path)
    assert model.model.about == model.model.file_info() == INFO
    for name in ("again.safetensors", "again.pt"):
        assert NAS(model.save(tmp_path / name)).model.about == INFO


def test_an_exported_file_has_the_record_without_provenance(exported: str) -> None:
    about = NAS(exported).model.about
    assert (about.names, about.channels, about.task) == (INFO.names, 1, "detect")
    assert about.processing == INFO.processing.with_size((64, 64))
    assert isinstance(about, Description)


@pytest.mark.parametrize(
    "module",
    [
        lambda path, exported: NAS(path).model,
        lambda path, exported: NAS(exported).model,
        lambda path, exported: StockModule(INFO),
    ],
    ids=["weights", "export", "stock"],
)
def test_every_module_has_the_engine_s_attributes_from_the_record(
    module: Callable[[Path, str], nn.Module], path: Path, exported: str
) -> None:
    made: Any = module(path, exported)
    assert made.names == {0: "one", 1: "two"}
    assert (made.stride.tolist(), made.yaml, made.task) == ([32], {"channels": 1}, "detect")
    assert not hasattr(made, "runtime")


def test_names_that_a_caller_changes_are_those_that_are_saved(path: Path, tmp_path: Path) -> None:
    model = NAS(path)
    model.model.names[1] = "deux"
    assert NAS(model.save(tmp_path / "a.safetensors")).names == {0: "one", 1: "deux"}


def test_a_module_is_made_of_another_s_parts_and_shares_its_weights() -> None:
    network = yolo_nas_n(num_classes=2, in_channels=1)
    module = NASModule(INFO, network.parts)
    assert module.state_dict().keys() == network.state_dict().keys()
    assert all(a is b for a, b in zip(module.parameters(), network.parameters(), strict=True))


def test_a_file_s_module_is_built_on_the_meta_device_but_has_real_attributes(path: Path) -> None:
    weights = read_checkpoint(path).state_dict
    made = rebuild(to_header(INFO), 1, False, weights)
    assert not any(tensor.is_meta for tensor in (*made.state_dict().values(), made.stride))
    assert made.stride.tolist() == [32]


def test_a_copy_of_a_stock_module_keeps_what_the_engine_set_on_it() -> None:
    module = StockModule(INFO).eval()
    module.args, module.names = {"imgsz": 64}, {0: "a", 1: "b"}
    module.backbone.train()
    other = deepcopy(module)
    assert (other.args, other.names, other.about) == (module.args, module.names, INFO)
    assert (other.training, other.backbone.training) == (False, True)
    assert other.args is not module.args
    for mine, copied in zip(module.parameters(), other.parameters(), strict=True):
        assert mine is not copied
        assert torch.equal(mine, copied)


def test_the_record_replaces_the_attributes_when_it_is_attached_again(path: Path) -> None:
    module = NAS(path).model
    attach(module, replace(module.about, licence="MIT"))
    assert (module.licence, module.names) == ("MIT", {0: "one", 1: "two"})


def test_the_runtime_is_one_type_on_the_model(path: Path, exported: str) -> None:
    assert NAS(path).runtime == RuntimeChoice(name="torch", precision="fp32")
    assert NAS(path, runtime="onnxruntime").runtime == RuntimeChoice(name="onnxruntime")
    model = NAS(exported, runtime="onnxruntime")
    assert isinstance(model.model, ExportedModule)
    assert model.runtime == model.model.runs_on == RuntimeChoice(name="onnxruntime")


def test_a_predictor_of_the_task_map_runs_a_model_by_its_own_runtime(path: Path) -> None:
    model = NAS(path, runtime="onnxruntime")
    predictor = NASPredictor(overrides={"verbose": False})
    predictor.setup_model(model)
    assert predictor.choice == model.runtime
    predictor.setup_model(model.model)
    assert predictor.choice == RuntimeChoice()


def test_a_predictor_refuses_models_of_others() -> None:
    with pytest.raises(TypeError, match="NASPredictor runs YOLO-NAS, not a YoloNAS"):
        NASPredictor().setup_model(yolo_nas_n())
