"""A small model and small images for the adapter's tests; nothing outside the repository."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import ultralytics
from ultralytics.utils.checks import parse_version

from tests import synthetic
from tests.shapes import NAMES, write_shapes
from yolonas_plugin import NAS

OLD_ENGINE = parse_version(ultralytics.__version__) < (8, 4)
needs_engine_s_onnx = pytest.mark.skipif(
    OLD_ENGINE and parse_version(torch.__version__) >= (2, 9) and find_spec("onnxscript") is None,
    reason="ultralytics 8.3 exports ONNX on torch 2.9 and newer only with onnxscript, whatever the model",
)

SIZE = 160


def processing_params(size: int = SIZE) -> dict:
    """What super-gradients writes for its YOLO-format recipe."""
    return {
        "class_names": list(NAMES),
        "image_processor": {
            "ComposeProcessing": {
                "processings": [
                    "ReverseImageChannels",
                    {"DetectionLongestMaxSizeRescale": {"output_shape": (size, size)}},
                    {"DetectionBottomRightPadding": {"output_shape": (size, size), "pad_value": 114}},
                    {"ImagePermute": {"permutation": (2, 0, 1)}},
                ]
            }
        },
        "iou": 0.6,
        "conf": 0.7,
    }


@pytest.fixture(scope="session")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training checkpoint of size n with three classes, laid out as super-gradients lays it out."""
    path = tmp_path_factory.mktemp("weights") / "nano.pth"
    network = synthetic.network("n", num_classes=len(NAMES))
    with torch.no_grad():  # pixels 0 to 255, where the synthetic weights expect 0 to 1
        for name in ("branch_3x3.conv.weight", "branch_1x1.weight"):
            network.get_parameter(f"backbone.stem.conv.{name}").div_(255)
        for head in (network.heads.head1, network.heads.head2, network.heads.head3):  # small boxes, mostly inside
            head.reg_pred.bias.view(4, -1).sub_(torch.arange(17))
    torch.save({"ema_net": network.state_dict(), "processing_params": processing_params()}, path)
    return path


def assert_same_boxes(found: np.ndarray, expected: np.ndarray, atol: float) -> None:
    """See that every row [N, 6] has its like among the others: two whose scores are all but equal may change places."""
    assert len(found) == len(expected)
    distances = np.abs(found[:, None] - expected).max(axis=-1)
    assert distances.min(axis=0).max() < atol
    assert distances.min(axis=1).max() < atol


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Give torch a number of threads that the engine would not choose, and see that it is left so."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
        assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(before)


@pytest.fixture
def model(nano: Path) -> NAS:
    return NAS(nano)


def runtime_of(model: NAS) -> Any:
    """Return the runtime that the engine runs, of a model that has predicted on OpenVINO or ONNX Runtime."""
    (runtime,) = (cell.cell_contents for cell in model.predictor.model.model.run.__closure__)
    return runtime


def compiled(runtime: Any) -> Any:
    """Return what OpenVINO's runtime compiled last."""
    return list(runtime._compiled.values())[-1][0]


def picture(seed: int = 0, height: int = 120, width: int = 150) -> np.ndarray:
    """An image [H, W, 3], uint8 BGR, of smooth noise."""
    coarse = np.random.RandomState(seed).randint(0, 256, (height // 10, width // 10, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture in a file that keeps every pixel."""
    path = tmp_path_factory.mktemp("images") / "picture.png"
    cv2.imwrite(str(path), picture())
    return path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Six frames of a picture that moves to the right."""
    path = tmp_path / "moving.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (150, 120))
    for step in range(6):
        writer.write(np.roll(picture(), 2 * step, axis=1))
    writer.release()
    return path


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The description of a data set of eight pictures to train on and four to measure with."""
    return write_shapes(tmp_path_factory.mktemp("shapes"))


@pytest.fixture(scope="session")
def unfinished(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``last.pt`` of a training that was stopped after the first of its three epochs; don't write beside it."""
    folder = tmp_path_factory.mktemp("unfinished")
    model = NAS("yolo_nas_n", pretrained=False)

    def stop(trainer: object) -> None:
        raise KeyboardInterrupt

    model.add_callback("on_model_save", stop)
    settings = {"imgsz": 64, "batch": 4, "nbs": 4, "epochs": 3, "workers": 0, "device": "cpu", "optimizer": "SGD"}
    with pytest.raises(KeyboardInterrupt):
        model.train(
            data=str(shapes), project=str(folder), name="a", plots=False, verbose=False, freeze=["backbone"], **settings
        )
    return folder / "a" / "weights" / "last.pt"
