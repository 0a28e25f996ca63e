"""What settings may be: one answer, whoever asks."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from yolonas_plugin.errors import DataNotFoundError, SettingError, SourceError, YoloNASPluginError
from yolonas_plugin.settings import (
    check_classes,
    check_count,
    check_flag,
    check_fraction,
    check_imgsz,
    check_settings,
    check_source,
    nearest,
)

NAMES = {0: "helmet", 1: "vest", 2: "7", 3: "vest"}


@pytest.mark.parametrize(
    ("given", "size"),
    [
        (640, (640, 640)),
        ([64, 96], (64, 96)),
        ((32,), (32, 32)),
        (np.int64(96), (96, 96)),
        (np.array([64, 96]), (64, 96)),
        (np.array(64), (64, 64)),
        (4096, (4096, 4096)),
    ],
)
def test_an_input_size_is_one_side_or_both(given: Any, size: tuple[int, int]) -> None:
    found = check_imgsz(given)
    assert found == size
    assert all(type(side) is int for side in found)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (100, "nearest to 100 is 96"),
        ([640, 630], "nearest to 630 is 640"),
        (0, "nearest to 0 is 32"),
        (-64, "nearest to -64 is 32"),
        (4128, "nearest to 4128 is 4096"),
        (10**400, "is 4096"),
        ("640", "no input size"),
        (640.0, "no input size"),
        (float("nan"), "no input size"),
        (True, "no input size"),
        ([64, True], "no input size"),
        ([], "no input size"),
        ([64, 64, 64], "no input size"),
        (np.zeros((2, 2), int), "no input size"),
        ({"h": 64}, "no input size"),
    ],
)
def test_other_input_sizes_are_refused_and_the_nearest_is_named(given: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        check_imgsz(given)


@pytest.mark.parametrize("value", [0, 1, 0.4, np.float32(0.5), np.array(0.25), Fraction(1, 4)])
def test_a_fraction_is_a_number_from_0_to_1(value: Any) -> None:
    assert type(check_fraction("conf", value)) is float
    assert check_fraction("conf", value) == value


@pytest.mark.parametrize("value", ["0.4", -0.1, 1.01, float("nan"), float("inf"), True, [0.4], 40, 1j, b"1"])
def test_nothing_else_is_a_fraction(value: Any) -> None:
    with pytest.raises(SettingError, match=r"conf=.* must be a number from 0 to 1"):
        check_fraction("conf", value)


@pytest.mark.parametrize("value", [0, -1, 1.5, 2.0, "8", True, float("nan"), 1 << 31, None, [3]])
def test_a_count_is_a_whole_number_of_1_or_more(value: Any) -> None:
    assert check_count("batch", np.uint8(3)) == 3
    with pytest.raises(SettingError, match=r"batch=.* must be a whole number, 1 or more"):
        check_count("batch", value)


def test_a_switch_is_true_or_false() -> None:
    assert [check_flag("rect", value) for value in (True, False, 1, 0, np.bool_(True))] == [
        True,
        False,
        True,
        False,
        True,
    ]
    for value in ("False", 2, 0.0, [], np.zeros(2)):
        with pytest.raises(SettingError, match="must be True or False"):
            check_flag("rect", value)


@pytest.mark.parametrize(
    ("given", "indices"),
    [
        (1, [1]),
        ("helmet", [0]),
        (["helmet", 2, 0], [0, 2]),
        ("vest", [1, 3]),  # both bear the name
        ("7", [2]),  # a name comes before a number
        ("3", [3]),
        ((np.int32(2),), [2]),
        (np.array([2, 0]), [2, 0]),
        (range(2), [0, 1]),
        ([], []),
    ],
)
def test_classes_are_given_by_index_or_name(given: Any, indices: list[int]) -> None:
    assert check_classes(given, NAMES) == indices


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("helmt", "did you mean 'helmet'"),
        (["vest", "Helmet"], r"classes=\['Helmet'\].*did you mean 'helmet'"),
        ([4], r"classes=\[4\].*classes are 0 to 3$"),
        ([-1], "0 to 3$"),
        ([True], "0 to 3$"),
        ([1.0], "0 to 3$"),
        ([None], "0 to 3$"),
        ("9", "0 to 3$"),
    ],
)
def test_classes_that_there_are_not_are_refused_and_the_nearest_is_named(given: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        check_classes(given, NAMES)


def test_settings_come_back_as_they_are_meant_without_those_that_are_none() -> None:
    given = {"conf": np.float64(0.5), "iou": None, "imgsz": 64, "classes": "helmet", "other": "x"}
    assert check_settings(given, given, "predict", NAMES) == {
        "conf": 0.5,
        "imgsz": (64, 64),
        "classes": [0],
        "other": "x",
    }


@pytest.mark.parametrize(
    ("name", "near"),
    [("confidence", "conf"), ("cnof", "conf"), ("conf_thres", "conf"), ("img_size", "imgsz"), ("clases", "classes")],
)
def test_an_unknown_setting_is_refused_and_the_nearest_is_named(name: str, near: str) -> None:
    known = ("conf", "iou", "max_det", "classes", "imgsz", "rect", "cos_lr", "close_mosaic")
    assert nearest(name, known) == near
    with pytest.raises(SettingError, match=f"predict has no setting '{name}' .did you mean '{near}'"):
        check_settings({name: 1}, known, "predict")


def test_a_word_that_another_begins_with_is_nearer_than_one_of_more_like_letters() -> None:
    assert nearest("conf_threshold", ["confusion_threshold", "conf"]) == "conf"
    assert nearest("io", ["iou", "conf"]) == "iou"  # two letters are too few for that


@pytest.mark.parametrize("source", [None, "", "  ", True, False, [None], ["x.png", ""], (True,)])
def test_a_source_that_names_nothing_is_refused(source: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.png").touch()
    with pytest.raises(SourceError, match="is no image; give a path"):
        check_source(source)


def test_a_source_has_to_exist(tmp_path: Path) -> None:
    there = tmp_path / "there.png"
    there.touch()
    for source in (there, str(there), [there, str(tmp_path)], 0, "0", "https://example.org/x", "screen 1", "*.png"):
        check_source(source)
    for source in ([], (), tmp_path / "x.png", [there, tmp_path / "x.png"], "x\0y"):
        with pytest.raises(DataNotFoundError, match="there is no"):
            check_source(source)


def test_one_error_is_what_callers_caught_before() -> None:
    for before in (YoloNASPluginError, ValueError, TypeError):
        assert issubclass(SettingError, before)


def test_checking_settings_imports_nothing_heavy() -> None:
    program = "import sys, yolonas_plugin.settings; print({'numpy', 'torch', 'cv2', 'ultralytics'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
