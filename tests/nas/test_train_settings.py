"""What a training is told is checked when it begins; it trains at that size, from those pictures, or says why not."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml
from ultralytics.utils import DEFAULT_CFG, DEFAULT_CFG_DICT, LOGGER, plotting

from yolonas_plugin import NAS
from yolonas_plugin.data import open_data
from yolonas_plugin.engine import session
from yolonas_plugin.errors import DataNotFoundError, SettingError, TrainingError, WeightsNotFoundError
from yolonas_plugin.nas import NASTrainer, train
from yolonas_plugin.nas.dataset import SampleDataset
from yolonas_plugin.nas.trackers import check_tracker
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.weights import read_checkpoint

QUICK = {"imgsz": 64, "batch": 4, "nbs": 4, "workers": 0, "plots": False, "verbose": False, "device": "cpu"}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LOGGER, "level", LOGGER.level)


@pytest.fixture(scope="module")
def scratch() -> NAS:
    return NAS("yolo_nas_n", pretrained=False)


# --- settings ---


@pytest.fixture(scope="module")
def untrained() -> NAS:
    return NAS("yolo_nas_n", pretrained=False)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cfg": "a.yaml"}, "cfg='a.yaml': settings are given by name"),
        ({"distill_model": "teacher.pt"}, "distill_model='teacher.pt': YOLO-NAS isn't trained with a teacher"),
        ({"pretrained": "other.pt"}, "pretrained='other.pt': the weights to begin with are those that are opened"),
        ({"profile": True}, "profile=True: exports are measured by"),
        ({"nbs": 0}, "nbs=0"),
        ({"time": -1.0}, r"time=-1\.0: it must be None, or hours"),
        ({"workers": -3}, "workers=-3: it must be a whole number from 0"),
        ({"degrees": 900}, "degrees=900: it must be a number from -180 to 180"),
        ({"optimizer": "Optimizer"}, "optimizer='Optimizer': it must be 'auto' or 'SGD'"),
        ({"split": "../a"}, "split='../a': it must be 'train' or 'val' or 'test'"),
        ({"copy_paste_mode": "x"}, "copy_paste_mode='x'"),
        ({"cache": "/tmp"}, "cache='/tmp': it must be None, or True or False, or 'ram' or 'disk'"),
        ({"freeze": -1}, "freeze=-1"),
        ({"rect": True, "imgsz": [64, 96]}, r"rect=True .* and imgsz=\[64, 96\] isn't one"),
    ],
)
def test_a_setting_that_can_t_be_followed_is_refused(
    settings: dict[str, Any], message: str, untrained: NAS, shapes: Path
) -> None:
    if not settings.keys() & DEFAULT_CFG_DICT.keys():
        pytest.skip("this version of the engine has no such setting")
    with pytest.raises((TrainingError, SettingError), match=message):
        untrained.train(data=str(shapes), **{**QUICK, **settings})


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"data": "nowhere.yaml"}, DataNotFoundError),
        ({"data": None}, TrainingError),
        ({"time": -1.0}, TrainingError),
        ({"epocs": 3}, SettingError),
        ({"rect": True, "imgsz": [64, 96]}, TrainingError),
        ({"classes": ["square"]}, SettingError),
        ({"freeze": "nose"}, TrainingError),  # which only the network can tell, that the engine builds in its folder
        ({"device": "cuda:98"}, ValueError),
    ],
)
def test_a_training_that_is_refused_leaves_nothing(
    settings: dict[str, Any], error: type[Exception], scratch: NAS, shapes: Path, tmp_path: Path
) -> None:
    with pytest.raises(error):
        scratch.train(
            **{"data": str(shapes), "project": str(tmp_path / "a/new/place"), "name": "a", **QUICK, **settings}
        )
    assert not list(tmp_path.iterdir())


def test_what_was_in_a_folder_stays_when_a_training_is_refused(scratch: NAS, shapes: Path, tmp_path: Path) -> None:
    settings = {"data": str(shapes), "project": str(tmp_path), "name": "a", "exist_ok": True, **QUICK}
    (tmp_path / "a" / "weights").mkdir(parents=True)
    (tmp_path / "a" / "args.yaml").write_text("mine")
    with pytest.raises(SettingError):
        scratch.train(**settings, classes=["square"])
    assert (tmp_path / "a" / "args.yaml").read_text() == "mine"
    with pytest.raises(TrainingError):
        scratch.train(**settings, freeze="nose")
    assert (tmp_path / "a" / "args.yaml").exists()


@pytest.mark.parametrize("mean", [(0.4, 0.5, 0.6), (0.4, 0.5)])
def test_channels_that_contradict_the_weights_are_said(mean: tuple[float, ...], nano: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    cv2.imwrite(str(tmp_path / "a" / "a.png"), np.zeros((64, 64), np.uint8))
    (tmp_path / "a" / "a.txt").write_text("0 .5 .5 .4 .4\n")
    described = {"path": str(tmp_path), "train": "a", "val": "a", "names": ["x"], "channels": 1}
    trainer = NASTrainer(overrides={"data": described, "model": str(nano), **QUICK})
    weights = NAS(nano).model
    such = SimpleNamespace(with_size=lambda size: SimpleNamespace(mean=mean, std=None))
    weights.about = replace(weights.about, processing=such)  # of such a file
    with pytest.raises(TrainingError, match=rf"images of 1 channels, .* a mean of {len(mean)}, \[0\.4, 0\.5"):
        trainer.get_model(weights=weights)


def test_other_data_are_no_resumption(unfinished: Path, shapes: Path) -> None:
    described = {**yaml.safe_load(shapes.read_text()), "names": ["disc", "cross", "ring"]}
    trainer = NASTrainer(overrides={"resume": str(unfinished), "data": described})
    with pytest.raises(TrainingError, match=r"began with the classes 'disc', 'ring', 'cross' .* leave out resume"):
        trainer.setup_model()


# --- sizes ---


def test_a_training_has_the_size_of_its_weights(nano: Path, shapes: Path, tmp_path: Path) -> None:
    oblong = ProcessingSpec(size=(64, 96), resize=(60, 92))
    model = NAS(nano, processing=oblong)
    seen = set()
    model.add_callback("on_train_batch_end", lambda trainer: seen.add(trainer.canvas))
    settings = {name: value for name, value in QUICK.items() if name != "imgsz"}
    model.train(data=str(shapes), project=str(tmp_path), name="a", epochs=1, **settings)
    assert seen == {(64, 96)}
    assert model.processing == oblong
    assert read_checkpoint(tmp_path / "a" / "weights" / "last.pt").processing == oblong
    again = NASTrainer(overrides={"model": str(nano), "data": str(shapes), **QUICK, "imgsz": [96, 64]})
    assert (again.canvas, again.args.imgsz) == ((96, 64), 96)


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
@pytest.mark.parametrize("canvas", [(64, 96), (128, 64), (96, 96)])
def test_pictures_and_boxes_fit_the_canvas(canvas: tuple[int, int], mosaic: float, tmp_path: Path) -> None:
    """White rectangles on black: what is in a box is white, wherever augmentation has put it."""
    (tmp_path / "a").mkdir()
    for number, (height, width) in enumerate([(72, 96), (96, 48), (40, 160), (64, 64)]):
        image = np.zeros((height, width, 3), np.uint8)
        image[height // 4 : height // 2, width // 4 : width // 2] = 255
        cv2.imwrite(str(tmp_path / "a" / f"{number}.png"), image)
        (tmp_path / "a" / f"{number}.txt").write_text("0 .375 .375 .25 .25\n")
    data = open_data({"path": str(tmp_path), "train": "a", "val": "a", "names": ["x"]}, ["train"])
    unchanged = dict.fromkeys(("hsv_h", "hsv_s", "hsv_v"), 0.0)
    settings = SimpleNamespace(**{**vars(DEFAULT_CFG), **unchanged, "mosaic": mosaic, "mixup": 0.0, "scale": 0.1})
    dataset = SampleDataset(
        samples=data.splits["train"], canvas=canvas, imgsz=max(canvas), augment=True, hyp=settings, rect=False,
        batch_size=4, cache=None, stride=32, data=data.settings, task="detect",
    )  # fmt: skip
    boxes = 0
    for _ in range(5):
        for index in range(len(dataset)):
            sample = dataset[index]
            assert sample["img"].shape[1:] == canvas
            for x, y, width, height in (sample["bboxes"].numpy() * np.tile(canvas[::-1], 2)).tolist():
                if min(width, height) > 6:  # whole ones, not cut by the border
                    middle = sample["img"][
                        0, int(y - height / 4) : int(y + height / 4) + 1, int(x - width / 4) : int(x + width / 4) + 1
                    ]
                    assert middle.float().mean() > 200
                    boxes += 1
    assert boxes > 10


# --- pixels ---


def pictures(folder: Path, cache: str | None) -> SampleDataset:
    data = open_data({"path": str(folder), "train": "a", "val": "a", "names": ["x"]}, ["train"])
    return SampleDataset(
        samples=data.splits["train"], imgsz=64, augment=False, hyp=DEFAULT_CFG, rect=False, batch_size=2, cache=cache,
        stride=32, data=data.settings, task="detect",
    )  # fmt: skip


@pytest.mark.parametrize("cache", [None, "disk"])
def test_an_array_beside_a_picture_is_the_user_s_own(cache: str | None, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for ending, grey in (("png", 50), ("bmp", 200)):
        cv2.imwrite(str(tmp_path / "a" / f"a.{ending}"), np.full((64, 64, 3), grey, np.uint8))
    (tmp_path / "a" / "a.txt").write_text("0 .5 .5 .4 .4\n")
    np.save(tmp_path / "a" / "a.npy", np.array([{"a pickle": 1}], dtype=object))
    before = (tmp_path / "a" / "a.npy").read_bytes()
    dataset = pictures(tmp_path, cache)
    assert sorted(int(dataset.load_image(i)[0].mean()) for i in range(2)) == [50, 200]
    assert (tmp_path / "a" / "a.npy").read_bytes() == before
    kept = {"a.bmp.npy", "a.png.npy"} if cache else set()
    assert {path.name for path in (tmp_path / "a").glob("*.npy")} == {"a.npy", *kept}


# --- a loss that is no number ---


def poison(trainer: Any) -> None:
    next(trainer.model.parameters()).data.fill_(math.nan)
    next(trainer.ema.ema.parameters()).data.fill_(math.nan)


@pytest.mark.exhaustive
def test_a_training_that_diverges_leaves_nothing_unsound(nano: Path, shapes: Path, tmp_path: Path) -> None:
    model = NAS(nano)
    model.add_callback("on_train_epoch_end", lambda trainer: poison(trainer) if trainer.epoch == 1 else None)
    with pytest.raises(TrainingError, match=r"diverged in epoch 2: .*last\.pt is as it was after the last sound epoch"):
        model.train(data=str(shapes), project=str(tmp_path), name="a", epochs=2, val=False, **QUICK)
    for name in ("last.pt", "best.pt"):
        path = tmp_path / "a" / "weights" / name
        assert all(bool(tensor.isfinite().all()) for tensor in read_checkpoint(path).state_dict.values())


@pytest.mark.exhaustive
def test_the_engine_goes_back_to_last_pt_without_unpickling_it(
    nano: Path, shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(NASTrainer.__mro__[2], "_handle_nan_recovery"):
        pytest.skip("this version of the engine doesn't go back")
    monkeypatch.setattr(torch, "load", None)
    poisoned: list[int] = []

    def once(trainer: Any) -> None:
        if trainer.epoch == 1 and not poisoned:
            poisoned.append(trainer.epoch)
            poison(trainer)

    model = NAS(nano)
    model.add_callback("on_train_epoch_end", once)
    model.train(data=str(shapes), project=str(tmp_path), name="a", epochs=2, val=False, **QUICK)
    assert poisoned == [1]
    assert all(bool(tensor.isfinite().all()) for tensor in model.model.state_dict().values())


# --- strings of ours that the engine would act on ---


@pytest.mark.parametrize("name", ['a"; import os #.pt', "a\nb.pt", "a\\x.pt"])
def test_a_path_is_never_part_of_a_program(name: str, shapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "WRITES_PROGRAMS", True)
    trainer = NASTrainer(overrides={"model": "yolo_nas_n", "data": str(shapes), **QUICK})
    trainer.ddp, trainer.args.model = True, name
    with pytest.raises(TrainingError, match="writes the path into a program"):
        trainer.train()


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/model", "grpc://127.0.0.1:9/m", "https://hub.ultralytics.com/models/x"]
)
def test_an_address_is_no_weight_file(address: str) -> None:
    with pytest.raises(WeightsNotFoundError, match="this is an address, not a file"):
        NAS(address)


@pytest.mark.parametrize(
    "more", [{"with_reid": True}, {"with_reid": True, "model": "evil.pt"}, {"model": "http://a/b.pt"}]
)
def test_a_tracker_s_file_names_no_second_model(more: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(yaml.safe_dump({"tracker_type": "botsort", **more}))
    with pytest.raises(SettingError, match="asks for a second model"):
        check_tracker(path)
    assert check_tracker("bytetrack.yaml").endswith("bytetrack.yaml")
    for missing in ("http://127.0.0.1:9/t.yaml", "absent.yaml"):
        with pytest.raises(SettingError, match=r"there is no such file; the engine has botsort\.yaml"):
            check_tracker(missing)


def test_no_font_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("ultralytics.utils.downloads.is_url", lambda *args, **kwargs: asked.append(args))
    with session():
        assert Path(plotting.check_font("Absent.Font.ttf")).exists()
        plotting.Annotator(np.zeros((64, 64, 3), np.uint8), example="猫", pil=True)
    assert asked == []
