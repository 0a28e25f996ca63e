"""The folder for Frigate, read by the rules of Frigate's own detectors, which aren't on a package index.

Written from its documentation of object detectors and from what its classes for ONNX and OpenVINO do (source of 2026):
a square of the frame is resized to the whole input, in the layout and colours that the configuration says; rows of the
first output are image, box in pixels of the input, score, class; 20 are read at most, and none after a class below 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import onnxruntime
import openvino
import pytest
import torch
import yaml

from tests.support.nano import SIZE
from tests.support.pictures import picture
from tests.support.shapes import NAMES
from yolonas_plugin import NAS
from yolonas_plugin.boxes.arrays import select_boxes
from yolonas_plugin.cli import main
from yolonas_plugin.errors import ExportError
from yolonas_plugin.runtimes.openvino import types_of_convolutions

FRAME: Final = picture(1, height=300, width=400)
REGION: Final = (60, 20, 340, 300)
"""x1, y1, x2, y2 of a square that Frigate cuts out."""

MOST: Final = 20


class Frigate:
    """A detector of Frigate as its configuration makes it."""

    def __init__(self, folder: Path) -> None:
        self.config = yaml.safe_load((folder / "config.yml").read_text(encoding="utf-8"))
        assert set(self.config) == {"detectors", "model"}
        self.model = self.config["model"]
        inside = Path("/config/model_cache")
        self.path = folder.parent / Path(self.model["path"]).relative_to(inside)
        self.labels = labels_of(folder.parent / Path(self.model["labelmap_path"]).relative_to(inside))
        assert self.model["model_type"] == "yolonas"

    def input_of(self, frame: np.ndarray, region: tuple[int, int, int, int]) -> np.ndarray:
        x1, y1, x2, y2 = region
        side = self.model["width"], self.model["height"]
        square = cv2.resize(frame[y1:y2, x1:x2], side, interpolation=cv2.INTER_LINEAR)
        if self.model["input_pixel_format"] == "rgb":
            square = square[..., ::-1]
        tensor = square[None]
        assert self.model["input_dtype"] == "int"
        return tensor.transpose(0, 3, 1, 2) if self.model["input_tensor"] == "nchw" else tensor

    def detect(self, kind: str, tensor: np.ndarray) -> np.ndarray:
        """Return [20, 6]: class, score, y1, x1, y2, x2 in parts of the input; zeros where there are no more."""
        rows = getattr(self, f"_by_{kind}")(tensor)
        width, height = self.model["width"], self.model["height"]
        found = np.zeros((MOST, 6), np.float32)
        for index, (_, x1, y1, x2, y2, score, label) in enumerate(rows):
            if index == MOST or label < 0:
                break
            found[index] = label, score, y1 / height, x1 / width, y2 / height, x2 / width
        return found

    def _by_onnx(self, tensor: np.ndarray) -> np.ndarray:
        session = onnxruntime.InferenceSession(self.path, providers=["CPUExecutionProvider"])
        return session.run(None, {session.get_inputs()[0].name: tensor})[0]

    def _by_openvino(self, tensor: np.ndarray) -> np.ndarray:
        compiled = openvino.Core().compile_model(self.path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        assert types_of_convolutions(compiled) == {"f32"}
        # what it looks at before it uses a model of this type
        assert (len(compiled.inputs), len(compiled.outputs)) == (1, 1)
        assert list(compiled.inputs[0].get_shape()) == [1, 3, self.model["width"], self.model["height"]]
        assert compiled.outputs[0].partial_shape[-1] == 7
        given = openvino.Tensor(compiled.inputs[0].get_element_type(), compiled.inputs[0].get_shape())
        assert given.data.dtype == tensor.dtype == np.uint8
        np.copyto(given.data, tensor)
        request = compiled.create_infer_request()
        request.infer(given)
        return request.get_output_tensor(0).data


def labels_of(path: Path) -> dict[int, str]:
    """Read a label map: numbers before the names where the first line begins with one, else lines are counted."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if lines[0].split(" ", maxsplit=1)[0].isdigit():
        return {int(number): name.strip() for number, name in (line.split(" ", maxsplit=1) for line in lines)}
    return {number: line.strip() for number, line in enumerate(lines)}


def export(model: NAS, parent: Path, **settings: Any) -> Frigate:
    return Frigate(Path(model.export(format="frigate", output=parent, imgsz=SIZE, **settings)))


def expected(model: NAS, square: np.ndarray, conf: float) -> np.ndarray:
    """Return what the network finds in a square that fills its input: x1, y1, x2, y2, score, class."""
    planes = model.processing.normalise(square.transpose(2, 0, 1)[None], order="BGR")
    with torch.no_grad():
        boxes, scores = model.model.detect(torch.from_numpy(planes))
    return select_boxes(boxes[0].numpy(), scores[0].numpy(), conf=conf, iou=model.processing.iou, max_detections=MOST)


@pytest.fixture(scope="module")
def detector(nano: Path) -> NAS:
    return NAS(nano)


@pytest.fixture(scope="module")
def many(detector: NAS, tmp_path_factory: pytest.TempPathFactory) -> Frigate:
    return export(detector, tmp_path_factory.mktemp("frigate"), conf=0.3)


@pytest.mark.parametrize("kind", ["onnx", "openvino"])
def test_frigate_reads_the_boxes_of_the_network(kind: str, many: Frigate, detector: NAS) -> None:
    tensor = many.input_of(FRAME, REGION)
    found = many.detect(kind, tensor)
    wanted = expected(detector, np.ascontiguousarray(tensor[0].transpose(1, 2, 0)), 0.3)
    assert len(wanted) == MOST  # there are more, of which these are the best
    assert (np.diff(found[:, 1]) <= 0).all()  # Frigate stops at the first score that is too low
    assert found[:, 0].astype(int).tolist() == wanted[:, 5].astype(int).tolist()
    assert np.abs(found[:, 1] - wanted[:, 4]).max() < 1e-4
    assert np.abs(found[:, [3, 2, 5, 4]] * SIZE - wanted[:, :4]).max() < 0.05
    assert set(map(int, found[:, 0])) <= set(many.labels)


@pytest.fixture(scope="module")
def none(detector: NAS, tmp_path_factory: pytest.TempPathFactory) -> Frigate:
    return export(detector, tmp_path_factory.mktemp("frigate"), conf=1.0)


@pytest.mark.parametrize("kind", ["onnx", "openvino"])
def test_nothing_is_found_in_the_zeros_that_it_warms_up_with(kind: str, none: Frigate) -> None:
    assert not none.detect(kind, np.zeros((1, 3, SIZE, SIZE), np.uint8)).any()


def test_the_colours_are_those_of_the_configuration(many: Frigate) -> None:
    """A checkpoint that wants other colours gets them from the graph, and Frigate needn't know."""
    tensor = many.input_of(FRAME, REGION)
    other = many.detect("onnx", np.ascontiguousarray(tensor[:, ::-1]))
    assert np.abs(other - many.detect("onnx", tensor)).max() > 1e-3


def test_names_are_found_by_their_numbers(many: Frigate, nano: Path, tmp_path: Path) -> None:
    assert many.labels == dict(enumerate(NAMES))
    odd = ["3 axles", "Zebrastreifen für alle", "x: y # z"]
    assert export(NAS(nano, names=odd), tmp_path, name="odd").labels == dict(enumerate(odd))


@pytest.mark.parametrize("name", ["two\nlines", "two\rlines", "end\n", "", "  "])
def test_a_name_that_is_no_line_is_refused(name: str, nano: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"class 1 is called .*, and Frigate wants one line: give other names="):
        NAS(nano, names=["a", name, "c"]).export(format="frigate", output=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_one_command_makes_a_configuration(nano: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["export", "--weights", str(nano), "--format", "frigate", "--output", str(tmp_path), "--name", "gate"]
    assert main(command) == 0
    folder = tmp_path / "gate"
    said = capsys.readouterr()
    assert said.out.strip() == str(folder)
    assert (folder / "config.yml").read_text() in said.err
    assert {path.name for path in folder.iterdir()} == {"gate.onnx", "labelmap.txt", "config.yml"}
    frigate = Frigate(folder)
    assert (frigate.model["width"], frigate.model["height"]) == (320, 320)
    assert frigate.path.is_file()
    assert main(command) == 1
    assert "is there; nothing in it was changed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"imgsz": [64, 96]}, r"imgsz=\[64, 96\]: Frigate cuts squares"),
        ({"imgsz": 100}, "multiples of 32"),
        ({"name": "a b"}, "named by letters, digits"),
        ({"name": "../up"}, "named by letters, digits"),
        ({"batch": 2}, "doesn't know batch=2"),
        ({"gives": "flat"}, "doesn't know gives='flat'"),
        ({"max_det": 5}, "doesn't know max_det=5"),
        ({"conf": 2}, "conf=2"),
    ],
)
def test_what_frigate_could_not_use_is_refused(
    settings: dict[str, Any], message: str, detector: NAS, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match=message):
        detector.export(format="frigate", output=tmp_path / "cache", **settings)
    assert not (tmp_path / "cache").exists()


def test_a_model_for_poses_is_refused(pose_weights: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="isn't for poses: Frigate reads boxes alone"):
        NAS(pose_weights).export(format="frigate", output=tmp_path)
    assert not list(tmp_path.iterdir())
