"""Export: what is written runs in its own runtime and gives what the model gives."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from tests.support import synthetic
from tests.support.engine import split_output, threads
from tests.support.nano import SIZE
from tests.support.pictures import picture
from yolonas_plugin import NAS, extras
from yolonas_plugin.boxes.tensors import select_boxes
from yolonas_plugin.errors import ExportError, MissingExtraError, ProcessingError
from yolonas_plugin.export.description import PROCESSING_KEY
from yolonas_plugin.nas.module import NASModule
from yolonas_plugin.processing import ProcessingSpec


def session(path: str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_onnx_gives_the_boxes_of_predict(model: NAS, tmp_path: Path) -> None:
    path = model.export(format="onnx", output=tmp_path)
    assert path == str(tmp_path / "nano.onnx")
    runtime = session(path)
    spec = ProcessingSpec.from_json(runtime.get_modelmeta().custom_metadata_map[PROCESSING_KEY])
    assert spec == model.processing

    image = picture()
    canvas, placement = spec.letterbox(image)
    pixels = torch.from_numpy(canvas[..., ::-1].copy()).permute(2, 0, 1)[None]
    (output,) = runtime.run(None, {"images": spec.normalise(pixels).numpy()})
    boxes, scores = split_output(torch.from_numpy(output))
    found = select_boxes(boxes[0], scores[0], conf=spec.conf, iou=spec.iou)
    found[:, :4] = placement.to_image(found[:, :4])
    (expected,) = model.predict(image, verbose=False)
    assert len(found) > 5
    np.testing.assert_allclose(found, expected.boxes.data, atol=0.05)


def test_dynamic_onnx_takes_any_batch_and_size(model: NAS, tmp_path: Path) -> None:
    runtime = session(model.export(format="onnx", output=tmp_path, dynamic=True))
    assert runtime.get_inputs()[0].shape == ["batch", 3, "height", "width"]
    assert runtime.get_outputs()[0].shape == ["batch", 7, "anchors"]
    for images, height, width in [(1, 160, 160), (2, 96, 224), (3, 32, 32)]:
        batch = synthetic.batch(height, width, images) * 255
        (output,) = runtime.run(None, {"images": batch.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(output, model.model(batch), atol=0.05)


def test_a_fixed_size_and_batch_can_be_chosen(model: NAS, tmp_path: Path) -> None:
    runtime = session(model.export(output=tmp_path, imgsz=(64, 96), batch=2, simplify=False))
    assert runtime.get_inputs()[0].shape == [2, 3, 64, 96]
    metadata = runtime.get_modelmeta().custom_metadata_map
    assert metadata["imgsz"] == "[64, 96]"
    assert metadata["names"] == str(model.names)
    assert json.loads(metadata[PROCESSING_KEY])["size"] == [64, 96]
    with pytest.raises(ProcessingError, match="multiples of 32"):
        model.export(output=tmp_path, imgsz=100)


def test_the_export_lies_beside_the_weights_by_default(nano: Path, tmp_path: Path) -> None:
    weights = tmp_path / "mine.v1.pth"
    weights.write_bytes(nano.read_bytes())
    model = NAS(weights)
    assert model.export(simplify=False) == str(tmp_path / "mine.v1.onnx")
    assert model.model.pt_path == str(weights)
    assert not model.model.is_fused()


def test_a_folder_that_cannot_be_made_is_an_error(model: NAS, nano: Path) -> None:
    with pytest.raises(ExportError, match="can't be made"):
        model.export(output=nano / "below_a_file")


def test_the_engines_words_are_understood_or_refused(model: NAS, tmp_path: Path) -> None:
    path = model.export(
        format="ONNX", output=tmp_path, imgsz=[64], half=False, device="cpu", verbose=False, simplify=False
    )
    runtime = session(path)
    assert runtime.get_inputs()[0].shape == [1, 3, 64, 64]
    assert runtime.get_modelmeta().custom_metadata_map["task"] == "detect"
    for refused in ({"half": True}, {"int8": True}):
        with pytest.raises(ExportError, match=f"doesn't know {next(iter(refused))}="):
            model.export(output=tmp_path, **refused)


def test_torchscript_by_the_engine(model: NAS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with threads(3):
        path = model.export(format="torchscript", output=tmp_path)
    batch = synthetic.batch(SIZE, SIZE) * 255
    with torch.no_grad():
        np.testing.assert_allclose(torch.jit.load(path)(batch), model.model(batch), atol=0.05)
    assert Path(path).parent == tmp_path


@pytest.mark.parametrize(
    ("package", "call", "extra"),
    [
        ("onnx", lambda model: model.export(), "onnx"),
        ("onnxslim", lambda model: model.export(), "onnx"),
        ("lap", lambda model: model.track("x.avi"), "track"),
        ("openvino", lambda model: model.export(format="openvino"), "openvino"),
    ],
)
def test_a_missing_extra_names_its_install_line(
    model: NAS,
    package: str,
    call: Callable[[NAS], object],
    extra: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == package else find_spec(name))
    with pytest.raises(MissingExtraError, match=re.escape(f"pip install 'yolonas-plugin[{extra}]'")):
        call(model)


MNN_S = {
    "MNN/tools/utils/log.py": "print('installs a package, and reports to a server')\nmnn_logger = object()\n",
    "MNN/tools/mnnconvert.py": """
try:
    from MNN.tools.utils.log import mnn_logger
except:
    mnn_logger = None
""",
}
"""What MNN's package is like: its converter imports a module that installs packages, if it can be imported."""


def test_a_converter_installs_and_reports_nothing(
    model: NAS,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    for name, text in MNN_S.items():
        (tmp_path / "packages" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "packages" / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    request.addfinalizer(lambda: [sys.modules.pop(name) for name in [*sys.modules] if name.partition(".")[0] == "MNN"])

    def convert(model: NASModule) -> str:
        """As the engine does for mnn."""
        reports = importlib.import_module("MNN.tools.mnnconvert").mnn_logger is not None
        path = Path(model.pt_path).with_suffix(".mnn")
        path.write_text(f"reports: {reports}")
        return str(path)

    monkeypatch.setattr("ultralytics.engine.exporter.Exporter", lambda **_: convert)
    assert Path(model.export(format="mnn", output=tmp_path)).read_text() == "reports: False"
    assert "installs" not in capfd.readouterr().out
    importlib.import_module("MNN.tools.utils.log")  # who wants it has it
    assert "installs" in capfd.readouterr().out
