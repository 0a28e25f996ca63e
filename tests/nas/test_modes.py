"""A setting does something in the mode that it is given to, or is refused: the engine takes all of them everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ultralytics.utils import DEFAULT_CFG_DICT

from tests.support.pictures import picture
from yolonas_plugin import NAS
from yolonas_plugin.errors import RuntimeChoiceError, SettingError
from yolonas_plugin.factories import predictor, trainer, validator
from yolonas_plugin.nas import NASPredictor, NASTrainer, NASValidator
from yolonas_plugin.nas.model import TASK_MAP
from yolonas_plugin.nas.settings import EFFECTIVE, check_effect, check_engine_settings


@pytest.fixture(scope="module")
def model(nano: Path) -> NAS:
    return NAS(nano)


ELSEWHERE = {
    "predict": {"epochs": 3, "data": "a.yaml", "workers": 2, "plots": False, "tracker": "a.yaml", "single_cls": True},
    "track": {"lr0": 0.1, "split": "test", "format": "onnx", "save_json": True, "cache": True},
    "val": {"tracker": "a.yaml", "epochs": 3, "fraction": 0.5, "cache": True, "save_crop": True, "vid_stride": 2},
    "train": {"augment": True, "dnn": True, "opset": 17, "show": True, "vid_stride": 2, "visualize": True},
}
"""Settings of other modes."""

NOWHERE = {"retina_masks": True, "mask_ratio": 2, "overlap_mask": False, "pose": 3.0, "erasing": 0.1, "workspace": 4}
LOSS = {"box": 3.0, "cls": 1.0, "dfl": 2.0, "dropout": 0.1}

CASES = [
    *((mode, name, value) for mode, settings in ELSEWHERE.items() for name, value in settings.items()),
    *((mode, name, value) for mode in EFFECTIVE for name, value in (NOWHERE | LOSS).items()),
]


@pytest.mark.parametrize(("mode", "name", "value"), CASES)
def test_a_setting_that_would_change_nothing_is_refused(mode: str, name: str, value: Any) -> None:
    with pytest.raises(SettingError, match=rf"^{mode}: {name}=.* would change nothing: .*; leave it out"):
        check_engine_settings({name: value}, mode)


def test_every_setting_of_the_engine_is_judged_in_every_mode() -> None:
    """A setting that a later engine brings is refused until someone has looked what it does here."""
    for mode, names in EFFECTIVE.items():
        for name, default in DEFAULT_CFG_DICT.items():
            if name == "mode":
                continue
            check_effect({name: default}, mode)  # asks for nothing
            check_effect({name: None}, mode)
            if name not in names | {"task"}:
                with pytest.raises(SettingError, match=name):
                    check_effect({name: object()}, mode)


def test_the_message_says_where_a_setting_belongs() -> None:
    with pytest.raises(SettingError, match="epochs=3 would change nothing: it is a setting of train"):
        check_engine_settings({"epochs": 3}, "predict")
    with pytest.raises(SettingError, match="save_crop=True would change nothing: it is a setting of predict"):
        check_engine_settings({"save_crop": True}, "val")
    with pytest.raises(SettingError, match=r"box=3\.0 would change nothing: the loss is super-gradients'"):
        check_engine_settings({"box": 3.0}, "train")


CALLS: dict[str, Callable[..., Any]] = {
    "predict": lambda model, /, **settings: model.predict(picture(), verbose=False, **settings),
    "track": lambda model, /, **settings: model.track(picture(), verbose=False, **settings),
    "val": lambda model, /, **settings: model.val(data="nowhere.yaml", **settings),
    "train": lambda model, /, **settings: model.train(data="nowhere.yaml", **settings),
    "predictor": lambda model, /, **settings: predictor(model, **settings),
    "validator": lambda model, /, **settings: validator(model, **settings),
    "trainer": lambda model, /, **settings: trainer(model, **settings),
    "NASPredictor": lambda model, /, **settings: NASPredictor(overrides=settings),
    "NASValidator": lambda model, /, **settings: NASValidator(args=settings),
    "NASTrainer": lambda model, /, **settings: NASTrainer(overrides=settings),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("settings", [{"retina_masks": True}, {"task": "segment"}, {"mode": "export"}])
def test_every_way_in_refuses_them(
    call: str, settings: dict[str, Any], model: NAS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingError, match=next(iter(settings))):
        CALLS[call](model, **settings)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("call", ["predict", "track", "val", "train"])
def test_another_model_is_no_setting_of_the_one_that_is_open(call: str, model: NAS) -> None:
    with pytest.raises(SettingError, match=r"model='other.pt' .* open another one"):
        CALLS[call](model, model="other.pt")


@pytest.mark.parametrize("name", TASK_MAP["detect"])
@pytest.mark.parametrize("as_dict", [{"confidence": 0.4}, {"conf": 0.4, "imgs": 64}])
def test_the_engine_s_classes_name_the_nearest_setting(
    name: str,
    as_dict: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As hosts use them, that take them out of the task map."""
    monkeypatch.chdir(tmp_path)
    kind = TASK_MAP["detect"][name]
    with pytest.raises(SettingError, match=r"has no setting '(confidence|imgs)' .did you mean '(conf|imgsz)'"):
        kind(**{"args" if kind is NASValidator else "overrides": as_dict})
    assert "yolo TASK MODE" not in caplog.text
    assert not list(tmp_path.iterdir())


def test_the_engine_s_classes_check_values_too(nano: Path) -> None:
    for kind, key in ((NASPredictor, "overrides"), (NASValidator, "args"), (NASTrainer, "overrides")):
        with pytest.raises(SettingError, match="conf=2 must be a number from 0 to 1"):
            kind(**{key: {"conf": 2}})
    with pytest.raises(RuntimeChoiceError, match="rect=True"):
        NASValidator(args={"rect": True})
    assert NASPredictor(overrides={"model": str(nano), "mode": "predict", "conf": 0.4}).args.conf == 0.4
