"""A plugin whose answers raise or lie is one problem; the others work, and so do the zoo and ``doctor`` after it."""

from __future__ import annotations

import pytest

from hostile import ALL, OBJECTS
from sites import Answer, Site

BEFORE = {"generator_exit_later": "before_exit", "discovers_as_it_yields": "before_discovery"}
"""Providers that are kept, since they were given before the plugin failed."""

HONEST = {
    "subclass_lies": "subclass_lies",
    "card_subclass_lies": "card_lies",
    "text_lies": "text_lies",
    "len_and_bool_raise": "len_and_bool",
    "eq_raises": "eq_raises",
    "eq_says_yes": "eq_says_yes",
}
"""Providers of the plugins that are odd and break no rule."""


WITHOUT_A_CARD = {
    "changed_afterwards": "changed",
    "changed_card": "changed_card",
    "changed_metric": "changed_metric",
    "task_equals_all": "t",
    "no_host_can_print": "digits",
    "not_a_number": "nan",
    "endless_classes": "endless_classes",
}
"""Providers that are kept, without the card that is wrong."""


def install(site: Site, stem: str) -> None:
    value = f"acme_{stem}:plugin" if stem in OBJECTS else f"acme_{stem}"
    name = f"acme-{stem.replace('_', '-')}"
    site.add(name, "1.0", entry_points={stem: value}, files={f"acme_{stem}.py": ALL[stem].module})


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """What is found, and what the zoo then answers, where all of them are installed beside a good one."""
    site = Site(tmp_path_factory.mktemp("hostile") / "site", alone=True)
    site.add_plugin("zebra")
    site.add_plugin("good")
    for stem in ALL:
        install(site, stem)
    return site.ask(
        "[zoo.predictor('acme_tiny')('cat.jpg')[0]['image'],"
        " [card.name for card in zoo.list_models(task='detect', licence='mit')],"
        " zoo.find('m1')[0].name, repr(zoo.problems) and len({*zoo.problems}), zoo.problems == answer_again()]"
    )


@pytest.mark.parametrize("stem", ALL)
def test_an_answer_that_raises_or_lies_is_one_problem(everything: Answer, stem: str) -> None:
    expected = ALL[stem]
    found = [problem for problem in everything.problems if problem["entry_point"] == stem]
    if expected.phase is None:
        assert found == []
        return
    (problem,) = found
    assert problem["distribution"] == f"acme-{stem.replace('_', '-')}"
    assert problem["phase"] == expected.phase
    assert expected.said in problem["message"]
    assert len(problem["text"]) < 3000
    assert problem["text"].isprintable()


def test_the_others_work_beside_all_of_them(everything: Answer) -> None:
    assert everything.error is None
    assert everything.value[0] == "cat.jpg"
    broken = {stem for stem, hostile in ALL.items() if hostile.phase}
    assert {problem["entry_point"] for problem in everything.problems} == broken
    assert set(everything.providers) == {
        *("acme", "zebra"),
        *BEFORE.values(),
        *HONEST.values(),
        *WITHOUT_A_CARD.values(),
    }
    assert [found for name in WITHOUT_A_CARD.values() for found in everything.zoo["providers"][name]] == []


def test_what_they_gave_is_plain_data_to_the_zoo(everything: Answer) -> None:
    _, with_licence, owner, distinct, again = everything.value
    assert with_licence == ["m2"]
    assert owner == "card_lies"
    assert distinct == len(everything.problems)
    assert again


@pytest.mark.exhaustive
@pytest.mark.parametrize("stem", ALL)
def test_strict_raises_it(site: Site, stem: str) -> None:
    install(site, stem)
    found = site.discover(strict=True)
    if ALL[stem].phase is None:
        assert found.error is None
    else:
        assert found.error_type == "PluginError"
        assert found.error.startswith(f"acme-{stem.replace('_', '-')} 1.0 (entry point '{stem}'), {ALL[stem].phase}: ")
