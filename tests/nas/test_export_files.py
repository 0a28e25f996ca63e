"""The files of exports: each form has its own, nothing is replaced unless asked, and what they say survives."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import yaml

from exhaustive import first
from tests import synthetic
from tests.nas.conftest import processing_params
from yolonas_plugin import NAS
from yolonas_plugin.errors import ExportError, ExportSettingError, SettingError
from yolonas_plugin.export.description import Description
from yolonas_plugin.export.form import DEFAULTS, check_form, form_name
from yolonas_plugin.nas.export import export
from yolonas_plugin.weights import read_checkpoint

SMALL: dict[str, Any] = {"imgsz": 64, "simplify": False}

HARD_NAMES = (
    "6' x 2\" pipe",
    "C:\\new\\table",
    "tab\there",
    "two\nlines\r\n",
    "{0: 'a'}",
    "</names>&amp;<![CDATA[",
    "%s {x} ${y}",
    " ends in spaces ",
    "- yes: no #",
    "",
    "白血球\u2028",
)


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> NAS:
    """A model whose class names are hard to write."""
    params = {**processing_params(64), "class_names": list(HARD_NAMES)}
    path = tmp_path_factory.mktemp("hard") / "hard.pth"
    torch.save(
        {"net": synthetic.network("n", num_classes=len(HARD_NAMES)).state_dict(), "processing_params": params}, path
    )
    return NAS(path)


# --- names ---


def test_hard_names_survive_every_format(hard: NAS, tmp_path: Path) -> None:
    expected = dict(enumerate(HARD_NAMES))
    assert hard.names == expected  # else they are lost before

    assert NAS(hard.export(output=tmp_path, simplify=False), runtime="onnxruntime").names == expected
    folder = hard.export("openvino", output=tmp_path)
    assert NAS(folder).names == expected
    assert yaml.safe_load(Path(folder, "metadata.yaml").read_text("utf-8"))["names"] == expected

    served = Path(hard.export("triton", output=tmp_path / "served", simplify=False))
    strings = {entry.key: entry.value for entry in onnx.load(served / "1" / "model.onnx").metadata_props}
    for metadata in (strings, json.loads((served / "metadata.json").read_text("utf-8"))):
        assert Description.from_metadata(metadata, "served").names == HARD_NAMES

    for name in ("x.safetensors", "x.pt"):
        assert read_checkpoint(hard.save(tmp_path / name)).class_names == HARD_NAMES

    extra = {"config.txt": ""}
    torch.jit.load(hard.export("torchscript", output=tmp_path), _extra_files=extra)
    assert {int(k): v for k, v in yaml.safe_load(extra["config.txt"])["names"].items()} == expected


# --- each form has a file of its own ---


def test_each_form_has_a_name_of_its_own() -> None:
    def name(**given: Any) -> str:
        return form_name("best", given, DEFAULTS)

    assert name() == name(takes="prepared", gives=None, batch=1, dynamic=False, half=False) == "best"
    assert name(takes="pixels", gives="pair", dynamic=True) == "best-pixels-pair-dynamic"
    assert name(batch=2, half=True) == "best-batch2-half"
    assert name(quantize=8) != name(quantize=16) != name(quantize="w8a16")
    forms = [
        {"takes": takes, "gives": gives, "batch": batch, "dynamic": dynamic}
        for takes in ("prepared", "pixels")
        for gives in ("engine", "pair", "flat", "batch", "frigate")
        for batch in (1, 2, 11)
        for dynamic in (False, True)
    ]
    assert len({name(**form) for form in forms}) == len(forms)


@pytest.mark.exhaustive
def test_forms_lie_side_by_side(model: NAS, tmp_path: Path) -> None:
    small = {"output": tmp_path, **SMALL}
    files = [
        model.export(**small),
        model.export(**small, takes="pixels", gives="pair"),
        model.export("openvino", output=tmp_path, imgsz=64),
        model.export("openvino", output=tmp_path, imgsz=64, gives="pair", batch=2),
        model.export("torchscript", output=tmp_path, imgsz=64, dynamic=True),
    ]
    assert [Path(file).name for file in files] == [
        "nano.onnx",
        "nano-pixels-pair.onnx",
        "nano_openvino_model",
        "nano-pair-batch2_openvino_model",
        "nano-dynamic.torchscript",
    ]
    assert sorted(os.listdir(tmp_path)) == sorted(Path(file).name for file in files)
    assert NAS(files[3]).model.runtime.description.gives == "pair"


@pytest.mark.parametrize("format", first(["openvino", "onnx", "triton", "torchscript"]))
def test_nothing_is_replaced_unless_asked(format: str, model: NAS, tmp_path: Path) -> None:
    settings = {"imgsz": 64, **({"simplify": False} if format in ("onnx", "triton") else {})}
    path = Path(model.export(format, output=tmp_path, **settings))
    file = next(f for f in (path, *path.rglob("*")) if f.is_file() and f.suffix in (".onnx", ".bin", ".torchscript"))
    before = file.stat().st_ino
    with file.open("rb") as reader:
        beginning = reader.read(1000)
        with pytest.raises(ExportError, match=rf"{path.name}.* is there.*overwrite=True"):
            model.export(format, output=tmp_path, **settings)
        assert file.stat().st_ino == before
        assert model.export(format, output=tmp_path, overwrite=True, **settings) == str(path)
        assert file.stat().st_ino != before
        reader.seek(0)
        assert reader.read(1000) == beginning  # whoever has it open keeps it
    assert os.listdir(tmp_path) == [path.name]


def test_a_folder_with_files_of_others_is_not_replaced(model: NAS, tmp_path: Path) -> None:
    folder = Path(model.export("openvino", output=tmp_path, imgsz=64))
    (folder / "labels.txt").write_text("mine")
    with pytest.raises(ExportError, match=r"labels\.txt.*would be lost"):
        model.export("openvino", output=tmp_path, imgsz=64, overwrite=True)
    assert len(os.listdir(folder)) == 4


def test_weights_are_never_replaced_by_their_export(nano: Path, tmp_path: Path) -> None:
    weights = tmp_path / "x.torchscript"  # files are recognised by what is in them
    weights.write_bytes(nano.read_bytes())
    with pytest.raises(ExportError, match="replace its own weights"):
        NAS(weights).export("torchscript", overwrite=True)
    assert weights.read_bytes() == nano.read_bytes()


def test_the_engine_leaves_nothing_but_what_it_was_asked_for(model: NAS, tmp_path: Path) -> None:
    def by_way_of_onnx(format: str, **settings: Any) -> str:
        """As the engine makes mnn."""
        stem = Path(model.model.pt_path)
        stem.with_suffix(".onnx").write_text("on the way")
        folder = Path(str(stem).replace(stem.suffix, "_ncnn_model"))
        folder.mkdir()
        (folder / "model.param").write_text("made")
        return str(folder / "model.param")

    place = tmp_path / "some.weights.pth"  # of which the engine would replace a part
    place.mkdir()
    (place / "nano.onnx").write_text("good")
    settings: dict[str, Any] = {"format": "ncnn", "output": place}
    path = export(model, by_way_of_onnx, **settings)
    assert path == str(place / "nano_ncnn_model" / "model.param")
    assert Path(path).read_text() == "made"
    assert (place / "nano.onnx").read_text() == "good"
    assert sorted(os.listdir(place)) == ["nano.onnx", "nano_ncnn_model"]

    def fails(**_: Any) -> str:
        Path(model.model.pt_path).with_suffix(".half").write_text("half")
        assert False, "no such device"  # noqa: B011, PT015

    with pytest.raises(ExportError, match="no such device"):
        export(model, fails, **{**settings, "overwrite": True})
    assert sorted(os.listdir(place)) == ["nano.onnx", "nano_ncnn_model"]
    assert Path(path).read_text() == "made"


# --- what is asked for ---


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"format": "onx"}, "did you mean 'onnx'"),
        ({"format": "openvin"}, "did you mean 'openvino'"),
        ({"format": "torchscrip"}, "did you mean 'torchscript'"),
        ({"format": "nonsense"}, "'nonsense' is unknown"),
        ({"format": ""}, "'' is unknown"),
        ({"format": None}, "None is unknown"),
        ({"format": "pt"}, r"save\(\)"),
        ({"opset": 11}, "opset=11 is out of range; .* 13 to 20"),
        ({"opset": 30}, "opset=30"),
        ({"opset": "17"}, "opset='17'"),
        ({"opset": 0, "format": "triton"}, "opset=0"),
        ({"batch": 0}, "batch=0"),
        ({"batch": -1}, "batch=-1"),
        ({"batch": 1.5}, r"batch=1\.5"),
        ({"batch": True}, "batch=True"),
        ({"batch": 0, "format": "openvino"}, "batch=0"),
        ({"batch": 0, "format": "torchscript"}, "batch=0"),
        ({"imgsz": "160"}, "imgsz='160'"),
        ({"imgsz": 100}, "multiples of 32"),
        ({"imgsz": 100, "format": "torchscript"}, "multiples of 32"),
        ({"imgsz": [64, 64, 64]}, "imgsz"),
        ({"dynamic": "no"}, "dynamic='no'"),
        ({"simplify": 2}, "simplify=2"),
        ({"conf": 2}, "conf=2"),
        ({"gives": "boxes"}, "gives='boxes'"),
        ({"colour": 1}, "'colour'"),
        ({"simplyfy": True}, "did you mean 'simplify'"),
        ({"dynamc": True, "format": "torchscript"}, "did you mean 'dynamic'"),
        ({"simplify": False, "format": "openvino"}, "doesn't know simplify=False"),
        ({"name": "x"}, "doesn't know name='x'"),
        ({"int8": True, "format": "openvino"}, "doesn't know int8=True"),
        ({"quantize": 8}, "doesn't know quantize=8"),
        ({"nms": True, "gives": "pair"}, "contradict"),
        ({"nms": False, "gives": "flat"}, "contradict"),
    ],
)
def test_what_cannot_be_had_is_refused_before_any_work(
    settings: dict[str, Any], message: str, model: NAS, tmp_path: Path
) -> None:
    with pytest.raises(ExportSettingError, match=message):
        model.export(output=tmp_path / "new", **settings)
    assert not os.listdir(tmp_path)


def test_overwrite_is_a_switch(model: NAS, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="overwrite='no'"):
        model.export(output=tmp_path, overwrite="no")


def test_the_engines_word_for_selection_is_understood() -> None:
    assert check_form("onnx", {"nms": True, "half": False, "device": "cpu"}) == {"gives": "flat"}
    assert check_form("onnx", {"nms": False}) == {}
    assert check_form("openvino", {"nms": True, "gives": "batch"}) == {"gives": "batch"}


@pytest.mark.exhaustive
@pytest.mark.parametrize("opset", range(13, 21))
@pytest.mark.parametrize("gives", ["engine", "batch"])
def test_every_opset_runs(opset: int, gives: str, model: NAS, tmp_path: Path) -> None:
    path = model.export(output=tmp_path, opset=opset, gives=gives, **SMALL)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert onnx.load(path).opset_import[0].version == opset
    outputs = session.run(None, {"images": synthetic.batch(64, 64).numpy() * 255})
    assert all(np.isfinite(output).all() for output in outputs)
