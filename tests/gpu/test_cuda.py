"""On an NVIDIA GPU everything is what it is on the CPU, up to the rounding of its arithmetic."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from ultralytics.engine.results import Results

from tests.support.pictures import assert_same_boxes, picture
from tests.support.shapes import SIDE, draw, write_shapes
from yolonas_plugin import NAS, ModelZoo
from yolonas_plugin.nas.training_state import read_training_state
from yolonas_plugin.weights import read_checkpoint

QUIET = {"conf": 0.3, "verbose": False}
TRAINING = {
    **dict.fromkeys(("mosaic", "scale", "translate", "fliplr", "hsv_h", "hsv_s", "hsv_v"), 0.0),
    "imgsz": SIDE,
    "batch": 8,
    "nbs": 8,
    "lr0": 2e-3,
    "optimizer": "AdamW",
    "device": 0,
    "plots": False,
    "verbose": False,
    "workers": 2,
    "val": False,
}


@pytest.fixture(autouse=True)
def _exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let convolutions compute in full float32: by default they round their inputs to 10 bits."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shapes(tmp_path_factory.mktemp("shapes"), train=16, val=8)


@pytest.fixture(scope="module")
def trained(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training in mixed precision, which is the default on a GPU."""
    folder = tmp_path_factory.mktemp("run")
    NAS("yolo_nas_n", pretrained=False).train(data=str(shapes), project=str(folder), name="a", epochs=40, **TRAINING)
    return folder / "a"


def boxes(results: list[Results]) -> list[torch.Tensor]:
    return [result.boxes.data.cpu() for result in results]


def losses(run: Path) -> list[float]:
    with (run / "results.csv").open() as file:
        return [float(row["train/box_loss"]) for row in csv.DictReader(file, skipinitialspace=True)]


# --- prediction ---


def test_the_boxes_are_those_of_the_cpu(nano: Path) -> None:
    images = [picture(seed) for seed in range(3)]
    on_cpu = boxes(NAS(nano).predict(images, device="cpu", **QUIET))
    on_gpu = NAS(nano).predict(images, device=0, **QUIET)
    assert on_gpu[0].boxes.data.is_cuda
    for found, expected in zip(boxes(on_gpu), on_cpu, strict=True):
        assert len(expected) > 5
        assert_same_boxes(found.numpy(), expected.numpy(), atol=0.02)


def test_half_precision_finds_the_same_things(trained: Path) -> None:
    for seed in range(4):
        (full,), (half,) = (
            boxes(
                NAS(trained / "weights" / "best.pt").predict(draw(seed)[0], device=0, conf=0.01, verbose=False, **more)
            )
            for more in ({}, {"half": True})
        )
        assert (half.float() - full[0]).abs().max(dim=1).values.min() < 0.5


def test_it_changes_devices_and_back(nano: Path) -> None:
    model = NAS(nano)
    first, on_gpu, again = (model.predict(picture(), device=device, **QUIET) for device in ("cpu", 0, "cpu"))
    assert_same_boxes(boxes(on_gpu)[0].numpy(), boxes(first)[0].numpy(), atol=0.02)
    assert torch.equal(boxes(first)[0], boxes(again)[0])


def test_a_tensor_that_is_on_the_gpu_already(nano: Path) -> None:
    model = NAS(nano)
    pixels = torch.rand(2, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    on_cpu = boxes(model.predict(pixels, device="cpu", **QUIET))
    on_gpu = boxes(model.predict(pixels.cuda(), device=0, **QUIET))
    for found, expected in zip(on_gpu, on_cpu, strict=True):
        assert_same_boxes(found.numpy(), expected.numpy(), atol=0.02)


def test_the_zoo_s_predictor_takes_a_device(nano: Path) -> None:
    predict = ModelZoo.discover().predictor(str(nano), provider="yolo_nas", device="cuda:0")
    (found,) = predict(picture())
    assert found.boxes.data.is_cuda


def test_memory_does_not_grow(nano: Path) -> None:
    model = NAS(nano)

    def used(predictions: int) -> int:
        for seed in range(predictions):
            model.predict(picture(seed % 5), device=0, **QUIET)
        torch.cuda.synchronize()
        return torch.cuda.memory_allocated()

    assert used(200) <= used(20)


# --- training and measuring ---


def test_mixed_precision_learns(trained: Path) -> None:
    assert losses(trained)[-1] < 0.4 * losses(trained)[0]
    assert all(
        tensor.isfinite().all() for tensor in read_checkpoint(trained / "weights" / "best.pt").state_dict.values()
    )


def test_so_does_bfloat16(shapes: Path, tmp_path: Path) -> None:
    model = NAS("yolo_nas_n", pretrained=False)
    model.train(data=str(shapes), project=str(tmp_path), name="a", epochs=40, **{**TRAINING, "amp": "bf16"})
    assert losses(tmp_path / "a")[-1] < 0.4 * losses(tmp_path / "a")[0]


def test_mixed_precision_is_close_to_single(shapes: Path, tmp_path: Path) -> None:
    for name, amp in (("full", False), ("mixed", True)):
        model = NAS("yolo_nas_n", pretrained=False)
        settings = {**TRAINING, "amp": amp, "lr0": 0.0, "warmup_epochs": 0}
        model.train(data=str(shapes), project=str(tmp_path), name=name, epochs=1, **settings)
    assert losses(tmp_path / "mixed")[0] == pytest.approx(losses(tmp_path / "full")[0], rel=0.01)


def test_it_goes_on_where_it_was_stopped(shapes: Path, tmp_path: Path) -> None:
    def stop(trainer: object) -> None:
        raise KeyboardInterrupt

    model = NAS("yolo_nas_n", pretrained=False)
    model.add_callback("on_model_save", stop)
    with pytest.raises(KeyboardInterrupt):
        model.train(data=str(shapes), project=str(tmp_path), name="a", epochs=3, **TRAINING)
    last = tmp_path / "a" / "weights" / "last.pt"
    assert read_training_state(last).progress["scaler"]["scale"] > 0
    NAS(last).train(resume=True, data=str(shapes), device=0)
    assert len(losses(tmp_path / "a")) == 3


def test_val_measures_the_same(trained: Path, shapes: Path, tmp_path: Path) -> None:
    def measure(device: str | int) -> float:
        settings = {"plots": False, "verbose": False, "workers": 0, "project": str(tmp_path), "device": device}
        return NAS(trained / "weights" / "best.pt").val(data=str(shapes), **settings).box.map

    assert measure(0) == pytest.approx(measure("cpu"), abs=0.002)


# --- files ---


def test_what_was_on_the_gpu_is_saved_and_exported(nano: Path, tmp_path: Path) -> None:
    model = NAS(nano)
    (expected,) = boxes(model.predict(picture(), device=0, **QUIET))
    model.save(tmp_path / "saved.safetensors")
    (saved,) = boxes(NAS(tmp_path / "saved.safetensors").predict(picture(), device="cpu", **QUIET))
    assert_same_boxes(saved.numpy(), expected.numpy(), atol=0.02)
    exported = model.export(format="onnx", output=tmp_path / "exported.onnx")
    (graph,) = boxes(NAS(exported).predict(picture(), device="cpu", **QUIET))
    assert_same_boxes(graph.numpy(), expected.numpy(), atol=0.02)
