"""The suite passes a sound provider, and finds each fault of the broken ones by the checks that are meant for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from textwrap import indent
from xml.etree import ElementTree

import pytest

from broken import CLASSIFIER, FAULTS, LOADER_ONLY, POSE, SAMPLES_1, SOUND, SOUND_1
from exhaustive import sample
from model_zoo_api.testing import ProviderConformance
from sites import Site

CHECKS = {name for name in dir(ProviderConformance) if name.startswith("test_")}
KNOWN = {"test_conf_is_a_setting": "the factory's settings win"}
WITHOUT_NUMPY = {"test_an_array_is_as_its_file"} if find_spec("numpy") is None else set()
"""What is skipped where there are no arrays."""

UNPUBLISHED = 'without_weights = {"unpublished"}\n'

TEST_FILE = """
import pytest
from acme_{name} import PROVIDER
from model_zoo_api.testing import HEAVY, ProviderConformance


class TestProvider(ProviderConformance):
    heavy = HEAVY | {{"wave"}}
    settings = {{"conf": 0.3}}
{more}
    @pytest.fixture
    def provider(self):
        return PROVIDER

    @pytest.fixture
    def work(self, tmp_path):
        return {{"validator": {{"data": "any"}}, "trainer": {{"epochs": 1}}, "exporter": {{"folder": tmp_path}}}}
"""

SINCE_2 = {
    "test_a_folder_gives_its_images_by_name",
    "test_a_predictor_can_be_closed",
    "test_a_stream_is_as_the_call",
    "test_an_array_is_as_its_file",
    "test_an_empty_list_gives_nothing",
    "test_conf_has_a_range",
    "test_damaged_image_is_an_outcome",
    "test_defaults_are_what_they_say",
    "test_results_have_the_size_of_the_image",
    "test_settings_take_what_they_say",
    "test_unknown_option_is_refused",
    "test_unknown_setting_is_refused",
    "test_what_is_bad_in_a_list_costs_nothing_else",
}
"""What the contract's first version didn't say."""

Outcomes = Mapping[str, Mapping[str, str]]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What became of each check, by provider that this run asks for: all in one run of pytest, each provider in a
    distribution of its own."""
    folder = tmp_path_factory.mktemp("conformance")
    site = Site(folder / "site")
    tests = folder / "tests"
    tests.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")

    def add(name: str, source: str, entry_point: str = "acme_{name}", more: str = UNPUBLISHED) -> None:
        files = {f"acme_{name}.py": source}
        site.add(f"acme-{name}", "1.0", entry_points={name: entry_point.format(name=name)}, files=files)
        (tests / f"test_{name}.py").write_text(TEST_FILE.format(name=name, more=indent(more, "    ")))

    asked = {getattr(item, "callspec", None) and item.callspec.params.get("name") for item in request.session.items}
    for name, fault in FAULTS.items():
        if name in asked:
            add(name, fault.source(), fault.entry_point)
    add("sound", SOUND)
    add("pose", POSE)
    add("loader_only", LOADER_ONLY)
    add("classifier", CLASSIFIER)
    add("of_version_1", SOUND_1, more="")
    add("samples_of_version_1", SAMPLES_1, more="")
    add("unpublished_card", SOUND, more="")
    add("misspelt_card", SOUND, more='without_weights = {"unpublished", "pulbished"}\n')
    add("fault_is_known", FAULTS["lets_the_factory_win"].source(), more=f"{UNPUBLISHED}xfail = {KNOWN!r}\n")
    add("fault_is_gone", SOUND, more=f"{UNPUBLISHED}xfail = {KNOWN!r}\n")

    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", str(tests)]
    path = os.pathsep.join(filter(None, [str(site.path), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )
    assert report.exists(), done.stdout + done.stderr
    found: dict[str, dict[str, str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        said = case.find("*")
        outcome = "passed" if said is None else said.get("type") if said.tag == "skipped" else "failed"
        name = case.get("classname").split(".")[-2].removeprefix("test_")
        found.setdefault(name, {})[case.get("name")] = outcome
    return found


def those(outcomes: Mapping[str, str], outcome: str) -> set[str]:
    return {check for check, became in outcomes.items() if became == outcome}


@pytest.mark.parametrize("name", ["sound", "pose"])
def test_a_sound_provider_passes_every_check(outcomes: Outcomes, name: str) -> None:
    assert those(outcomes[name], "passed") == CHECKS - WITHOUT_NUMPY


def test_of_version_1_only_what_that_said_is_checked(outcomes: Outcomes) -> None:
    passed, skipped = (those(outcomes["of_version_1"], outcome) for outcome in ("passed", "pytest.skip"))
    assert passed | skipped == CHECKS
    assert skipped == SINCE_2
    assert those(outcomes["samples_of_version_1"], "failed") == {"test_nothing_is_a_source_error"}


@pytest.mark.parametrize("name", ["unpublished_card", "misspelt_card"])
def test_cards_that_are_not_published_are_declared(outcomes: Outcomes, name: str) -> None:
    assert those(outcomes[name], "failed") == {"test_every_card_predicts"}


def test_what_is_not_offered_is_not_checked(outcomes: Outcomes) -> None:
    passed, skipped = (those(outcomes["loader_only"], outcome) for outcome in ("passed", "pytest.skip"))
    assert passed | skipped == CHECKS
    assert {name for name in CHECKS if "discover" in name or "model" in name or "weights" in name} <= passed
    assert {name for name in CHECKS if "image" in name or "thread" in name or "task_map" in name} <= skipped


def test_of_other_tasks_only_what_the_contract_says_is_checked(outcomes: Outcomes) -> None:
    passed, skipped = (those(outcomes["classifier"], outcome) for outcome in ("passed", "pytest.skip"))
    assert passed | skipped == CHECKS
    assert "test_boxes_are_in_pixels_of_the_image" in skipped
    assert {"test_predictor_gives_a_result_for_each_image", "test_missing_image_is_an_outcome"} <= passed


@pytest.mark.parametrize("name", sample(FAULTS, every=3))
def test_a_fault_is_caught_by_its_check_alone(outcomes: Outcomes, name: str) -> None:
    if "test_an_array_is_as_its_file" in FAULTS[name].caught_by:
        pytest.importorskip("numpy")
    assert outcomes[name].keys() == CHECKS
    assert those(outcomes[name], "failed") == FAULTS[name].caught_by


def test_every_check_catches_a_fault() -> None:
    assert {check for fault in FAULTS.values() for check in fault.caught_by} == CHECKS


def test_a_fault_that_is_known_does_not_fail(outcomes: Outcomes) -> None:
    assert those(outcomes["fault_is_known"], "pytest.xfail") == KNOWN.keys()
    assert those(outcomes["fault_is_known"], "passed") == CHECKS - KNOWN.keys() - WITHOUT_NUMPY


def test_a_known_fault_that_is_gone_fails(outcomes: Outcomes) -> None:
    assert those(outcomes["fault_is_gone"], "failed") == KNOWN.keys()


def test_a_check_cannot_be_overridden() -> None:
    with pytest.raises(TypeError, match="Mine overrides test_conf_is_a_setting: give the reason in xfail instead"):
        type("Mine", (ProviderConformance,), {"test_conf_is_a_setting": lambda self: None})


@pytest.mark.parametrize(
    ("xfail", "message"),
    [
        ({"test_confidence": "none"}, "Mine.xfail: test_confidence is no check"),
        ({"test_conf_is_a_setting": ""}, "Mine.xfail: test_conf_is_a_setting has no reason"),
    ],
)
def test_an_expected_failure_names_a_check_and_a_reason(xfail: dict[str, str], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        type("Mine", (ProviderConformance,), {"xfail": xfail})


def test_what_is_expected_to_fail_is_each_class_s_own() -> None:
    def expected(suite: type) -> set[str]:
        checks = {name: getattr(suite, name) for name in CHECKS}
        return {
            name for name, check in checks.items() if any(m.name == "xfail" for m in getattr(check, "pytestmark", []))
        }

    parent = type("Parent", (ProviderConformance,), {"xfail": KNOWN})
    child = type("Child", (parent,), {"xfail": {"test_exporter_writes": "it can't"}})
    assert expected(ProviderConformance) == set()
    assert expected(parent) == set(KNOWN)
    assert expected(child) == {"test_exporter_writes"}


def test_marks_of_a_check_stay_when_it_is_expected_to_fail() -> None:
    mine = type("Mine", (ProviderConformance,), {"xfail": {"test_results_can_be_pickled": "it can't"}})
    assert [mark.name for mark in mine.test_results_can_be_pickled.pytestmark] == ["usefixtures", "xfail"]


def test_without_pytest_the_error_names_the_extra() -> None:
    code = "import sys; sys.modules['pytest'] = None; import model_zoo_api.testing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "DependencyMissingError: model_zoo_api.testing needs pytest" in done.stderr
    assert "pip install 'model-zoo-api[testing]'" in done.stderr
