"""A model repository: what its files say is what its model does, and a model is added whole or not at all."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest

from tests.support.nano import SIZE
from tests.support.pictures import assert_same_boxes, picture
from tests.support.shapes import NAMES
from yolonas_plugin import NAS
from yolonas_plugin.cli import main
from yolonas_plugin.errors import ExportError, MissingExtraError
from yolonas_plugin.export.description import Description
from yolonas_plugin.runtimes.openvino import types_of_convolutions

PICTURES = [picture(seed, height=100 + 20 * seed) for seed in range(3)]
TYPES = {"TYPE_UINT8": "tensor(uint8)", "TYPE_FP32": "tensor(float)", "TYPE_INT64": "tensor(int64)"}


@pytest.fixture(scope="module")
def model(nano: Path) -> NAS:
    """One for all, since neither exporting nor refusing to changes it."""
    return NAS(nano)


@pytest.fixture(scope="module")
def repository(nano: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "models"
    assert NAS(nano).export(format="triton", output=folder, batch=4, conf=0.6) == str(folder / "nano")
    return folder


def assert_configured(folder: Path, batch: int, size: tuple[int, int], most: int) -> str:
    """See that a configuration says what the file takes and gives, to the last side: Triton compares them."""
    config = (folder / "config.pbtxt").read_text()
    assert f'name: "{folder.name}"\n' in config
    assert f"max_batch_size: {batch}\n" in config
    tensors = re.findall(r'name: "(\w+)" data_type: (\w+) dims: \[ (.*) \]', config)
    said = [(name, TYPES[kind], ["batch", *map(int, dims.split(", "))]) for name, kind, dims in tensors]
    session = onnxruntime.InferenceSession(folder / "1" / "model.onnx")
    assert said == [(each.name, each.type, each.shape) for each in (*session.get_inputs(), *session.get_outputs())]
    assert said[0][2] == ["batch", *size, 3]
    assert said[2][2] == ["batch", most, 4]
    return config


def test_the_configuration_says_what_the_file_takes_and_gives(repository: Path) -> None:
    folder = repository / "nano"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {"config.pbtxt", "config.json", "metadata.json", "1/model.onnx"}
    config = assert_configured(folder, batch=4, size=(SIZE, SIZE), most=300)
    strings = onnxruntime.InferenceSession(folder / "1" / "model.onnx").get_modelmeta().custom_metadata_map
    assert json.loads((folder / "metadata.json").read_text()) == strings
    found = re.findall(r"^parameters \{ key: (\".*\") value \{ string_value: (\".*\") \} \}$", config, re.MULTILINE)
    assert {json.loads(key): json.loads(value) for key, value in found} == strings


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("count", [1, 3])
def test_the_engines_of_both_servers_give_the_boxes_of_predict(
    engine: str, count: int, repository: Path, nano: Path
) -> None:
    path = repository / "nano" / "1" / "model.onnx"
    config = repository / "nano" / "config.json"
    described = Description.from_metadata(json.loads((repository / "nano" / "metadata.json").read_text()), "")
    assert (described.names, described.takes, described.gives) == (NAMES, "pixels", "batch")
    canvases, placements = zip(*(described.processing.letterbox(image) for image in PICTURES[:count]), strict=True)
    if engine == "onnxruntime":
        outputs = onnxruntime.InferenceSession(path).run(None, {"pixels": np.stack(canvases)})
    else:
        ((served,),) = (each.values() for each in json.loads(config.read_text())["model_config_list"])
        assert (served["name"], (config.parent / served["base_path"]).resolve()) == ("nano", path.parents[1].resolve())
        compiled = openvino.Core().compile_model(path, "CPU", served["plugin_config"])
        assert types_of_convolutions(compiled) == {"f32"}  # on a CPU with bf16 too
        outputs = list(compiled([np.stack(canvases)]).values())
    results = NAS(nano).predict(PICTURES[:count], conf=0.6, verbose=False)
    for number, boxes, scores, classes, placement, result in zip(*outputs, placements, results, strict=True):
        rows = np.column_stack((placement.to_image(boxes), scores, classes))[: int(number[0])]
        assert len(rows) > 5
        assert_same_boxes(rows, result.boxes.data.numpy(), atol=0.05)


def test_a_model_that_is_there_is_left_as_it_is(repository: Path, model: NAS, nano: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}
    with pytest.raises(ExportError, match=r"models/nano is there; .* choose another name="):
        model.export(format="triton", output=repository)
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*")} == before


@pytest.mark.exhaustive
def test_a_second_model_has_its_own_name_and_size(
    nano: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = ["export", "--weights", str(nano), "--format", "triton", "--output", str(tmp_path)]
    assert main([*export, "--name", "wide.2", "--imgsz", "32", "64", "--batch", "2"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "wide.2")
    assert_configured(tmp_path / "wide.2", batch=2, size=(32, 64), most=42 * len(NAMES))  # as many as there are
    assert main(export[:-2]) == 1
    assert "needs output=, the model repository" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "a b", "../up", ".hidden", "bücher", "a/b"])
def test_a_name_that_no_url_has_is_refused(name: str, model: NAS, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="is named by letters, digits"):
        model.export(format="triton", output=tmp_path / "models", name=name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("setting", [{"gives": "pair"}, {"takes": "prepared"}, {"dynamic": True}, {"half": True}])
def test_other_forms_are_refused(setting: dict[str, object], model: NAS, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=f"doesn't know {next(iter(setting))}="):
        model.export(format="triton", output=tmp_path, **setting)
    with pytest.raises(ExportError, match="batch=0"):
        model.export(format="triton", output=tmp_path, batch=0)


def test_what_fails_leaves_nothing(model: NAS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(onnx, "save", full)
    with pytest.raises(ExportError, match="No space left on device"):
        model.export(format="triton", output=tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr("yolonas_plugin.extras.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"yolonas-plugin\[onnx\]"):
        model.export(format="triton", output=tmp_path)
