"""``backend="super-gradients"``: super-gradients' own network under our engine does what the native one does."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import save_file
from super_gradients.training.models.detection_models.yolo_nas import YoloNAS_S
from torch import Tensor, nn

from tests.reference import oracle
from tests.support import bccd, synthetic
from tests.support.engine import split_output
from tests.support.outputs import FUSED, UNFUSED, assert_near
from yolonas_plugin import NAS, ModelZoo
from yolonas_plugin.errors import BackendError, CheckpointError, ExportError
from yolonas_plugin.nas.backends import OriginalModule
from yolonas_plugin.nas.module import NASModule
from yolonas_plugin.nn.onednn_graph import OneDNNGraph

pytestmark = pytest.mark.usefixtures("one_thread")

CONF = 0.25


@pytest.fixture(scope="module")
def native(bccd_checkpoint: Path) -> NAS:
    return NAS(bccd_checkpoint)


@pytest.fixture(scope="module")
def original(bccd_checkpoint: Path) -> NAS:
    return NAS(bccd_checkpoint, backend="super-gradients")


def forward(module: NASModule, images: Tensor) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        return split_output(module(images))


def rows(model: NAS, paths: Sequence[Path]) -> dict[Path, bccd.Rows]:
    results = model.predict(list(map(str, paths)), conf=CONF, verbose=False)
    return {Path(result.path): result.boxes.data.numpy() for result in results}


@pytest.mark.parametrize(
    ("size", "num_classes", "in_channels"), [("s", 80, 3), ("m", 80, 3), ("l", 80, 3), ("s", 3, 1), ("s", 1, 4)]
)
def test_the_same_boxes_and_scores_fused_or_not(size: str, num_classes: int, in_channels: int, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(synthetic.network(size, num_classes, in_channels).state_dict(), path)
    native = NAS(path, processing="coco").model
    original = NAS(path, processing="coco", backend="super-gradients").model
    images = synthetic.batch(256, 320, images=2, channels=in_channels)
    expected = forward(native, images)
    assert_near(forward(original, images), expected, UNFUSED)
    assert_near(forward(original.fuse(), images), expected, FUSED)
    assert_near(forward(original, images), forward(native.fuse(), images), FUSED)


def test_the_network_is_the_original_with_the_attributes_of_the_native_one(native: NAS, original: NAS) -> None:
    ours, theirs = native.model, original.model
    assert isinstance(theirs, OriginalModule)
    assert type(theirs.original) is YoloNAS_S
    for name in ("names", "processing", "yaml", "task", "pt_path", "args", "licence", "training_data"):
        assert getattr(theirs, name) == getattr(ours, name)
    assert (theirs.config, theirs.num_classes, theirs.in_channels) == (ours.config, ours.num_classes, ours.in_channels)
    assert theirs.stride.tolist() == [32]
    assert not any(module.training for module in (*theirs.modules(), *theirs.original.modules()))
    assert list(theirs.state_dict()) == list(ours.state_dict())
    _, *expected = native.info(verbose=False)
    _, *counted = original.info(verbose=False)
    np.testing.assert_allclose(counted, expected, rtol=1e-4)  # parameters, gradients, GFLOPs


def test_extra_arguments_are_ignored_and_odd_sizes_refused(original: NAS) -> None:
    images = synthetic.batch(64, 96)
    with torch.no_grad():
        plain, more = original.model(images), original.model(images, augment=True, embed=None)
    assert torch.equal(plain, more)
    with pytest.raises(ValueError, match="input is 64x100; both sides must be multiples of 32"):
        original.model(synthetic.batch(64, 100))


def test_raw_predictions_are_the_same_in_training_mode(native: NAS, original: NAS) -> None:
    images = synthetic.batch(64, 96, images=2) * 255
    raw = [copy.deepcopy(model.model).train()(images) for model in (native, original)]
    for ours, theirs in zip(*raw, strict=True):
        torch.testing.assert_close(theirs, ours, atol=1e-4, rtol=0)


def test_fusing_a_copy_leaves_the_model_as_it_was(original: NAS) -> None:
    twin = copy.deepcopy(original.model)
    assert twin.fuse() is twin
    assert twin.is_fused()
    assert sum(isinstance(module, nn.BatchNorm2d) for module in twin.modules()) == 55  # those outside QARepVGG blocks
    assert not any(parameter.requires_grad for parameter in twin.parameters())
    assert not original.model.is_fused()
    assert twin.original.heads is twin.heads
    before = forward(twin, synthetic.batch(64, 96))
    assert_near(forward(twin.fuse(), synthetic.batch(64, 96)), before, {"pixels": 0, "score": 0})


def test_predict_finds_the_same(native: NAS, original: NAS, bccd_test_images: list[Path]) -> None:
    images = bccd_test_images[:12]
    expected, found = rows(native, images), rows(original, images)
    assert sum(map(len, expected.values())) > 200
    bccd.assert_agree(lambda path: found[path], expected)
    assert not isinstance(original.predictor.model.model.run, OneDNNGraph)  # a trace may hold what is of one size


def test_predict_finds_what_super_gradients_finds_by_itself(
    original: NAS, bccd_checkpoint: Path, bccd_test_images: list[Path]
) -> None:
    images = bccd_test_images[12:18]
    found = rows(original, images)
    bccd.assert_agree(lambda path: found[path], oracle.predict(oracle.load(bccd_checkpoint), images, CONF))


def test_val_measures_the_same(native: NAS, original: NAS, shared_data: Path, tmp_path: Path) -> None:
    data = bccd.write_yolo(tmp_path / "bccd", shared_data / "bccd", "test")
    for image in sorted((data.parent / "images").iterdir())[8:]:
        image.unlink()
    settings = {"data": str(data), "imgsz": 320, "project": str(tmp_path), "verbose": False}
    expected, measured = (model.val(**settings).results_dict for model in (native, original))
    assert expected["metrics/mAP50-95(B)"] > 0.3
    assert measured == pytest.approx(expected, abs=1e-4)


def test_saved_weights_are_equal_to_the_bit_for_either_backend(original: NAS, native: NAS, tmp_path: Path) -> None:
    expected = native.model.state_dict()
    for ending in (".safetensors", ".pt"):
        path = original.save(tmp_path / f"saved{ending}")
        for backend in ("native", "super-gradients"):
            twin = NAS(path, backend=backend)
            found = twin.model.state_dict()
            assert found.keys() == expected.keys()
            assert all(torch.equal(found[name], expected[name]) for name in expected)
            assert (twin.names, twin.processing) == (native.names, native.processing)
    twin.fuse()
    with pytest.raises(ExportError, match="the network is fused"):
        twin.save(tmp_path / "fused.safetensors")


def test_exports_compute_the_same(native: NAS, original: NAS, tmp_path: Path) -> None:
    images = synthetic.batch(96, 128, images=2) * 255
    expected = forward(native.model, images)
    path = original.export("onnx", tmp_path, dynamic=True, simplify=False)
    (output,) = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(
        None, {"images": images.numpy()}
    )
    assert_near(split_output(torch.from_numpy(output)), expected, FUSED)
    path = original.export("torchscript", tmp_path, imgsz=[96, 128], batch=2)
    assert_near(forward(torch.jit.load(path), images), expected, FUSED)


def test_copies_pickles_and_other_weights_keep_the_backend(
    original: NAS, bccd_checkpoint: Path, bccd_test_images: list[Path], tmp_path: Path
) -> None:
    expected = rows(original, bccd_test_images[:1])
    for twin in (
        copy.deepcopy(original),
        pickle.loads(pickle.dumps(original)),
        copy.copy(original).load(bccd_checkpoint),
    ):
        assert isinstance(twin.model, OriginalModule)
        found = rows(twin, bccd_test_images[:1])
        bccd.assert_agree(lambda path, found=found: found[path], expected)


def test_a_name_and_the_zoo_pass_it_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_file(synthetic.network("s").state_dict(), tmp_path / "yolo_nas_s.safetensors")
    monkeypatch.chdir(tmp_path)
    assert isinstance(NAS("yolo_nas_s", backend="super-gradients").model, OriginalModule)
    assert isinstance(ModelZoo.discover().load("yolo_nas_s", backend="super-gradients").model, OriginalModule)


def test_a_file_that_would_run_code_is_refused_unread(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return open, (str(tmp_path / "proof"), "w")

    torch.save({"net": Hostile()}, tmp_path / "ckpt_best.pth")
    with pytest.raises(CheckpointError):
        NAS(tmp_path / "ckpt_best.pth", backend="super-gradients")
    assert not (tmp_path / "proof").exists()


def test_size_n_is_refused(tmp_path: Path) -> None:
    save_file(synthetic.network("n", num_classes=2).state_dict(), tmp_path / "n.safetensors")
    with pytest.raises(BackendError, match=r"n\.safetensors: this is a YOLO-NAS N.*use backend='native'"):
        NAS(tmp_path / "n.safetensors", processing="coco", backend="super-gradients")


def test_standard_output_stays_the_host_s(bccd_checkpoint: Path, bccd_test_images: list[Path], tmp_path: Path) -> None:
    program = """
import sys
from yolonas_plugin import NAS
mine = sys.stdout
model = NAS(sys.argv[1])
assert not any(name.startswith("super_gradients") for name in sys.modules)
model = NAS(sys.argv[1], backend="super-gradients")
model.predict(sys.argv[2], verbose=False)
assert sys.stdout is mine
print("done")
"""
    arguments = [str(bccd_checkpoint), str(bccd_test_images[0])]
    assert run([sys.executable, "-c", program, *arguments], tmp_path) == "done\n"
    command = [sys.executable, "-m", "yolonas_plugin.cli", "predict", "--json", "--no-save"]
    command += ["--weights", arguments[0], "--source", arguments[1], "--backend"]
    native, original = (
        json.loads(run([*command, backend], tmp_path))["images"][0]["detections"]
        for backend in ("native", "super-gradients")
    )
    assert len(original) == len(native) > 0
    assert [row["class"] for row in original] == [row["class"] for row in native]


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout
