"""What the provider says that its trainer takes is what the trainer takes."""

from __future__ import annotations

import pytest
from ultralytics.utils import DEFAULT_CFG_DICT

from model_zoo_api import ModelZoo, Setting
from yolonas_plugin.nas.settings import EFFECTIVE
from yolonas_plugin.nas.training_settings import REFUSED, SETTINGS
from yolonas_plugin.training_options import TRAINING

BY_NAME = {setting.name: setting for setting in TRAINING}
OURS = {"licence", "task", "trainer"}


def test_they_are_all_that_change_anything() -> None:
    """But ``name``, which calls of the contract have for themselves; what is refused has its reason from ``train``."""
    assert BY_NAME.keys() - OURS == EFFECTIVE["train"] - (REFUSED.keys() - SETTINGS.keys()) - {"name"}


@pytest.mark.parametrize("setting", TRAINING, ids=lambda setting: setting.name)
def test_ranges_and_defaults_are_the_trainer_s(setting: Setting) -> None:
    kind = SETTINGS.get(setting.name)
    if setting.default is not None:
        assert setting.default == DEFAULT_CFG_DICT.get(setting.name, setting.default)
        assert kind is None or kind.fits(setting.default)
    if kind is None:
        return
    for choice in setting.choices:
        assert kind.fits(choice)
    step = 1 if setting.kind == "integer" else 1e-6
    for limit, beyond in ((setting.minimum, -step), (setting.maximum, step)):
        if limit is not None and setting.kind in ("integer", "number"):
            assert kind.fits(limit) or (setting.name, limit) == ("time", 0)
            assert not kind.fits(limit + beyond)


def test_the_zoo_refuses_before_it_loads() -> None:
    zoo = ModelZoo.discover()
    for wrong in ({"epoch": 3}, {"epochs": 0}, {"lr0": 2}, {"optimizer": "MuSGD"}, {"mosaic": "often"}):
        with pytest.raises(TypeError, match=next(iter(wrong))):
            zoo.trainer("yolo_nas_s", **wrong)  # whose weights aren't here
