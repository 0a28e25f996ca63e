"""Files with super-gradients' own classes load here without them, and predict what their source predicts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from super_gradients.training.processing.processing import (
    ComposeProcessing,
    DetectionAutoPadding,
    DetectionRescale,
    ImagePermute,
    NormalizeImage,
    default_yolo_nas_coco_processing_params,
)
from torch import nn

from tests.reference import oracle
from tests.support import synthetic
from tests.support.outputs import FUSED, UNFUSED, assert_near, forward
from yolonas_plugin.processing import COCO, ProcessingSpec
from yolonas_plugin.weights import read_checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")

WITHOUT_SUPER_GRADIENTS = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "super_gradients":
            raise ImportError("super_gradients is not there")
sys.meta_path.insert(0, Absent())
from yolonas_plugin.weights import read_checkpoint
found = read_checkpoint(sys.argv[1])
assert not any(name.startswith("super_gradients") for name in sys.modules)
print(found.size, found.num_classes, found.class_names[0], found.processing.size)
"""


@pytest.fixture(scope="module")
def bccd(bccd_checkpoint: Path) -> nn.Module:
    return oracle.load(bccd_checkpoint)


def assert_same(model: nn.Module, path: Path) -> None:
    state = model.state_dict()
    found = read_checkpoint(path)
    assert found.state_dict.keys() == state.keys()
    assert all(torch.equal(found.state_dict[name], state[name]) for name in state)
    images = synthetic.batch(320, 320)
    assert_near(forward(found.build(), images), oracle.forward(model, images), UNFUSED)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("size", ["s", "m", "l"])
def test_a_whole_module(size: str, legacy: bool, tmp_path: Path) -> None:
    """Ultralytics' assets are such files."""
    model = oracle.network(size)
    model.set_dataset_processing_params(**default_yolo_nas_coco_processing_params())
    torch.save(model, tmp_path / f"yolo_nas_{size}.pt", _use_new_zipfile_serialization=not legacy)
    assert_same(model, tmp_path / f"yolo_nas_{size}.pt")
    found = read_checkpoint(tmp_path / f"yolo_nas_{size}.pt")
    assert (found.size, found.processing) == (size, COCO)
    assert found.class_names is not None
    assert (len(found.class_names), found.class_names[0]) == (80, "person")


def test_a_whole_module_of_an_older_version(tmp_path: Path) -> None:
    """Attributes that came later are missing, and others are there."""
    model = oracle.network("s")
    for module in model.modules():
        for name in ("drop_path", "identity", "_non_persistent_buffers_set", "_is_full_backward_hook"):
            module.__dict__.pop(name, None)
        module.__dict__.get("_buffers", {}).pop("id_tensor", None)
    for name in [name for name in vars(model) if name.startswith("_default") or name == "_sg_model_name"]:
        delattr(model, name)
    state = {name: tensor.clone() for name, tensor in oracle.network("s").state_dict().items()}
    torch.save(model, tmp_path / "yolo_nas_s.pt")
    found = read_checkpoint(tmp_path / "yolo_nas_s.pt")
    assert found.state_dict.keys() == state.keys()
    assert all(torch.equal(found.state_dict[name], state[name]) for name in state)


def test_a_fine_tuned_module_keeps_classes_and_processing(
    bccd: nn.Module, bccd_checkpoint: Path, tmp_path: Path
) -> None:
    torch.save({"model": bccd, "epoch": 3}, tmp_path / "best.pt")
    assert_same(bccd, tmp_path / "best.pt")
    found, trained = read_checkpoint(tmp_path / "best.pt"), read_checkpoint(bccd_checkpoint)
    assert (found.class_names, found.processing) == (trained.class_names, trained.processing)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("size", ["s", "m"])
def test_a_module_that_super_gradients_fused(size: str, full: bool, tmp_path: Path) -> None:
    model = oracle.network(size)
    images = synthetic.batch(320, 320)
    expected = oracle.forward(model, images)
    model.prep_model_for_conversion(input_size=(1, 3, 320, 320), full_fusion=full)
    torch.save(model, tmp_path / "fused.pt")
    found = read_checkpoint(tmp_path / "fused.pt")
    assert_near(forward(found.build(), images), oracle.forward(model, images), FUSED)
    assert_near(forward(found.build(), images), expected, FUSED)
    assert_near(forward(found.build().fuse(), images), expected, FUSED)


@pytest.mark.parametrize("prefix", ["", "module.", "net.", "model.", "ema_model."])
def test_a_state_dict(prefix: str, bccd: nn.Module, tmp_path: Path) -> None:
    torch.save({prefix + name: tensor for name, tensor in bccd.state_dict().items()}, tmp_path / "weights.pth")
    assert_same(bccd, tmp_path / "weights.pth")


def test_super_gradients_needn_t_be_there(bccd: nn.Module, tmp_path: Path) -> None:
    torch.save(bccd, tmp_path / "module.pt")
    command = [sys.executable, "-c", WITHOUT_SUPER_GRADIENTS, str(tmp_path / "module.pt")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["s", "3", "RBC", "(320,", "320)"]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (
            [DetectionRescale((320, 416)), NormalizeImage([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]), ImagePermute()],
            {"size": (320, 416), "resize": (320, 416), "mean": (1.0, 2.0, 3.0), "std": (4.0, 5.0, 6.0)},
        ),
        (
            [DetectionRescale((300, 400)), DetectionAutoPadding((32, 32), 114), ImagePermute()],
            {"size": (320, 416), "resize": (300, 400), "padding": "bottom_right"},
        ),
    ],
)
def test_pickled_steps(steps: list[Any], expected: dict[str, Any], bccd: nn.Module, tmp_path: Path) -> None:
    processing = ComposeProcessing(steps)
    params = {"image_processor": processing, "class_names": ["a", "b", "c"], "iou": np.float64(0.5), "conf": 0.25}
    torch.save({"net": bccd.state_dict(), "processing_params": params}, tmp_path / "ckpt.pth")
    found = read_checkpoint(tmp_path / "ckpt.pth").processing
    assert found == ProcessingSpec(divisor=1.0, keep_ratio=False, iou=0.5, **expected)
    image = np.random.RandomState(0).randint(0, 256, (123, 457, 3)).astype(np.uint8)
    pixels, _ = found.letterbox(image)
    ours = found.normalise(torch.from_numpy(pixels).permute(2, 0, 1)[None])[0].numpy()
    np.testing.assert_array_equal(ours, processing.preprocess_image(image)[0].astype(np.float32))
