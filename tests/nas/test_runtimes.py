"""Other runtimes under ``NAS``: the same detections as torch, what they need is made once, and misuse is explained."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from exhaustive import exhaustive, first
from tests.support.bf16 import openvino_has_bf16
from tests.support.engine import compiled, runtime_of
from tests.support.nano import SIZE
from tests.support.pictures import assert_same_boxes, picture
from tests.support.shapes import NAMES
from yolonas_plugin import NAS
from yolonas_plugin.errors import (
    CheckpointError,
    MissingExtraError,
    RuntimeChoiceError,
    WeightsNotFoundError,
    YoloNASPluginError,
)
from yolonas_plugin.lean import LeanPredictor, open_lean
from yolonas_plugin.nas import inference
from yolonas_plugin.nn.onednn import cpu_has_bf16
from yolonas_plugin.runtimes import choose, is_export, open_runtime
from yolonas_plugin.runtimes.base import GraphRuntime
from yolonas_plugin.runtimes.openvino import types_of_convolutions

RUNTIMES = ["openvino", "onnxruntime"]
PICTURES = [picture(seed, height=100 + 10 * seed) for seed in range(3)]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path_factory.getbasetemp() / "cache"))


def rows(found: NAS, source: object, **settings: object) -> list[np.ndarray]:
    return [result.boxes.data.numpy() for result in found.predict(source, verbose=False, **settings)]


@pytest.mark.parametrize("name", RUNTIMES)
def test_the_detections_of_torch(name: str, model: NAS, nano: Path) -> None:
    other = NAS(nano, runtime=name)
    for settings in ({}, {"imgsz": (96, 224)}, {"conf": 0.3, "max_det": 30}):
        for found, expected in zip(rows(other, PICTURES, **settings), rows(model, PICTURES, **settings), strict=True):
            assert len(found) > 5
            assert_same_boxes(found, expected, atol=0.05)
    assert other.names == model.names
    assert sum(p.numel() for p in other.model.parameters()) > 8e6  # the weights are there, to train, save and export


@pytest.mark.parametrize("name", RUNTIMES)
def test_every_kind_of_source(name: str, nano: Path, image: Path, video: Path) -> None:
    other = NAS(nano, runtime=name)
    expected = rows(other, image)[0]
    tensor = torch.from_numpy(np.full((2, SIZE, SIZE, 3), 127, np.uint8)).permute(0, 3, 1, 2) / 255
    assert len(rows(other, tensor)) == 2
    for found in (rows(other, [str(image)] * 2), rows(other, [str(image)] * 3, batch=2), rows(other, picture())):
        for mine in found:
            np.testing.assert_allclose(mine, expected, atol=1e-3)
    tracks = [result.boxes.id for result in other.track(str(video), stream=True, verbose=False)]
    assert len(tracks[-1]) > 3
    assert runtime_of(other) is not None  # with another tracker the engine makes another predictor
    other.track(str(video), tracker="bytetrack.yaml", verbose=False)
    assert runtime_of(other) is not None


@pytest.mark.parametrize("name", RUNTIMES)
def test_threads_may_share_a_model(name: str, nano: Path) -> None:
    other = NAS(nano, runtime=name)
    expected = [rows(other, image)[0] for image in PICTURES]
    with ThreadPoolExecutor(4) as pool:
        for index, found in enumerate(pool.map(lambda i: rows(other, PICTURES[i % 3])[0], range(12))):
            np.testing.assert_allclose(found, expected[index % 3], atol=1e-3)


def test_what_a_runtime_needs_is_made_once(
    nano: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path))
    expected = rows(NAS(nano, runtime="onnxruntime"), picture())[0]
    (made,) = [path for path in (tmp_path / "runtimes").iterdir() if path.is_dir()]
    assert os.listdir(made) == ["model.onnx"]

    def write_again(*_: object) -> None:
        raise AssertionError("it is there")

    monkeypatch.setattr(inference, "write_graph", write_again)
    copy = tmp_path / "other name.pth"
    copy.write_bytes(nano.read_bytes())  # the same content
    for again in (NAS(nano, runtime="onnxruntime"), NAS(copy, runtime="openvino")):
        assert_same_boxes(rows(again, picture())[0], expected, atol=0.05)
    changed = NAS(nano, runtime="onnxruntime")
    next(changed.model.parameters()).data.mul_(2)
    with pytest.raises(AssertionError, match="it is there"):
        rows(changed, picture())


@pytest.mark.parametrize(
    ("format", "settings"),
    [
        ("onnx", {}),
        ("openvino", {"takes": "pixels", "gives": "pair"}),
        exhaustive(("onnx", {"takes": "pixels", "gives": "pair"})),
        exhaustive(("onnx", {"dynamic": True, "gives": "pair"})),
        exhaustive(("openvino", {})),
    ],
)
def test_exported_files_are_models(format: str, settings: dict[str, object], model: NAS, tmp_path: Path) -> None:
    path = model.export(format=format, output=tmp_path, **settings)
    found = NAS(path)
    assert found.names == model.names
    assert found.processing == model.processing
    assert_same_boxes(rows(found, picture())[0], rows(model, picture())[0], atol=0.05)
    for call in (found.train, found.export, found.info, lambda: found.save(tmp_path / "x.safetensors")):
        with pytest.raises(YoloNASPluginError, match="needs the weights that it was made from"):
            call()


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_file_that_takes_prepared_images_takes_several(name: str, model: NAS, tmp_path: Path) -> None:
    found = NAS(model.export(output=tmp_path, dynamic=True, simplify=False), runtime=name)
    for mine, expected in zip(rows(found, PICTURES, batch=3), rows(model, PICTURES), strict=True):
        assert_same_boxes(mine, expected, atol=0.05)


@pytest.mark.parametrize("batch", first([2, 1]))
@pytest.mark.parametrize("name", RUNTIMES)
def test_files_of_fixed_size_take_any_number_of_images(name: str, batch: int, model: NAS, tmp_path: Path) -> None:
    path = model.export(output=tmp_path, takes="pixels", gives="pair", batch=batch, imgsz=[96, 160], simplify=False)
    found = NAS(path, runtime=name)
    expected = rows(model, PICTURES, imgsz=[96, 160])
    for settings in ({}, {"batch": 2}, {"batch": 3}):
        for mine, theirs in zip(rows(found, PICTURES, **settings), expected, strict=True):
            assert_same_boxes(mine, theirs, atol=0.05)
    message = r"takes 96x160 pixels, height x width, not 160x160; export it for that imgsz, or with dynamic=True"
    with pytest.raises(RuntimeChoiceError, match=message):
        rows(found, PICTURES, imgsz=160)


def test_an_exported_file_is_what_it_is(model: NAS, tmp_path: Path) -> None:
    path = model.export(output=tmp_path, simplify=False)
    for settings, message in (
        ({"precision": "int8"}, "in fp32 or bf16, not precision='int8'; int8 is made from the weights"),
        ({"precision": "fp8"}, "in fp32 or bf16, not precision='fp8'"),
        ({"runtime": "onnxruntime", "precision": "bf16"}, "in fp32, not precision='bf16'"),
        ({"names": NAMES}, "an exported file has its own names; say it to the weights"),
    ):
        for open_file in (NAS, open_lean):
            with pytest.raises(RuntimeChoiceError, match=message):
                open_file(path, **settings)


def test_exports_that_select_boxes_are_for_others(model: NAS, tmp_path: Path) -> None:
    path = model.export(output=tmp_path, gives="flat", simplify=False)
    for name in RUNTIMES:
        with pytest.raises(RuntimeChoiceError, match=r"selects boxes itself \(flat\)"):
            NAS(path, runtime=name)


def test_auto_is_the_fastest_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose("auto") == "openvino"
    monkeypatch.setattr("yolonas_plugin.runtimes.find_spec", lambda name: None if name == "openvino" else 1)
    assert choose("auto") == "onnxruntime"
    with pytest.raises(MissingExtraError, match=r"pip install 'yolonas-plugin\[openvino\]'"):
        choose("openvino")
    monkeypatch.setattr("yolonas_plugin.runtimes.find_spec", lambda name: None)
    assert choose("auto") == "torch"
    with pytest.raises(MissingExtraError, match=r"pip install 'yolonas-plugin\[openvino\]'"):
        choose("auto", "int8")


def test_what_is_not_there_is_said(nano: Path, tmp_path: Path) -> None:
    for settings, message in (
        (
            {"runtime": "ncnn"},
            "runtime='ncnn' is unknown; it is one of torch, openvino, onnxruntime, cuda, tensorrt, auto",
        ),
        ({"runtime": "onnxruntime", "precision": "bf16"}, "'onnxruntime' runs in fp32 or int8, not precision='bf16'"),
        ({"precision": "fp8"}, "'torch' runs in fp32 or fp16 or bf16, not precision='fp8'"),
        ({"runtime": "openvino", "precision": "int8"}, "calibrated on your images"),
    ):
        with pytest.raises(RuntimeChoiceError, match=message):
            NAS(nano, **settings)
    with pytest.raises(WeightsNotFoundError, match=r"nowhere\.onnx: there is no such file"):
        NAS(tmp_path / "nowhere.onnx")
    (tmp_path / "x.onnx").write_bytes(b"no graph")
    for name in RUNTIMES:
        with pytest.raises(CheckpointError, match=r"x\.onnx.*can't open the file"):
            NAS(tmp_path / "x.onnx", runtime=name)
    with pytest.raises(RuntimeChoiceError, match="no runtime opens such a file"):
        open_runtime(tmp_path / "x.engine")


def test_a_graph_of_somebody_else_is_not_guessed_at(tmp_path: Path) -> None:
    torch.onnx.export(torch.nn.Identity(), (torch.zeros(1, 3, 32, 32),), tmp_path / "x.onnx", dynamo=False)
    for name in RUNTIMES:
        with pytest.raises(CheckpointError, match="doesn't say how its images are prepared"):
            NAS(tmp_path / "x.onnx", runtime=name)


def test_bf16_is_refused_where_it_would_be_slower(nano: Path) -> None:
    asked = {"torch": cpu_has_bf16(), "openvino": openvino_has_bf16()}
    for name in (name for name, there in asked.items() if not there):
        with pytest.raises(RuntimeChoiceError, match="this CPU computes in fp32 only"):
            rows(NAS(nano, runtime=name, precision="bf16"), picture(), device="cpu")
    if all(asked.values()):
        pytest.skip("torch and OpenVINO have bf16 on this CPU")


def test_bf16_on_torch_is_near_fp32(model: NAS, nano: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)  # it computes anywhere, slowly
    other = NAS(nano, precision="bf16")
    for found, exact in zip(rows(other, PICTURES), rows(model, PICTURES), strict=True):
        assert_similar_boxes(found[:5], exact)
        assert np.abs(found[:, None] - exact).max(axis=-1).min(axis=0).max() > 1e-3  # and isn't fp32


def test_a_cache_that_cannot_be_written_to(
    nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = rows(NAS(nano, runtime="openvino"), picture())[0]
    (tmp_path / "file").touch()
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path / "file" / "below"))
    assert_same_boxes(rows(NAS(nano, runtime="openvino"), picture())[0], expected, atol=0.05)
    assert caplog.text.count("can't be kept there") == 1


def test_what_openvino_compiled_is_kept_checked_and_bounded(
    nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path))
    tall = [picture(height=32 * sides, width=96) for sides in range(1, 6)]

    def found() -> list[np.ndarray]:
        model = NAS(nano, runtime="openvino")
        return [model.predict(image, rect=True, verbose=False)[0].boxes.data.numpy() for image in tall]

    expected = found()
    kept = sorted((tmp_path / "runtimes" / "openvino").glob("*.blob"), key=lambda blob: blob.stat().st_mtime)
    assert len(kept) == 4

    compiled = []

    def compile_and_tell(core: Any, model: Any, settings: Any) -> Any:
        compiled.append(model)
        return core.compile_model(model, "CPU", dict(settings))

    tall = tall[-1:]
    monkeypatch.setattr("yolonas_plugin.runtimes.compiled._compile", compile_and_tell)
    np.testing.assert_array_equal(found()[0], expected[-1])
    assert not compiled  # another model finds it
    content = bytearray(kept[-1].read_bytes())
    content[len(content) // 2] ^= 255  # OpenVINO's own cache would compute with that
    kept[-1].write_bytes(content)
    np.testing.assert_array_equal(found()[0], expected[-1])
    assert compiled


def test_a_graph_is_read_only_for_what_was_not_compiled_before(
    nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Reading it takes as long as all the rest of a lean start; what is damaged is made anew before it is read."""
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path))
    expected = {side: open_lean(nano, runtime="openvino")(picture(), imgsz=side)[0].boxes for side in (64, 96)}
    blobs = (tmp_path / "runtimes" / "openvino").glob("*.blob")
    max(blobs, key=lambda blob: blob.stat().st_mtime_ns).unlink()  # what was compiled for 96
    graphs = list((tmp_path / "runtimes").glob("*/model.onnx"))
    for graph in graphs:
        graph.write_bytes(bytes(graph.stat().st_size))
    monkeypatch.setattr("yolonas_plugin.runtimes.cache._checked", {})
    for predict in (open_lean(nano, runtime="openvino"), NAS(nano, runtime="openvino")):
        (found,) = predict(picture(), imgsz=64, **({} if isinstance(predict, LeanPredictor) else {"verbose": False}))
        boxes = found.boxes if isinstance(predict, LeanPredictor) else found.boxes.xyxy.numpy()
        np.testing.assert_array_equal(boxes, expected[64])
    assert not caplog.records
    predict = open_lean(nano, runtime="openvino")
    np.testing.assert_array_equal(predict(picture(), imgsz=96)[0].boxes, expected[96])
    assert "is made anew" in caplog.text


def test_models_may_be_used_first_in_threads(nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path))
    models = [NAS(nano, runtime="onnxruntime", names=[name, "b", "c"]) for name in "xy"]  # a key for each
    with ThreadPoolExecutor(len(models)) as pool:
        found = list(pool.map(lambda model: rows(model, picture())[0], models))
    assert len([path for path in (tmp_path / "runtimes").iterdir() if path.is_dir()]) == len(models)
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)


def test_opening_an_export_needs_no_torch(model: NAS, tmp_path: Path) -> None:
    path = model.export(output=tmp_path, takes="pixels", gives="pair", simplify=False)
    assert is_export(path)
    program = (
        "import sys, numpy as np\nfrom yolonas_plugin.runtimes import open_runtime\n"
        "for name in ('openvino', 'onnxruntime'):\n"
        "    runtime = open_runtime(sys.argv[1], name)\n"
        f"    boxes, scores = runtime(np.zeros((1, {SIZE}, {SIZE}, 3), np.uint8))\n"
        f"    assert boxes.shape[2] == 4 and scores.shape[2] == {len(NAMES)}\n"
        "assert not {'torch', 'ultralytics', 'torchvision'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program, path], check=True)


@pytest.mark.exhaustive
def test_signals_survive_models_that_go_in_any_order(model: NAS, tmp_path: Path) -> None:
    path = model.export(output=tmp_path, takes="pixels", gives="pair", simplify=False)
    program = (
        "import signal, sys, numpy as np\nfrom yolonas_plugin.runtimes import open_runtime\n"
        "runtimes = [open_runtime(sys.argv[1], 'openvino') for _ in range(3)]\n"
        f"[runtime(np.zeros((1, {SIZE}, {SIZE}, 3), np.uint8)) for runtime in runtimes]\n"
        "while runtimes:\n    del runtimes[0]\n"
        "signal.signal(signal.SIGUSR1, lambda *_: print('alive'))\n"
        "signal.raise_signal(signal.SIGUSR1)\n"
    )
    done = subprocess.run([sys.executable, "-X", "faulthandler", "-c", program, path], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "alive\n")


@pytest.mark.exhaustive
def test_int8_is_calibrated_once_on_each_set_of_images(
    nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path / "cache"))
    folder = tmp_path / "images"
    folder.mkdir()
    for index, image in enumerate(PICTURES):
        cv2.imwrite(str(folder / f"{index}.png"), image)
    found = rows(NAS(nano, runtime="openvino", precision="int8", calibration=folder), PICTURES)
    for mine, exact in zip(found, rows(NAS(nano), PICTURES), strict=True):
        assert len(mine) > 5
        assert_similar_boxes(mine[:5], exact)

    def quantise_again(*_: object) -> None:
        raise AssertionError("it is there")

    monkeypatch.setattr("yolonas_plugin.export.quantise.quantise", quantise_again)
    again = NAS(nano, runtime="auto", precision="int8", calibration=str(folder / "*.png"))
    assert again.runtime.name == "openvino"
    np.testing.assert_allclose(rows(again, PICTURES)[0], found[0], atol=1e-3)
    with pytest.raises(AssertionError, match="it is there"):
        rows(NAS(nano, runtime="openvino", precision="int8", calibration=PICTURES[:2]), PICTURES)
    assert_in_int8(runtime_of(again))


def assert_in_int8(runtime: GraphRuntime) -> None:
    """See that what runs has layers in int8, and that its file can't be had in another precision."""
    types = types_of_convolutions(compiled(runtime))
    assert types & {"u8", "i8"}
    assert "bf16" not in types
    assert runtime.precision == NAS(runtime.path).runtime.precision == "int8"
    assert NAS(runtime.path, precision="int8").runtime.precision == "int8"
    for precision in ("fp32", "bf16"):
        with pytest.raises(RuntimeChoiceError, match=r"(was quantised to int8|computes in fp32 only)"):
            NAS(runtime.path, precision=precision)


def assert_similar_boxes(found: np.ndarray, expected: np.ndarray) -> None:
    """Hold boxes to those that overlap them most, and to about their scores."""
    overlap = box_iou(torch.from_numpy(found[:, :4]), torch.from_numpy(expected[:, :4]))
    best, partner = overlap.max(dim=1)
    assert best.mean() > 0.5  # made-up weights are hard on int8; benchmarks.accuracy measures trained ones
    assert np.abs(found[:, 4] - expected[partner.numpy(), 4]).max() < 0.15


def test_int8_says_what_it_misses(nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path / "cache"))
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(RuntimeChoiceError, match=r"calibration=.*text\.jpg.*could not read an image"):
        rows(NAS(nano, runtime="openvino", precision="int8", calibration=tmp_path / "text.jpg"), picture())
    with pytest.raises(FileNotFoundError, match="there is no such file or folder"):
        rows(NAS(nano, runtime="openvino", precision="int8", calibration=tmp_path / "none"), picture())
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(MissingExtraError, match=r"precision='int8' needs NNCF.*yolonas-plugin\[int8\]"):
        rows(NAS(nano, runtime="openvino", precision="int8", calibration=PICTURES), picture())


def test_making_a_graph_needs_onnx(nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path / "cache"))
    monkeypatch.setattr("yolonas_plugin.extras.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"the graph that a runtime opens needs onnx.*yolonas-plugin\[onnx\]"):
        rows(NAS(nano, runtime="openvino"), picture())
