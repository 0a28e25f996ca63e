"""The files of exports: each form has its own, nothing is replaced unless asked, and what they say survives."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
import torch
import yaml

from exhaustive import first
from tests.support import synthetic
from tests.support.nano import SIZE, processing_params
from yolonas_plugin import NAS
from yolonas_plugin.errors import ExportError, ExportSettingError, SettingError
from yolonas_plugin.export.description import Description
from yolonas_plugin.export.form import DEFAULTS, OPSETS, check_form, form_name
from yolonas_plugin.nas.export import export
from yolonas_plugin.nas.module import NASModule
from yolonas_plugin.processing import ProcessingSpec
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


@pytest.fixture(scope="module")
def model(nano: Path) -> NAS:
    return NAS(nano)


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
    assert name(imgsz=(320, 640), opset=13) == "best-320x640-opset13"
    assert name(conf=0.0, iou=0.5, max_det=20) == "best-conf0.0-iou0.5-max_det20"
    own = DEFAULTS | ProcessingSpec(size=(320, 320), resize=(320, 320), conf=0.4).settings()
    assert form_name("best", {"imgsz": (320, 320), "conf": 0.4, "opset": 17, "iou": 0.7}, own) == "best"
    assert name(quantize=8) != name(quantize=16) != name(quantize="w8a16")
    forms: list[dict[str, Any]] = [
        {"takes": takes, "gives": gives, "batch": batch, "dynamic": dynamic, "imgsz": imgsz}
        for takes in ("prepared", "pixels")
        for gives in ("engine", "pair", "flat", "batch", "frigate")
        for batch in (1, 2, 11)
        for dynamic in (False, True)
        for imgsz in (None, (64, 96), (96, 64))
    ]
    forms += [{name: value} for name in ("conf", "iou") for value in (0.0, 0.1234567, 0.1234568)]
    forms += [{"opset": opset} for opset in OPSETS if opset != DEFAULTS["opset"]]
    forms += [{"max_det": most} for most in (1, 1_000_000, 1_000_001)]
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
        "nano-64x64.onnx",
        "nano-pixels-pair-64x64.onnx",
        "nano-64x64_openvino_model",
        "nano-pair-64x64-batch2_openvino_model",
        "nano-64x64-dynamic.torchscript",
    ]
    assert sorted(os.listdir(tmp_path)) == sorted(Path(file).name for file in files)
    assert NAS(files[3]).model.graph.description.gives == "pair"


def test_a_second_export_of_another_size_lies_beside_the_first(model: NAS, tmp_path: Path) -> None:
    for settings, name in (({}, "nano-64x64.onnx"), ({"imgsz": 96, "conf": 0.25}, "nano-96x96-conf0.25.onnx")):
        path = model.export(output=tmp_path, **{**SMALL, **settings})
        assert Path(path).name == name
    spec = NAS(path).processing
    assert (spec.size, spec.conf) == ((96, 96), 0.25)
    with pytest.raises(ExportError, match=r"nano-96x96-conf0\.25\.onnx is there"):
        model.export(output=tmp_path, imgsz=[96, 96], conf=0.25)
    assert len(os.listdir(tmp_path)) == 2


def test_asking_for_what_the_weights_have_is_the_default(model: NAS, tmp_path: Path) -> None:
    own = {"imgsz": SIZE, "conf": model.processing.conf, "iou": model.processing.iou, "opset": 17, "batch": 1}
    assert Path(model.export(output=tmp_path, simplify=False, **own)).name == "nano.onnx"


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


def test_the_engine_leaves_nothing_but_what_it_was_asked_for(
    model: NAS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = "ultralytics.engine.exporter.Exporter"

    def by_way_of_onnx(model: NASModule) -> str:
        """As the engine makes mnn."""
        stem = Path(model.pt_path)
        stem.with_suffix(".onnx").write_text("on the way")
        folder = Path(str(stem).replace(stem.suffix, "_ncnn_model"))
        folder.mkdir()
        (folder / "model.param").write_text("made")
        return str(folder / "model.param")

    place = tmp_path / "some.weights.pth"  # of which the engine would replace a part
    place.mkdir()
    (place / "nano.onnx").write_text("good")
    settings: dict[str, Any] = {"format": "ncnn", "output": place}
    monkeypatch.setattr(exporter, lambda **_: by_way_of_onnx)
    path = export(model.model, **settings)
    assert path == str(place / "nano_ncnn_model" / "model.param")
    assert Path(path).read_text() == "made"
    assert (place / "nano.onnx").read_text() == "good"
    assert sorted(os.listdir(place)) == ["nano.onnx", "nano_ncnn_model"]

    def fails(model: NASModule) -> str:
        Path(model.pt_path).with_suffix(".half").write_text("half")
        assert False, "no such device"  # noqa: B011, PT015

    monkeypatch.setattr(exporter, lambda **_: fails)
    with pytest.raises(ExportError, match="no such device"):
        export(model.model, **{**settings, "overwrite": True})
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
        ({"opset": 11}, "opset=11 is out of range; .* 13 to 23"),
        ({"opset": 24}, "opset=24"),
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
        ({"device": 0}, "device=0 would change nothing: the graph is written on the CPU"),
        ({"device": "cuda:1", "format": "openvino"}, "device='cuda:1' would change nothing"),
        ({"device": [0], "format": "triton"}, r"device=\[0\] would change nothing"),
        ({"optimize": True}, "optimize=True would change nothing"),
        ({"workspace": 4}, "workspace=4 would change nothing: it is for format='engine'"),
        ({"opset": 17, "format": "torchscript"}, "opset=17 would change nothing"),
        ({"workspace": 4, "format": "torchscript"}, "workspace=4 would change nothing"),
        ({"conf": 0.4, "format": "torchscript"}, "conf=0.4 would change nothing"),
        ({"simplify": False, "format": "torchscript"}, "simplify=False would change nothing"),
        ({"data": "a.yaml", "format": "engine"}, "data='a.yaml' would change nothing"),
        ({"half": True, "format": "torchscript"}, "float16 needs a GPU"),
        ({"nms": True, "format": "ncnn"}, "nms=True would change nothing"),
        ({"nms": True, "format": "torchscript"}, "nms=True would .* select the wrong boxes: .* format='onnx'"),
        ({"nms": True, "format": "coreml"}, "nms=True would"),
        ({"nms": True, "format": "mnn", "conf": 0.4}, "nms=True would"),
        ({"format": "edgetpu"}, "format='edgetpu' isn't for YOLO-NAS: pixels and scores are in one output"),
        ({"format": "imx"}, "'imx' isn't for YOLO-NAS"),
        ({"format": "saved_model", "int8": True, "data": "a.yaml"}, "'saved_model' in int8 isn't for YOLO-NAS"),
        ({"format": "engine", "int8": True}, "int8 is calibrated on images: say which, with data="),
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
    asks_for_nothing = {"half": False, "device": "cpu", "optimize": False, "workspace": None, "verbose": True}
    assert check_form("onnx", {"nms": True, **asks_for_nothing}) == {"gives": "flat"}
    assert check_form("triton", {"device": torch.device("cpu"), "verbose": False}) == {}
    assert check_form("onnx", {"nms": False}) == {}
    assert check_form("openvino", {"nms": True, "gives": "batch"}) == {"gives": "batch"}


def by_both_runtimes(path: str) -> list[list[np.ndarray]]:
    """What ONNX Runtime and OpenVINO, in float32, compute from a graph for one image."""
    images = synthetic.batch(64, 64).numpy() * 255
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    model = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return [session.run(None, {"images": images}), [*model(images).values()]]


@pytest.mark.parametrize("gives", first(["batch", "engine", "flat"]))
@pytest.mark.parametrize("opset", first([OPSETS[-1], *OPSETS[:-1]]))
def test_every_opset_gives_the_same_boxes(opset: int, gives: str, model: NAS, tmp_path: Path) -> None:
    path = model.export(output=tmp_path, opset=opset, gives=gives, conf=0.3, **SMALL)
    graph = onnx.load(path)
    assert graph.opset_import[0].version == opset
    onnx.checker.check_model(graph, full_check=True)
    usual = by_both_runtimes(model.export(output=tmp_path, gives=gives, conf=0.3, overwrite=True, **SMALL))
    for found, expected in zip(by_both_runtimes(path), usual, strict=True):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
