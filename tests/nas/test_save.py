"""Saving: what ``NAS`` writes gives the same model again, and the .pt opens in stock Ultralytics."""

from __future__ import annotations

import dataclasses
import os
import pickle
import pickletools
import subprocess
import sys
import zipfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from ultralytics import YOLO

from exhaustive import first
from tests.support import synthetic
from tests.support.bccd import write_yolo
from tests.support.engine import OLD_ENGINE, needs_engine_s_onnx
from tests.support.nano import SIZE
from tests.support.pictures import picture
from tests.support.presses import Dying
from tests.support.shapes import NAMES
from yolonas_plugin import NAS
from yolonas_plugin.cards import CARDS
from yolonas_plugin.errors import CheckpointError, ExportError
from yolonas_plugin.nas import NASPredictor, NASValidator
from yolonas_plugin.nas.module import NASModule
from yolonas_plugin.nas.stock import StockModule
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.weights.header import VERSION_KEY
from yolonas_plugin.weights.read import read_checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")

UNIT = ProcessingSpec(size=(SIZE, SIZE), resize=(SIZE, SIZE))
NORMALISED = ProcessingSpec(
    size=(SIZE, SIZE), resize=(SIZE, SIZE), channels="BGR", mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4)
)


def same_weights(found: torch.nn.Module, expected: torch.nn.Module) -> bool:
    left, right = found.state_dict(), expected.state_dict()
    return left.keys() == right.keys() and all(left[name].equal(right[name]) for name in right)


# --- our own file ---


def test_a_saved_model_needs_nothing_said_about_it(model: NAS, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    assert model.save(path, licence="MIT", training_data="drawings") == str(path)
    again = NAS(path)
    assert same_weights(again.model, model.model)
    assert (again.processing, again.names) == (model.processing, model.names)
    assert (again.model.licence, again.model.training_data) == ("MIT", "drawings")
    (found,), (expected,) = (m.predict(picture(), verbose=False) for m in (again, model))
    assert len(expected) > 5
    assert found.boxes.data.equal(expected.boxes.data)


def test_what_a_file_says_survives_further_saving(model: NAS, tmp_path: Path) -> None:
    model.save(tmp_path / "1.safetensors", licence="MIT", training_data="drawings")
    NAS(tmp_path / "1.safetensors").save(tmp_path / "2.safetensors", training_data="more drawings")
    assert (tmp_path / "1.safetensors").stat().st_size == pytest.approx(
        (tmp_path / "2.safetensors").stat().st_size, abs=8
    )
    last = NAS(tmp_path / "2.safetensors").model
    assert (last.licence, last.training_data) == ("MIT", "more drawings")


def test_saving_leaves_the_model_as_it_was(model: NAS, tmp_path: Path) -> None:
    """What is said of one file is said of that one alone."""
    model.save(tmp_path / "1.safetensors", licence="MIT", training_data="drawings")
    with pytest.raises(ExportError):
        model.save(tmp_path / "1.safetensors" / "x.pt", licence="MIT")
    found = NAS(model.save(tmp_path / "2.safetensors")).model
    assert (found.licence, found.training_data) == (None, None)


def test_the_licence_of_a_published_file_is_known(model: NAS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yolonas_plugin.nas.module.published_as", lambda path: CARDS[1])
    model.save(tmp_path / "1.safetensors")
    found = NAS(tmp_path / "1.safetensors").model
    assert found.licence is not None
    assert found.licence.startswith("LicenseRef-Deci-YOLO-NAS https://")
    assert found.training_data == "COCO train2017, Objects365"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_weights_are_saved_as_they_were_loaded(dtype: torch.dtype, tmp_path: Path) -> None:
    weights = synthetic.network("n", num_classes=2).to(dtype).state_dict()
    save_file(weights, tmp_path / "half.safetensors")
    NAS(tmp_path / "half.safetensors", processing="coco").save(tmp_path / "full.safetensors")
    found = NAS(tmp_path / "full.safetensors").model.state_dict()
    assert all(found[name].equal(weights[name].to(found[name].dtype)) for name in weights)


def test_processing_and_names_given_by_the_user_are_saved(tmp_path: Path) -> None:
    save_file(synthetic.network("n", 2, in_channels=1).state_dict(), tmp_path / "bare.safetensors")
    spec = dataclasses.replace(NORMALISED, mean=(0.5,), std=(0.1,), size=(96, 128), resize=(90, 128))
    NAS(tmp_path / "bare.safetensors", processing=spec, names=["cat", "dog"]).save(tmp_path / "mine.safetensors")
    found = NAS(tmp_path / "mine.safetensors")
    assert found.processing == spec
    assert found.names == {0: "cat", 1: "dog"}
    assert found.model.in_channels == 1
    assert found.overrides["imgsz"] == [96, 128]


@pytest.mark.parametrize("ending", [".safetensors", ".pt"])
def test_refusals(ending: str, model: NAS, nano: Path, tmp_path: Path) -> None:
    weights = tmp_path / f"input{ending}"
    weights.write_bytes(nano.read_bytes())
    (tmp_path / f"link{ending}").symlink_to(weights)
    loaded = NAS(weights)
    for path in (weights, tmp_path / f"link{ending}"):
        with pytest.raises(ExportError, match="were read from this file"):
            loaded.save(path)
    assert weights.read_bytes() == nano.read_bytes()
    with pytest.raises(ExportError, match=r"\.safetensors or \.pt"):
        model.save(tmp_path / "x.pth")
    with pytest.raises(ExportError, match=r"half=True is for \.safetensors"):
        model.save(tmp_path / "x.pt", half=True)
    model.fuse()
    with pytest.raises(ExportError, match=r"fused.*load .*nano\.pth again"):
        model.save(tmp_path / f"fused{ending}")
    assert sorted(os.listdir(tmp_path)) == [f"input{ending}", f"link{ending}"]


def test_random_weights_were_read_from_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("yolonas_plugin.nas.module.published_as", lambda path: CARDS[1])
    for name in ("yolo_nas_n", "yolo_nas_n.pt"):
        model = NAS(name, pretrained=False)
        for _ in range(2):
            assert NAS(model.save("yolo_nas_n.pt")).model.licence is None
    assert Path(model.export(format="onnx", imgsz=64, simplify=False)).name == "yolo_nas_n-64x64.onnx"


def test_the_default_name_is_the_engine_s(model: NAS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert model.save() == "saved_model.pt"
    assert os.listdir() == ["saved_model.pt"]


def test_any_name_is_written_or_refused_by_an_error_of_ours(
    model: NAS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExportError, match="can't be written"):
        model.save(f"{'x' * 300}.pt")
    for name in ("~old.pt", "模型 ü.safetensors"):
        assert NAS(model.save(name)).names == model.names
    assert sorted(os.listdir()) == ["~old.pt", "模型 ü.safetensors"]


def test_a_failure_while_writing_a_pt_leaves_nothing(
    model: NAS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(content: Any, file: str) -> None:
        Path(file).write_bytes(b"half of it")
        raise RuntimeError("PytorchStreamWriter failed writing file")

    monkeypatch.setattr("yolonas_plugin.weights.write.torch_save", fail)
    with pytest.raises(ExportError, match="torch couldn't write all of it"):
        model.save(tmp_path / "x.pt")
    assert os.listdir(tmp_path) == []


# --- the file for stock Ultralytics ---


@pytest.fixture
def stock(model: NAS, tmp_path: Path) -> Path:
    path = tmp_path / "stock.pt"
    model.save(path, licence="MIT", training_data="drawings")
    return path


def test_the_weights_are_in_the_file_once_and_its_pickle_names_one_thing_of_ours(
    stock: Path, model: NAS, tmp_path: Path
) -> None:
    model.save(tmp_path / "mine.safetensors")
    assert stock.stat().st_size < (tmp_path / "mine.safetensors").stat().st_size * 1.02
    with zipfile.ZipFile(stock) as archive:
        code = archive.read(next(name for name in archive.namelist() if name.endswith("/data.pkl")))
    strings, ours = [], set()
    for opcode, argument, _ in pickletools.genops(code):
        if opcode.name == "GLOBAL":
            ours.add(argument)
        if isinstance(argument, str):
            strings.append(argument)
    assert {name for name in ours if name.startswith("yolonas")} == {"yolonas_plugin.nas.stock rebuild"}
    assert ours - {"yolonas_plugin.nas.stock rebuild"} <= {
        "torch._utils _rebuild_tensor_v2",
        "torch FloatStorage",
        "torch LongStorage",
        "collections OrderedDict",
    }
    assert VERSION_KEY in strings


def test_the_record_beside_the_module_is_a_whole_checkpoint(stock: Path, model: NAS) -> None:
    content = torch.load(stock, weights_only=False)
    found = read_checkpoint(stock)
    assert (found.size, found.class_names, found.processing) == ("n", NAMES, model.processing)
    assert (found.licence, found.training_data) == ("MIT", "drawings")
    assert all(found.state_dict[name].equal(tensor) for name, tensor in model.model.state_dict().items())
    assert content["license"] == "MIT"


def test_stock_yolo_opens_it(stock: Path, model: NAS) -> None:
    yolo = YOLO(stock)
    assert yolo.task == "detect"
    assert yolo.names == model.names
    assert yolo.overrides["imgsz"] == SIZE
    assert yolo.info(verbose=False) is None
    layers, parameters, gradients, gflops = yolo.info()
    assert (layers, parameters) == model.info()[:2]
    assert gradients == parameters
    assert gflops > 0
    yolo.fuse()
    assert yolo.model.is_fused()
    assert yolo.info()[1] < parameters


@pytest.mark.parametrize("processing", [None, UNIT, NORMALISED], ids=["BGR 0 to 255", "RGB 0 to 1", "normalised"])
def test_the_module_turns_the_engine_s_pixels_into_the_checkpoint_s(
    processing: ProcessingSpec | None, nano: Path, tmp_path: Path
) -> None:
    model = NAS(nano, processing=processing)
    model.save(tmp_path / "x.pt")
    module = YOLO(tmp_path / "x.pt").model
    pixels = (synthetic.batch(SIZE, SIZE, images=2) * 255).round()
    with torch.no_grad():
        expected = model.model(model.processing.normalise(pixels))
        torch.testing.assert_close(module(pixels / 255, augment=False), expected, atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(module.fuse()(pixels / 255), expected, atol=1e-2, rtol=1e-3)


def one_label(nano: Path) -> NAS:
    """The model with the engine's habit in prediction: a box is of one class, and lies inside the image."""
    return NAS(nano, processing=dataclasses.replace(NAS(nano).processing, multi_label=False))


def test_stock_predict_gives_our_boxes_where_no_padding_is_needed(stock: Path, nano: Path) -> None:
    image = picture(height=SIZE, width=SIZE)
    (found,) = YOLO(stock).predict(image, conf=0.5, iou=0.6, verbose=False)
    (expected,) = one_label(nano).predict(image, conf=0.5, iou=0.6, verbose=False)
    rows = expected.boxes.data.clone()
    rows[:, :4].clamp_(0, SIZE)
    assert len(rows) > 5
    np.testing.assert_allclose(found.boxes.data, rows, atol=0.05)
    assert found.names == expected.names


def test_stock_yolo_tracks(stock: Path, video: Path) -> None:
    results = YOLO(stock).track(video, conf=0.5, verbose=False)
    assert len(results) == 6
    first, last = (set(result.boxes.id.tolist()) for result in (results[1], results[-1]))
    assert len(first & last) > 2


@needs_engine_s_onnx
def test_stock_onnx_takes_the_engine_s_pixels(stock: Path, nano: Path, tmp_path: Path) -> None:
    path = YOLO(stock).export(format="onnx", simplify=False)
    assert path == str(tmp_path / "stock.onnx")
    image = picture(height=SIZE, width=SIZE)
    (found,) = YOLO(path, task="detect").predict(image, conf=0.5, iou=0.6, imgsz=SIZE, verbose=False)
    (expected,) = YOLO(stock).predict(image, conf=0.5, iou=0.6, verbose=False)
    assert len(expected) > 5
    np.testing.assert_allclose(found.boxes.data, expected.boxes.data, atol=0.05)


@pytest.mark.parametrize("margin", [0, 4])
def test_half_precision(margin: int, nano: Path, tmp_path: Path) -> None:
    processing = dataclasses.replace(UNIT, resize=(SIZE - margin, SIZE - margin), channels="BGR", divisor=1.0)
    module = YOLO(NAS(nano, processing=processing).save(tmp_path / "x.pt")).model.fuse()
    images = synthetic.batch(SIZE, SIZE)
    with torch.no_grad():
        expected = module(images)
        found = module.half()(images.half())
    assert found.dtype == torch.float32  # decoding is
    assert (found[:, 4:] - expected[:, 4:]).abs().max() < 0.05
    assert (found[:, :4] - expected[:, :4]).abs().max() < 2


def test_stock_save_writes_a_file_that_opens_again(stock: Path, tmp_path: Path) -> None:
    yolo = YOLO(stock)
    images = synthetic.batch(SIZE, SIZE)
    with torch.no_grad():
        expected = yolo.model(images)
        for name in ("unfused.pt", "fused.pt"):
            yolo.save(tmp_path / name)
            again = YOLO(tmp_path / name)
            assert again.model.is_fused() == name.startswith("fused")
            torch.testing.assert_close(again.model(images), expected, atol=0.5, rtol=0.05)  # the engine halves them
            assert read_checkpoint(tmp_path / name).class_names == NAMES
            yolo.fuse()


def test_copies_and_pickles_are_whole(stock: Path) -> None:
    module = YOLO(stock).model
    images = synthetic.batch(SIZE, SIZE)
    module.marker = "kept by a copy"
    with torch.no_grad():
        for fused in (False, True):
            copy, pickled = deepcopy(module), pickle.loads(pickle.dumps(module))
            assert copy.marker == module.marker
            for other in (copy, pickled):
                assert isinstance(other, StockModule)
                assert other.is_fused() == fused
                assert other(images).equal(module(images))
                assert not {p.data_ptr() for p in other.parameters()} & {p.data_ptr() for p in module.parameters()}
            module.fuse()


def test_a_stock_file_of_a_newer_format_says_so(stock: Path) -> None:
    content = torch.load(stock, weights_only=False)
    function, (metadata, *rest) = content["model"].__reduce__()
    with pytest.raises(CheckpointError, match=r"format 3.*reads up to 2"):
        function(metadata | {VERSION_KEY: "3"}, *rest)


def test_our_engine_classes_do_not_take_it_for_a_network_of_ours(stock: Path) -> None:
    module = YOLO(stock).model  # they would prepare the images twice
    with pytest.raises(TypeError, match="not a StockModule"):
        NASPredictor().setup_model(module)
    with pytest.raises(TypeError, match="not a StockModule"):
        NASValidator()(model=module)


@pytest.fixture
def drawings(tmp_path: Path) -> Path:
    """A data set of one picture."""
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "0.png"), picture())
    (tmp_path / "labels" / "0.txt").write_text("0 0.5 0.5 0.4 0.4\n2 0.3 0.3 0.2 0.2\n")
    path = tmp_path / "data.yaml"
    path.write_text(f"path: {tmp_path}\ntrain: images\nval: images\nnames: {list(NAMES)}\n")
    return path


def yolo(*arguments: str, cwd: Path) -> str:
    """Run Ultralytics' command line, and return what it says."""
    program = "import sys; sys.argv[0] = 'yolo'; from ultralytics.cfg import entrypoint; entrypoint()"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "YOLO_AUTOINSTALL": "false", "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "mode",
    [*first(["predict", "track", "val"]), pytest.param("export", marks=[needs_engine_s_onnx, pytest.mark.exhaustive])],
)
def test_the_stock_command_line(
    mode: str, stock: Path, image: Path, video: Path, drawings: Path, tmp_path: Path
) -> None:
    settings = {
        "predict": [f"source={image}", "save_txt=True", "conf=0.5"],
        "track": [f"source={video}", "conf=0.5"],
        "val": [f"data={drawings}", "plots=False", "workers=0"],
        "export": ["format=onnx", "simplify=False"],
    }[mode]
    said = yolo(mode, f"model={stock}", f"project={tmp_path}", "name=out", *settings, cwd=tmp_path)
    if mode == "predict":
        lines = (tmp_path / "out" / "labels" / "picture.txt").read_text().splitlines()
        assert len(lines) == len(YOLO(stock).predict(image, conf=0.5, verbose=False)[0])
    elif mode == "track":
        assert list((tmp_path / "out").iterdir())
    elif mode == "val":
        assert "all" in said
    else:
        assert (tmp_path / "stock.onnx").stat().st_size > 1e6


@pytest.mark.exhaustive
@pytest.mark.skipif(OLD_ENGINE, reason="the benchmark of ultralytics 8.3 is for the engine's own networks")
@pytest.mark.parametrize("form", first(["onnx", "torchscript", "openvino"]))
def test_the_stock_benchmark(form: str, stock: Path, drawings: Path, tmp_path: Path) -> None:
    said = yolo("benchmark", f"model={stock}", f"data={drawings}", f"imgsz={SIZE}", f"format={form}", cwd=tmp_path)
    table = (tmp_path / "benchmarks.log").read_text().splitlines()
    (row,) = (line for line in table if line.startswith("| 1 "))
    assert "✅" in row, said  # exported, predicted with and validated


@pytest.mark.exhaustive
def test_stock_map_is_ours_on_bccd(shared_data: Path, bccd_checkpoint: Path, tmp_path: Path) -> None:
    """The engine's own validator doesn't clip boxes, and goes down to a score of 0.001."""
    data = str(write_yolo(tmp_path / "bccd", shared_data / "bccd", "test"))
    model = NAS(bccd_checkpoint)
    model.save(tmp_path / "x.pt")
    ours = model.val(data=data, verbose=False).box
    settings = {"verbose": False, "plots": False, "workers": 0, "project": str(tmp_path)}
    # the engine's NMS stops after some seconds and leaves out the batch's other images: so one at a time
    stock = YOLO(tmp_path / "x.pt").val(data=data, batch=1, **settings).box
    print(f"mAP50-95: NAS.val {ours.map:.4f}, stock {stock.map:.4f}; mAP50: {ours.map50:.4f}, {stock.map50:.4f}")
    assert stock.map == pytest.approx(ours.map, abs=0.01)
    assert stock.map50 == pytest.approx(ours.map50, abs=0.01)


def test_the_file_for_stock_is_read_by_us_without_unpickling_it(model: NAS, tmp_path: Path, image: Path) -> None:
    path = model.save(tmp_path / "both.pt")
    again = NAS(path)
    assert (again.names, again.processing) == (model.names, model.processing)
    found = again.model.state_dict()
    for name, tensor in model.model.state_dict().items():
        assert torch.equal(found[name], tensor), name


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("ending", first(["pt", "safetensors"]))
def test_a_press_that_python_drops_while_it_saves_is_heard(
    ending: str, nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe = NASModule.file_info

    def pressed(self: NASModule) -> Any:
        Dying()
        return describe(self)

    monkeypatch.setattr(NASModule, "file_info", pressed)
    with pytest.raises(KeyboardInterrupt):
        NAS(nano).save(tmp_path / f"saved.{ending}")
