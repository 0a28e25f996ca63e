"""On an NVIDIA GPU everything is what it is on the CPU, up to the rounding of its arithmetic."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from ultralytics.engine.results import Results

from tests.support.pictures import assert_same_boxes, picture
from tests.support.shapes import SIDE, draw, write_shapes
from yolonas_plugin import NAS, ModelZoo
from yolonas_plugin.errors import MissingExtraError, RuntimeChoiceError
from yolonas_plugin.nas.canvases import letterbox_batch
from yolonas_plugin.nas.training_state import read_training_state
from yolonas_plugin.nn.cuda_graphs import CALLS_BEFORE, RecordedNetwork
from yolonas_plugin.processing import COCO, POSE
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


# --- what makes it fast ---


def test_sizes_that_repeat_run_by_graphs_and_find_the_same(nano: Path) -> None:
    model, plain = NAS(nano), NAS(nano)
    expected = boxes(plain.predict([picture(seed) for seed in range(8)], device="cpu", batch=1, **QUIET))
    for call, wanted in enumerate(expected):
        (found,) = boxes(model.predict(picture(call), device=0, **QUIET))
        assert_same_boxes(found.numpy(), wanted.numpy(), atol=0.02)
    run = model.predictor.model.model.run
    assert isinstance(run, RecordedNetwork)
    assert run.replayed == 8 - CALLS_BEFORE
    weights = [p for p in run.network.parameters() if p.dim() == 4 and p.shape[1] > 1 and p.shape[2] > 1]
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)


def test_graphs_are_shared_by_threads(nano: Path) -> None:
    model = NAS(nano)
    pictures = [picture(seed) for seed in range(4)]
    expected = boxes([model.predict(image, device=0, **QUIET)[0] for image in pictures])
    with ThreadPoolExecutor(4) as pool:
        streams = pool.map(
            lambda i: boxes([*model.predict([pictures[i]] * 10, device=0, stream=True, **QUIET)]), range(4)
        )
        for found, wanted in zip(streams, expected, strict=True):
            for rows in found:
                assert_same_boxes(rows.numpy(), wanted.numpy(), atol=0.02)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_precision_is_what_the_weights_are_in(precision: str, trained: Path) -> None:
    model = NAS(trained / "weights" / "best.pt", precision=precision)
    for _ in range(CALLS_BEFORE + 2):
        (found,) = model.predict(draw(0)[0], device=0, conf=0.01, verbose=False)
    dtypes = {p.dtype for p in model.predictor.model.model.run.network.parameters()}
    assert dtypes == {getattr(torch, {"fp16": "float16", "bf16": "bfloat16"}[precision])}
    (full,) = boxes(NAS(trained / "weights" / "best.pt").predict(draw(0)[0], device=0, conf=0.01, verbose=False))
    assert (boxes([found])[0] - full[0]).abs().max(dim=1).values.min() < (0.5 if precision == "fp16" else 2)


def test_the_canvases_of_the_gpu_are_the_cpu_s() -> None:
    images = [picture(seed, height=100 + 40 * seed, width=150) for seed in range(4)]
    for spec in (COCO.with_size((160, 224)), POSE.with_size((96, 96))):
        found, places = letterbox_batch(images, spec, spec.size, torch.device("cuda", 0))
        expected, wanted = letterbox_batch(images, spec, spec.size, torch.device("cpu"))
        assert found.is_cuda
        assert places == wanted
        assert (found.cpu().int() - expected.int()).abs().max() <= 1


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", ["cuda", "tensorrt"])
def test_onnx_runtime_on_the_gpu_finds_the_same(
    name: str, precision: str, nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path))
    try:
        model = NAS(nano, runtime=name, precision=precision)
        results = model.predict([picture(seed) for seed in range(3)], conf=0.8, verbose=False)
    except (RuntimeChoiceError, MissingExtraError) as error:
        pytest.skip(str(error)[:200])
    expected = boxes(NAS(nano).predict([picture(seed) for seed in range(3)], device="cpu", conf=0.8, verbose=False))
    for found, wanted in zip(boxes(results), expected, strict=True):
        strong = wanted[wanted[:, 4] > 0.85]
        nearest = (found[None] - strong[:, None]).abs().amax(dim=2).amin(dim=1)
        assert nearest.max() < (0.5 if precision == "fp32" else 2)  # ONNX Runtime's convolutions round to TF32


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
