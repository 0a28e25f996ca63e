"""Discovery gives one answer: for names claimed twice, again, in every thread and in every process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sites import PLUGINS, Site


@pytest.fixture
def busy(site: Site) -> Site:
    """A site with good, slow and broken plugins."""
    for stem in ("good", "slow_import", "raises_at_import", "misspelt_hook", "wrong_return_type", "too_new_api"):
        site.add_plugin(stem)
    return site


def test_plugins_come_in_the_order_of_their_entry_points(site: Site) -> None:
    for stem in ("slow_import", "good", "same_model_name"):
        site.add_plugin(stem)
    assert site.discover().providers == ["acme", "rival", "slow", "zebra"]


def test_a_plugin_says_where_it_comes_from(site: Site) -> None:
    site.add_plugin("good", "7.0.1")
    plugin = site.discover().plugins["good"]
    assert (plugin["distribution"], plugin["version"]) == ("acme-good", "7.0.1")


def test_a_plugin_says_how_long_its_import_took(site: Site) -> None:
    site.add_plugin("slow_import")
    site.add_plugin("good")
    plugins = site.discover().plugins
    assert plugins["slow_import"]["import_seconds"] >= 0.5
    assert plugins["good"]["import_seconds"] < 0.5


def test_the_allow_list_chooses_between_two_providers_with_one_name(site: Site) -> None:
    site.add_plugin("same_provider_name")
    site.add_plugin("good")
    found = site.discover(MODEL_ZOO_PLUGINS="same_provider_name")
    assert found.zoo["providers"] == {"acme": ["usurper"]}
    assert found.problems == []


def test_a_module_declared_by_two_entry_points_is_registered_once(site: Site) -> None:
    files = {"acme_good.py": (PLUGINS / "good.py").read_text()}
    site.add("acme-twice", "1.0", entry_points={"one": "acme_good", "two": "acme_good"}, files=files)
    found = site.discover()
    assert found.providers.count("acme") == 1
    problem = found.problem
    assert (problem["entry_point"], problem["phase"]) == ("two", "register")
    assert "already registered by acme-twice 1.0, entry point 'one': declare it once" in problem["message"]


def test_a_module_declared_by_two_distributions_names_both(site: Site) -> None:
    files = {"acme_good.py": (PLUGINS / "good.py").read_text()}
    site.add("acme-first", "1.0", entry_points={"acme": "acme_good"}, files=files)
    site.add("acme-second", "2.0", entry_points={"acme": "acme_good"})
    problem = site.discover().problem
    named = {problem["distribution"]} | {name for name in ("acme-first", "acme-second") if name in problem["message"]}
    assert named == {"acme-first", "acme-second"}


def test_a_distribution_earlier_on_the_path_shadows_its_namesake(site: Site, tmp_path: Path) -> None:
    site.add_plugin("good", "2.0")
    later = Site(tmp_path / "later")
    later.add_plugin("good", "1.0")
    for garbled in (False, True):
        if garbled:  # then each distribution is read by itself, and the same must hold
            site.add("acme-garbled", "1.0", entry_points="[model_zoo]\nno equals sign\n")
        found = site.discover(PYTHONPATH=os.pathsep.join([str(site.path), str(later.path)]))
        assert found.plugins["good"]["version"] == "2.0"
        assert len(found.problems) == garbled


def test_two_discoveries_in_one_process_agree(busy: Site) -> None:
    first, second = busy.evaluate("[answer(), answer()]")
    assert first == second
    assert {"acme", "slow", "zebra"} <= set(first["providers"])
    assert len(first["problems"]) == 4


def test_plugins_and_problems_of_two_discoveries_are_equal(busy: Site) -> None:
    expression = "[getattr(ModelZoo.discover(), name) == getattr(ModelZoo.discover(), name) for name in ({})]"
    names = "'plugins', 'problems', 'providers'"
    assert busy.evaluate(expression.format(names)) == [True, True, True]


def test_threads_that_discover_at_once_agree(busy: Site) -> None:
    alone = busy.evaluate("answer()")
    assert busy.evaluate("in_threads(8)") == [alone] * 8


def test_a_spawned_process_agrees(busy: Site) -> None:
    here, there = busy.evaluate("[answer(), in_spawned_process()]")
    assert here == there
    assert {"acme", "slow", "zebra"} <= set(there["providers"])


def test_a_zoo_keeps_what_it_found(site: Site) -> None:
    site.add_plugin("good")
    expression = "zoo.problems.append('mine') or zoo.plugins.clear() or zoo.providers.clear()"
    found = site.ask(expression)
    assert found.problems == []
    assert "acme" in found.providers
    assert "good" in found.plugins
