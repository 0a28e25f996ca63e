"""``MODEL_ZOO_PLUGINS`` decides what may be imported, before anything is."""

from __future__ import annotations

from pathlib import Path

import pytest

from sites import Site


@pytest.fixture
def site(site: Site) -> Site:
    site.add_plugin("good")
    site.add_plugin("leaves_a_trace")
    return site


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "trace"


def test_unset_allows_all(site: Site, trace: Path) -> None:
    found = site.discover(TRACE=str(trace))
    assert {"acme", "tracer", "zebra"} <= set(found.providers)
    assert trace.exists()


@pytest.mark.parametrize("value", ["", " ", ","])
def test_empty_allows_none(site: Site, trace: Path, value: str) -> None:
    found = site.discover(MODEL_ZOO_PLUGINS=value, TRACE=str(trace))
    assert (found.providers, found.problems) == ([], [])
    assert not trace.exists()


def test_a_plugin_that_is_not_allowed_is_never_imported(site: Site, trace: Path) -> None:
    found = site.discover(MODEL_ZOO_PLUGINS="good", TRACE=str(trace))
    assert (found.providers, found.problems) == (["acme"], [])
    assert not trace.exists()


@pytest.mark.parametrize(
    "name", ["acme-leaves-a-trace", "acme_leaves_a_trace", "Acme.Leaves_a-Trace", "acme--leaves__a-trace"]
)
def test_a_distribution_is_named_as_pip_compares_names(site: Site, trace: Path, name: str) -> None:
    found = site.discover(MODEL_ZOO_PLUGINS=name, TRACE=str(trace))
    assert (found.providers, found.problems) == (["tracer"], [])


def test_an_entry_point_is_named_exactly(site: Site) -> None:
    found = site.discover(MODEL_ZOO_PLUGINS="Good")
    assert found.providers == []
    assert found.problem["phase"] == "allow-list"


def test_several_are_separated_by_commas(site: Site) -> None:
    found = site.discover(MODEL_ZOO_PLUGINS=" good , acme_zebra,")
    assert set(found.providers) == {"acme", "zebra"}
    assert found.problems == []


def test_a_listed_plugin_that_is_absent_is_a_problem(site: Site) -> None:
    found = site.discover(MODEL_ZOO_PLUGINS="good,gone,also-gone")
    assert found.providers == ["acme"]
    assert [(problem["distribution"], problem["phase"]) for problem in found.problems] == [
        ("also-gone", "allow-list"),
        ("gone", "allow-list"),
    ]
    assert "MODEL_ZOO_PLUGINS names 'gone', but no such plugin is installed" in found.problems[1]["message"]


def test_a_listed_plugin_that_is_absent_stops_a_strict_host(site: Site) -> None:
    found = site.discover(strict=True, MODEL_ZOO_PLUGINS="good,gone")
    assert found.error_type == "PluginError"
    assert "'gone'" in found.error


def test_a_broken_plugin_that_is_not_allowed_is_no_problem(site: Site) -> None:
    site.add_plugin("raises_at_import")
    site.add("acme-garbled", "1.0", entry_points="[model_zoo]\nno equals sign\n")
    found = site.discover(MODEL_ZOO_PLUGINS="good")
    assert (found.providers, found.problems) == (["acme"], [])


def test_an_unreadable_plugin_that_is_allowed_is_one_problem(site: Site) -> None:
    site.add("acme-garbled", "1.0", entry_points="[model_zoo]\nno equals sign\n")
    found = site.discover(MODEL_ZOO_PLUGINS="good,acme_garbled")
    assert (found.problem["distribution"], found.problem["phase"]) == ("acme-garbled", "metadata")
