"""Training: it learns, what it writes is used everywhere, and it can be stopped at any moment."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from ultralytics import YOLO
from ultralytics.utils import LOGGER

from exhaustive import first
from tests.support import synthetic
from tests.support.engine import threads
from tests.support.shapes import NAMES, SIDE, draw
from yolonas_plugin import NAS
from yolonas_plugin.cards import CARDS
from yolonas_plugin.errors import CheckpointError, TrainingError, UnknownModelError
from yolonas_plugin.nas import NASTrainer
from yolonas_plugin.nas.finetune import keep_weights, parts
from yolonas_plugin.nas.module import build_module, untrained_module
from yolonas_plugin.nas.training_state import forget_rows, read_training_state
from yolonas_plugin.processing import COCO, SUPER_GRADIENTS, ProcessingSpec
from yolonas_plugin.weights import read_checkpoint

QUICK = {
    "imgsz": SIDE,
    "batch": 4,
    "epochs": 2,
    "plots": False,
    "verbose": False,
    "workers": 0,
    "nbs": 4,
    "device": "cpu",
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LOGGER, "level", LOGGER.level)


@pytest.fixture(scope="module")
def trained(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[NAS, Path]:
    """A model after two epochs from scratch, and their folder; beside it ``stopped``, its last.pt before the end."""
    folder = tmp_path_factory.mktemp("run")
    model = NAS("yolo_nas_n", pretrained=False)
    model.add_callback("on_model_save", lambda trainer: shutil.copy(trainer.last, folder / "stopped"))
    seen = set()
    for event in ("on_train_batch_start", "on_val_batch_start"):
        model.add_callback(event, lambda _: seen.add(torch.get_num_threads()))
    with threads(3):  # the engine would take all cores but one
        model.train(data=str(shapes), project=str(folder), name="a", licence="CC0-1.0", **QUICK)
    assert seen == {3}
    return model, folder / "a"


@pytest.fixture
def run(trained: tuple[NAS, Path]) -> Path:
    return trained[1]


def test_a_model_can_be_copied_right_after_its_training(trained: tuple[NAS, Path]) -> None:
    model, _ = trained
    assert model.trainer is not None  # which holds a loader in the middle of its work
    twin = deepcopy(model)
    assert twin.names == model.names
    assert twin.trainer is None


def same(tensor: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two are equal, up to what older engines round when they average a weight with itself."""
    return torch.allclose(tensor, other, rtol=1e-5, atol=1e-7)


def rows(run: Path) -> list[dict[str, str]]:
    with (run / "results.csv").open() as file:
        return [{name.strip(): value for name, value in row.items()} for row in csv.DictReader(file)]


# --- what comes out ---


def test_the_files_of_a_training(run: Path) -> None:
    assert {"best.pt", "last.pt", "best.safetensors"} == {path.name for path in (run / "weights").iterdir()}
    assert [int(row["epoch"]) for row in rows(run)] == [1, 2]
    assert {"train/box_loss", "train/cls_loss", "train/dfl_loss", "val/box_loss", "metrics/mAP50-95(B)"} < set(
        rows(run)[0]
    )
    assert all(float(row["train/cls_loss"]) > 0 for row in rows(run))


@pytest.mark.parametrize("name", ["best.pt", "last.pt", "best.safetensors"])
def test_they_describe_themselves(name: str, run: Path) -> None:
    found = read_checkpoint(run / "weights" / name)
    assert (found.size, found.class_names) == ("n", NAMES)
    assert found.processing == ProcessingSpec(size=(SIDE, SIDE), resize=(SIDE, SIDE))
    assert (found.licence, found.training_data) == ("CC0-1.0", "shapes")


def test_both_kinds_of_file_hold_the_same_weights(run: Path) -> None:
    first, second = (read_checkpoint(run / "weights" / name).state_dict for name in ("best.pt", "best.safetensors"))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_stock_ultralytics_opens_them(run: Path) -> None:
    image, _ = draw(0)
    ours = NAS(run / "weights" / "best.pt").predict(image, conf=0.001, verbose=False)[0]
    stock = YOLO(run / "weights" / "best.pt").predict(image, conf=0.001, imgsz=SIDE, verbose=False)[0]
    assert stock.names == dict(enumerate(NAMES))
    best = stock.boxes.data[stock.boxes.conf.argmax()]
    clipped = torch.cat((ours.boxes.xyxy.clamp(0, SIDE), ours.boxes.conf[:, None]), dim=1)  # as the engine does
    distance = (clipped - best[:5]).abs().max(dim=1).values
    assert distance.min() < 0.05  # no scaling and no padding, so the engine's letterbox is ours


def test_the_model_has_the_best_weights_afterwards(trained: tuple[NAS, Path]) -> None:
    model, run = trained
    best = read_checkpoint(run / "weights" / "best.pt").state_dict
    assert all(torch.equal(tensor, best[name]) for name, tensor in model.model.state_dict().items())
    assert model.names == dict(enumerate(NAMES))
    assert not model.model.training
    assert len(model.predict(draw(0)[0], verbose=False)) == 1


@pytest.mark.exhaustive
def test_what_was_said_of_the_first_weights_is_not_said_of_the_trained_ones(shapes: Path, tmp_path: Path) -> None:
    save_file(synthetic.network("n", num_classes=2).state_dict(), tmp_path / "bare.safetensors")
    model = NAS(tmp_path / "bare.safetensors", processing="coco", names=["cat", "dog"])
    model.train(data=str(shapes), project=str(tmp_path), name="a", **{**QUICK, "epochs": 1})
    assert (model.processing, model.names) == (COCO.with_size((SIDE, SIDE)), dict(enumerate(NAMES)))


@pytest.mark.exhaustive
def test_it_learns_a_few_pictures_by_heart(shapes: Path, tmp_path: Path) -> None:
    unchanged = dict.fromkeys(("mosaic", "scale", "translate", "fliplr", "hsv_h", "hsv_s", "hsv_v"), 0.0)
    settings = {**QUICK, **unchanged, "batch": 8, "epochs": 25, "val": False, "lr0": 2e-3, "optimizer": "AdamW"}
    NAS("yolo_nas_n", pretrained=False).train(data=str(shapes), project=str(tmp_path), name="a", **settings)
    first, *_, last = (float(row["train/box_loss"]) for row in rows(tmp_path / "a"))
    assert last < 0.3 * first


# --- beginning from other weights ---


def test_other_classes_keep_all_but_the_class_predictions(nano: Path) -> None:
    source = build_module(read_checkpoint(nano))
    weights = source.state_dict()
    module = untrained_module("yolo_nas_n")
    report = keep_weights(module, source)
    fresh = untrained_module("yolo_nas_n").state_dict()
    for name, tensor in module.state_dict().items():
        if ".cls_pred." in name:
            assert tensor.shape == fresh[name].shape
        else:
            assert torch.equal(tensor, weights[name])
    assert "kept 884 of 890" in report
    assert "heads.head2.cls_pred.bias" in report


@pytest.mark.parametrize(("names", "kept"), [(NAMES, 890), (NAMES[::-1], 884)])
def test_the_same_classes_keep_everything(names: tuple[str, ...], kept: int, nano: Path) -> None:
    source = build_module(read_checkpoint(nano))
    module = build_module(read_checkpoint(nano), names=names)
    assert f"kept {'all ' if kept == 890 else ''}{kept}" in keep_weights(module, source)


def test_training_goes_on_from_a_checkpoint_and_sees_what_prediction_sees(
    nano: Path, shapes: Path, tmp_path: Path
) -> None:
    seen: list[Any] = []

    class Watching(NASTrainer):
        def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
            pixels = batch["img"].clone()
            batch = super().preprocess_batch(batch)
            seen.append((pixels, batch["img"]))
            return batch

    model = NAS(nano)
    begun = []
    model.add_callback("on_pretrain_routine_end", lambda trainer: begun.append(trainer.model.state_dict()))
    model.train(
        Watching,
        data=str(shapes),
        project=str(tmp_path),
        name="a",
        **{**QUICK, "epochs": 1, "lr0": 0.0, "warmup_epochs": 0, "optimizer": "SGD"},
    )
    source = read_checkpoint(nano).state_dict
    parameters = dict(model.model.named_parameters())
    assert all(same(tensor, source[name]) for name, tensor in parameters.items())
    assert len(begun) == 1
    assert model.model.processing == read_checkpoint(nano).processing.with_size((SIDE, SIDE))
    pixels, images = seen[0]  # RGB, 0 to 255, as the engine's loader gives them
    assert torch.allclose(images, SUPER_GRADIENTS.normalise(pixels), atol=1e-4)


@pytest.mark.exhaustive
def test_weights_trained_from_published_ones_are_under_their_licence(
    nano: Path, shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Published files don't say it themselves; they are known by their hash."""
    monkeypatch.setattr("yolonas_plugin.nas.module.published_as", lambda path: CARDS[1] if path == nano else None)
    NAS(nano).train(data=str(shapes), project=str(tmp_path), name="a", **{**QUICK, "epochs": 1})
    for path in (tmp_path / "a" / "weights").iterdir():
        found = read_checkpoint(path)
        assert found.licence is not None
        assert found.licence.startswith("LicenseRef-Deci-YOLO-NAS https://")
        assert found.training_data == "COCO train2017, Objects365 + shapes"


@pytest.mark.parametrize(
    ("freeze", "frozen"),
    first(
        [(3, ("backbone.stem.", "backbone.stage1.", "backbone.stage2.")), (["backbone", 10], ("backbone.", "heads."))]
    ),
)
def test_frozen_parts_stay(freeze: Any, frozen: tuple[str, ...], nano: Path, shapes: Path, tmp_path: Path) -> None:
    model = NAS(nano)
    assert len(parts(model.model)) == 11
    model.train(data=str(shapes), project=str(tmp_path), name="a", freeze=freeze, **{**QUICK, "epochs": 1})
    source = read_checkpoint(nano).state_dict
    changed = {name for name, tensor in model.model.state_dict().items() if not same(tensor, source[name])}
    assert not [name for name in changed if name.startswith(frozen)]  # BatchNorm's statistics neither
    assert [name for name in changed if name.startswith("neck.")]


# --- stopping and going on ---

TRAIN = """
import sys
from yolonas_plugin import NAS
NAS("yolo_nas_n", pretrained=False).train(
    data=sys.argv[1], project=sys.argv[2], name="a", imgsz=96, batch=4, nbs=4, epochs=50,
    plots=False, workers=0, device="cpu",
)
"""


def wait_for(condition: Any, process: subprocess.Popen[str], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.exhaustive
@pytest.mark.parametrize("stop", first([signal.SIGINT, signal.SIGKILL]))
def test_a_training_that_was_stopped_goes_on(stop: signal.Signals, shapes: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", TRAIN, str(shapes), str(tmp_path)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    last = tmp_path / "a" / "weights" / "last.pt"
    wait_for(lambda: last.exists() and read_training_state(last).progress["epoch"] >= 0, process)
    process.send_signal(stop)
    process.communicate()
    assert process.returncode != 0
    state = read_training_state(last)
    done = state.progress["epoch"] + 1
    if stop == signal.SIGKILL:  # and what it was writing is cut off
        with (tmp_path / "a" / "results.csv").open("a") as file:
            file.write("99,1.0,2.")

    begun: list[dict[str, Any]] = []
    model = NAS(last)
    model.add_callback("on_pretrain_routine_end", lambda trainer: begun.append(deepcopy(trainer.optimizer.state)))
    model.add_callback("on_fit_epoch_end", lambda trainer: setattr(trainer, "stop", trainer.epoch >= done))
    model.train(resume=True, data=str(shapes))
    assert [int(row["epoch"]) for row in rows(tmp_path / "a")] == list(range(1, done + 2))
    assert len(begun[0]) == len(state.progress["optimizer"]["state"])
    assert all(
        torch.equal(old["exp_avg"], new["exp_avg"])
        for old, new in zip(state.progress["optimizer"]["state"].values(), begun[0].values(), strict=True)
    )
    assert (tmp_path / "a" / "weights" / "best.safetensors").exists()


def test_a_finished_training_has_nothing_to_resume(run: Path) -> None:
    with pytest.raises(CheckpointError, match="holds weights, not an unfinished training"):
        NAS(run / "weights" / "last.pt").train(resume=True, data="anything")


def test_an_unfinished_training_is_told_by_its_content(run: Path, tmp_path: Path) -> None:
    assert read_training_state(run.parent / "stopped").progress["epoch"] == 1
    shutil.copy(run / "weights" / "best.safetensors", tmp_path / "last.pt")
    with pytest.raises(CheckpointError, match="holds weights, not an unfinished training"):
        read_training_state(tmp_path / "last.pt")


@pytest.mark.parametrize("kind", ["deep", "doubling", "in itself"])
def test_a_hostile_state_of_a_training_is_refused_at_once(kind: str, run: Path, tmp_path: Path) -> None:
    content = torch.load(run.parent / "stopped", weights_only=False)
    nested: list[Any] = []
    if kind == "in itself":
        nested.append(nested)
    else:
        for _ in range(50):
            nested = [nested] if kind == "deep" else [nested, nested]
    torch.save({**content, "scaler": nested}, tmp_path / "last.pt")
    with pytest.raises(CheckpointError, match="the state of its training is damaged: it is nested"):
        read_training_state(tmp_path / "last.pt")


def test_rows_that_were_not_saved_are_forgotten(tmp_path: Path) -> None:
    table = tmp_path / "results.csv"
    table.write_text("epoch,time,loss\n1,0.1,5\n2,0.2,4\n3,0.3,3\n4,0.")
    forget_rows(table, after=2)
    assert table.read_text() == "epoch,time,loss\n1,0.1,5\n2,0.2,4\n"


# --- settings that can't be followed ---


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"freeze": ["spine"]}, "there is no part 'spine'; the parts are 0 to 10: backbone.stem"),
        ({"freeze": 11}, "freezes the whole network"),
        ({"optimizer": "MuSGD"}, "take SGD, AdamW or auto"),
    ],
)
def test_settings_that_can_t_be_followed(settings: dict[str, Any], message: str, shapes: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=message):
        NAS("yolo_nas_n", pretrained=False).train(data=str(shapes), project=str(tmp_path), **QUICK, **settings)


def test_no_model_of_that_name() -> None:
    with pytest.raises(UnknownModelError, match="yolo_nas_n, yolo_nas_s"):
        NAS("yolo_nas_x", pretrained=False)


def test_the_trainer_travels_to_other_processes(shapes: Path, tmp_path: Path) -> None:
    """The engine's launcher for several GPUs pickles the trainer's class, its settings and the network."""
    import cloudpickle

    trainer = NASTrainer(overrides={"model": "yolo_nas_n", "data": str(shapes), "project": str(tmp_path), **QUICK})
    module = trainer.get_model(cfg="n")
    with (tmp_path / "state").open("wb") as file:
        torch.save({"trainer": NASTrainer, "model": module}, file, pickle_module=cloudpickle)
    code = (
        "import sys, torch; state = torch.load(sys.argv[1], weights_only=False);"
        "print(state['trainer'].__name__, state['model'].names, state['model'].criterion is not None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "state")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"NASTrainer {dict(enumerate(NAMES))} True"
