"""Options and settings as data: what a record may say, which values it takes, and what is said of others."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import pickle
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import pytest

from model_zoo_api import ModelCard, ModelProvider, Setting
from model_zoo_api.errors import ModelZooError, SettingError
from model_zoo_api.settings import CANCELLED, PROGRESS, RESERVED, Kind, check_settings

CONF = Setting(name="conf", kind="number", minimum=0, maximum=1, help="lowest score")
COUNT = Setting(name="max_det", kind="integer", default=300, minimum=1, help="most boxes")
RECT = Setting(name="rect", kind="flag", default=False)
TEXT = Setting(name="note", kind="text")
CHOICE = Setting(name="runtime", kind="choice", choices=("torch", "openvino"))
NUMBERED = Setting(name="level", kind="choice", choices=(1, 2))
SIZE = Setting(name="imgsz", kind="size", minimum=32, maximum=1024, multiple_of=32)
CLASSES = Setting(name="classes", kind="classes")
PATH = Setting(name="calibration", kind="path")
ANY = Setting(name="processing", kind="any")
ALL = (CONF, COUNT, RECT, TEXT, CHOICE, NUMBERED, SIZE, CLASSES, PATH, PROGRESS, CANCELLED, ANY)


def test_there_is_a_setting_of_each_kind_here() -> None:
    assert {setting.kind for setting in ALL} == set(get_args(Kind))


@pytest.mark.parametrize(
    ("setting", "given", "meant"),
    [
        (CONF, 0, 0),
        (CONF, 0.25, 0.25),
        (CONF, 1, 1),
        (CONF, Fraction(1, 4), 0.25),
        (COUNT, 1, 1),
        (RECT, True, True),
        (RECT, 0, False),
        (TEXT, "", ""),
        (CHOICE, "torch", "torch"),
        (NUMBERED, 2, 2),
        (SIZE, 64, 64),
        (SIZE, [64], 64),
        (SIZE, [64, 96], (64, 96)),
        (SIZE, range(32, 33), 32),
        (CLASSES, "cat", ["cat"]),
        (CLASSES, 0, [0]),
        (CLASSES, ("cat", 3), ["cat", 3]),
        (CLASSES, [], []),
        (PATH, "images/", "images/"),
        (PATH, Path("images"), Path("images")),
        (PROGRESS, print, print),
        (ANY, {"mean": 0}, {"mean": 0}),
    ],
)
def test_a_value_comes_back_as_it_is_meant(setting: Setting, given: Any, meant: Any) -> None:
    found = setting.accept(given)
    assert (found, type(found)) == (meant, type(meant))


@pytest.mark.parametrize(
    ("setting", "given"),
    [
        *((CONF, value) for value in (-0.01, 1.01, "0.5", True, math.nan, math.inf, [0.5], 10**400)),
        *((COUNT, value) for value in (0, 1.0, "3", True, math.nan)),
        *((RECT, value) for value in ("True", "False", "", 2, 0.0, [True])),
        *((TEXT, value) for value in (1, b"text", ["text"], True)),
        *((CHOICE, value) for value in ("torhc", "", 1, True, ["torch"])),
        *((NUMBERED, value) for value in (True, "1", 3, 1.0)),
        *((SIZE, value) for value in (0, -32, 33, 2048, 64.0, "64", [], [64, 64, 64], [64, None], True)),
        *((CLASSES, value) for value in (-1, 1.5, True, [None], [["cat"]], b"cat")),
        *((PATH, value) for value in ("", "  ", 3, b"images", ["images"])),
        *((PROGRESS, value) for value in (True, "print", 1)),
    ],
)
def test_a_value_of_another_kind_or_out_of_range_is_refused(setting: Setting, given: Any) -> None:
    with pytest.raises(SettingError) as caught:
        setting.accept(given)
    message = str(caught.value)
    assert message.startswith(f"{setting.name}=")
    assert setting.allowed in message
    assert message.isprintable()
    assert isinstance(caught.value, (ModelZooError, TypeError, ValueError))


def test_the_message_says_what_was_found_and_what_is_allowed() -> None:
    said = {
        CONF: ("2", "conf=2 must be a number from 0 to 1"),
        COUNT: ("0", "max_det=0 must be a whole number of 1 or more"),
        CHOICE: ("'torhc'", "runtime='torhc' must be one of torch, openvino; did you mean 'torch'?"),
        SIZE: ("33", "imgsz=33 must be one side in pixels, or height and width, each from 32 to 1024, each a multiple"),
        RECT: ("'False'", "rect='False' must be True or False"),
    }
    for setting, (given, message) in said.items():
        with pytest.raises(SettingError) as caught:
            setting.accept(eval(given))
        assert message in str(caught.value)


def test_numbers_of_numpy_become_python_s() -> None:
    np = pytest.importorskip("numpy")
    found = [
        CONF.accept(np.float32(0.5)),
        COUNT.accept(np.int64(3)),
        RECT.accept(np.bool_(True)),
        COUNT.accept(np.array(7)),
    ]
    assert [(value, type(value)) for value in found] == [(0.5, float), (3, int), (True, bool), (7, int)]
    assert SIZE.accept(np.array([64, 96])) == (64, 96)
    assert CLASSES.accept(np.array([0, 2])) == [0, 2]
    for setting, value in (
        (COUNT, np.float32(3)),
        (CONF, np.float32("nan")),
        (RECT, np.float64(1)),
        (CONF, np.ones(2)),
    ):
        with pytest.raises(SettingError):
            setting.accept(value)


def test_none_is_as_if_it_were_not_given() -> None:
    assert [setting.accept(None) for setting in ALL] == [None] * len(ALL)
    assert check_settings({"conf": None, "max_det": 3}, ALL, "it") == {"max_det": 3}


@pytest.mark.parametrize(("name", "near"), [("cnof", "conf"), ("confidence", "conf"), ("class", "classes")])
def test_an_unknown_name_is_refused_and_the_nearest_is_named(name: str, near: str) -> None:
    with pytest.raises(SettingError, match=rf"^the predictor of 'acme' has no setting '{name}'; did you mean '{near}'"):
        check_settings({name: 1}, ALL, "the predictor of 'acme'")


def test_an_unknown_name_may_be_near_to_another_s_settings_or_to_none() -> None:
    with pytest.raises(SettingError, match="did you mean 'rect'"):
        check_settings({"rekt": 1}, (CONF,), "it", others=(RECT,))
    with pytest.raises(SettingError, match=r"no setting 'rect'; its loader has it$"):
        check_settings({"rect": True}, (CONF,), "it", others=(RECT,), whose="its loader")
    with pytest.raises(SettingError, match=r"no setting 'zzz'; known are conf$"):
        check_settings({"zzz": 1}, (CONF,), "it")
    with pytest.raises(SettingError, match=r"no setting 'zzz'; there are none$"):
        check_settings({"zzz": 1}, (), "it")


# -- the record --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ALL, ids=lambda setting: setting.name)
def test_a_setting_is_plain_data(setting: Setting) -> None:
    assert pickle.loads(pickle.dumps(setting)) == setting
    assert hash(setting) == hash(dataclasses.replace(setting))
    again = Setting(**json.loads(json.dumps(dataclasses.asdict(setting))))
    again.check()  # which makes tuples of lists
    assert again == setting
    with pytest.raises(dataclasses.FrozenInstanceError):
        setting.default = 3


@pytest.mark.parametrize(
    "changes",
    [
        {"name": 3},
        {"extra": {3: 4}},
        {"name": "max det"},
        {"name": "lambda"},
        {"name": ""},
        *({"name": name} for name in RESERVED),
        {"kind": "number of"},
        {"kind": None},
        {"help": None},
        {"help": "one\ntwo"},
        {"minimum": "0"},
        {"minimum": math.nan},
        {"maximum": True},
        {"minimum": 2},
        {"multiple_of": 32},
        {"kind": "size", "multiple_of": 0},
        {"kind": "size", "multiple_of": 1.5},
        {"kind": "text", "minimum": 1},
        {"choices": ("a",)},
        {"kind": "choice"},
        {"kind": "choice", "choices": "ab"},
        {"kind": "choice", "choices": 3},
        {"kind": "choice", "choices": (True, 1.5)},
        {"default": "0.5"},
        {"default": 2},
        {"default": math.nan},
        {"kind": "any", "default": object()},
        {"kind": "any", "default": math.inf},
        {"kind": "choice", "choices": ("a",), "default": "b"},
    ],
    ids=str,
)
def test_a_setting_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    fields = {"name": "conf", "kind": "number", "minimum": None if "kind" in changes else 0, "maximum": None}
    fields |= {} if "kind" in changes or "maximum" in changes else {"maximum": 1}
    with pytest.raises((TypeError, ValueError)):
        Setting(**{**fields, **changes}).check()


def test_a_default_that_never_ends_is_taken_by_what_it_holds() -> None:
    class Endless(list):
        def __iter__(self):
            return itertools.repeat(1)

    setting = Setting(name="mean", kind="any", default=Endless([1, [2, "three"]]))
    setting.check()
    assert setting.default == (1, (2, "three"))


def test_a_setting_of_a_later_contract_keeps_what_is_not_known_and_takes_anything() -> None:
    later = Setting(name="tint", kind="colour", default="#fff", unit="sRGB", minimum=3, choices=("a",))
    later.check()
    assert later.extra == {"unit": "sRGB"}
    assert later.accept(["any", "thing"]) == ["any", "thing"]
    assert later.allowed.startswith("colour")
    assert check_settings({"tint": 3}, (later,), "it") == {"tint": 3}


# -- of a provider -----------------------------------------------------------------------------------------------------


def provider(**changes: Any) -> ModelProvider:
    card = ModelCard(name="acme_tiny", task="detect", input_size=(320, 320))
    return ModelProvider(**{"name": "acme", "api_version": 1, "models": (card,), "loader": "acme:load", **changes})


def test_a_provider_says_its_options_and_settings_or_does_not() -> None:
    assert (provider().options, provider().settings) == (None, None)
    found = provider(options=[CHOICE], settings=())
    assert (found.options, found.settings) == ((CHOICE,), ())
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"options": ("runtime",)}, "options holds 'runtime', not a Setting"),
        ({"settings": CONF}, "settings is Setting.*, expected a tuple of Setting"),
        ({"settings": (CONF, CONF)}, "has an option or a setting twice: conf"),
        ({"options": (CONF,), "settings": (CONF,)}, "has an option or a setting twice: conf"),
        ({"options": (CONF,), "trainer_settings": (CONF,)}, "has an option or a setting twice: conf"),
        ({"trainer_settings": (CONF, CONF)}, "has an option or a setting twice: conf"),
    ],
)
def test_what_is_no_table_of_settings_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        provider(**changes).check()
