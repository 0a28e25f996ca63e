"""The tables of options and settings say what loading and predicting take: names, ranges and defaults can't drift."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest

from model_zoo_api import ModelZoo, Setting
from model_zoo_api.errors import DependencyMissingError, SettingError
from tests.support.pictures import picture
from yolonas_plugin import NAS, factories
from yolonas_plugin.errors import MissingExtraError
from yolonas_plugin.errors import SettingError as OurSettingError
from yolonas_plugin.lean import LeanPredictor, open_lean
from yolonas_plugin.nas.settings import check_engine_settings
from yolonas_plugin.options import LEAN, OPTIONS, SETTINGS
from yolonas_plugin.runtimes import KINDS
from yolonas_plugin.settings import CHECKS

BY_NAME = {setting.name: setting for setting in (*OPTIONS, *SETTINGS)}
VALUES: tuple[Any, ...] = (
    *(-1, 0, 1, 2, 31, 32, 33, 640, 4096, 4128, -0.001, 0.0, 0.5, 1.0, 1.001),
    *(
        True,
        False,
        float("nan"),
        float("inf"),
        "",
        "0.5",
        "True",
        "cat",
        [64],
        [64, 96],
        [64, 65],
        [64, 64, 64],
        [],
        (),
    ),
)
SOUND = {"number": 0.5, "integer": 2, "flag": True, "size": 64, "classes": [0], "path": "somewhere", "any": "cpu"}


def test_the_options_are_those_of_the_loader_and_of_what_it_calls() -> None:
    names = {option.name for option in OPTIONS}
    own = {*inspect.signature(NAS.__init__).parameters} - {"self", "model"}
    assert names == own | {"lean"}
    assert {*factories.load.__kwdefaults__} - {"card"} <= names
    lean = {*inspect.signature(open_lean).parameters} - {"source", "options"}
    assert lean <= names


def test_defaults_are_those_of_the_signatures() -> None:
    found = {name: parameter.default for name, parameter in inspect.signature(NAS.__init__).parameters.items()}
    found |= factories.load.__kwdefaults__
    assert {option.name: option.default for option in OPTIONS} == {o.name: found[o.name] for o in OPTIONS}


def test_runtimes_and_precisions_are_all_there() -> None:
    assert set(BY_NAME["runtime"].choices) == {"torch", "auto", *KINDS}
    assert set(BY_NAME["precision"].choices) == {"auto", *(name for kind in KINDS.values() for name in kind.precisions)}


@pytest.mark.parametrize("name", [*CHECKS, "classes"])
def test_a_setting_takes_what_its_own_check_takes(name: str) -> None:
    """Each of the two refuses what the other refuses, so that a host hears of it before anything is loaded."""
    setting, names = BY_NAME[name], {index: f"class {index}" for index in range(1000)} | {0: "cat"}

    def by_check(value: Any) -> bool:
        try:
            check_engine_settings({name: value}, "predict", names)
        except OurSettingError:
            return False
        return True

    def by_table(value: Any) -> bool:
        try:
            setting.accept(value)
        except SettingError:
            return False
        return True

    differ = [value for value in VALUES if by_check(value) != by_table(value)]
    if name == "classes":  # which classes there are is known when the model is
        assert [value for value in differ if not by_table(value)] == []
    else:
        assert differ == []


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_setting_is_known_to_the_engine_and_where_it_says_so_to_lean(setting: Setting) -> None:
    value = SOUND[setting.kind]
    found = check_engine_settings({setting.name: setting.accept(value)}, "predict", {0: "cat"})
    assert len(found) == 1
    assert (setting.name in LEAN) == ("(not lean)" not in setting.help)


def test_lean_takes_all_that_it_should_and_nothing_else(nano: Any) -> None:
    pytest.importorskip("onnxruntime")
    lean = factories.load(str(nano), lean=True, runtime="onnxruntime")
    assert isinstance(lean, LeanPredictor)
    for setting in SETTINGS:
        given = {setting.name: 0 if setting.name == "device" else setting.accept(SOUND[setting.kind])}
        if setting.name in LEAN:
            factories.predictor(lean, **given)
        else:
            with pytest.raises(OurSettingError, match=f"no setting '{setting.name}'"):
                factories.predictor(lean, **given)


def test_every_option_and_setting_has_a_line_of_help() -> None:
    assert [setting.name for setting in BY_NAME.values() if not 5 < len(setting.help) < 120] == []


def test_a_host_s_mistake_is_found_before_the_weights_are_looked_for() -> None:
    zoo = ModelZoo.discover()
    for given, message in (
        ({"imgsz": 333}, "imgsz=333 must be one side in pixels"),
        ({"runtime": "openvono"}, "did you mean 'openvino'"),
        ({"lean": "yes"}, "lean='yes' must be True or False"),
        ({"presicion": "bf16"}, "did you mean 'precision'"),
        ({"lr0": 0.1}, "has no setting 'lr0'"),
        ({"load": {"conf": 0.4}}, "has no setting 'conf'; its predictor has it"),
    ):
        with pytest.raises(SettingError, match=message):
            zoo.predictor("no/such/file.pt", provider="yolo_nas", **given)


def test_settings_of_the_engine_go_through_the_zoo(nano: Any, model: NAS) -> None:
    predict = ModelZoo.discover().predictor(nano, provider="yolo_nas", conf=0.6, agnostic_nms=True, device="cpu")
    (found,) = predict(picture(), max_det=1)
    assert len(found) <= 1


@pytest.mark.parametrize("missing", ["torch", "ultralytics"])
def test_a_missing_package_is_the_contract_s_error(missing: str) -> None:
    """As where the plugin was installed without its dependencies; in a process that can't find the package."""
    program = f"""
import sys

class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Without())
from model_zoo_api import ModelZoo
from model_zoo_api.errors import DependencyMissingError

zoo = ModelZoo.discover()
for call in (lambda: zoo.load("a.pt", provider="yolo_nas"), lambda: zoo.task_map("yolo_nas")):
    try:
        call()
    except DependencyMissingError as error:
        print(error)
from yolonas_plugin.cli import main
sys.exit(main(["predict", "--source", __import__("yolonas_plugin").__file__]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    needs = f"needs the package {missing!r}, which is not installed: pip install {missing}"
    assert done.stdout.splitlines() == [
        f"provider 'yolo_nas': its {role} {needs}" for role in ("loader", "task_map")
    ], done.stderr
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"yolonas-plugin: error: yolonas-plugin predict {needs}"]
    assert issubclass(MissingExtraError, DependencyMissingError)
