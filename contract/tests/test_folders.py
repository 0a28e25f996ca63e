"""A plugin is found, whatever lies beside its folder and in whatever order the disk lists that, or is a problem."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest

from exhaustive import exhaustive
from sites import Site

ENTRY = "[model_zoo]\ngood = acme_good\n"
METADATA = "Metadata-Version: 2.1\nName: acme-good\nVersion: {}\n"

BESIDE = {
    "empty and older": ("acme_good-0.9.dist-info", {}),
    "empty and newer": ("acme_good-1.1.dist-info", {}),
    "blank": ("acme_good-0.8.dist-info", {"METADATA": "", "entry_points.txt": ""}),
    "without metadata": ("acme_good-0.7.dist-info", {"entry_points.txt": ENTRY}),
    "stale, and no plugin then": ("acme_good-0.6.dist-info", {"METADATA": METADATA.format("0.6")}),
    "stale": ("acme_good-0.10.dist-info", {"METADATA": METADATA.format("0.10"), "entry_points.txt": ENTRY}),
    "stale, and elsewhere then": (
        "Acme.Good-0.5.dist-info",
        {"METADATA": METADATA.format("0.5"), "entry_points.txt": ENTRY.replace("acme_good", "acme_gone")},
    ),
    "leftover": ("~cme_good-0.4.dist-info", {"METADATA": METADATA.format("0.4"), "entry_points.txt": ENTRY}),
    "empty leftover": ("~cme_good-1.2.dist-info", {}),
}
"""Folders beside ``acme_good-1.0.dist-info``, and what is in them."""

TOLD = {"stale", "stale, and no plugin then", "stale, and elsewhere then", "leftover"}
"""Those that are a problem, beside a plugin that works."""

IN_EVERY_ORDER = """
import importlib.metadata, json, os, sys
from importlib.metadata import FastPath
from itertools import permutations
from pathlib import Path
from model_zoo_api import ModelZoo

folders = [name for name in os.listdir("place") if name.endswith("-info")]
place = str(Path("place").resolve())
sys.path.insert(0, place)
listed = os.listdir
answers, seen = set(), set()
for order in permutations(folders):
    os.listdir = lambda path=".": [*order, *(set(listed(path)) - set(order))] if path == place else listed(path)
    importlib.invalidate_caches()
    if hasattr(FastPath.__new__, "cache_clear"):  # which the line before forgets before Python 3.13
        FastPath.__new__.cache_clear()
    seen.add(tuple(one._path.name for one in importlib.metadata.distributions(path=[place])))
    zoo = ModelZoo.discover()
    answers.add((tuple((one.entry_point.name, one.version) for one in zoo.plugins), tuple(map(str, zoo.problems))))
assert len(seen) > 1, "the disk's order is always the same"
print(json.dumps(sorted(answers)))
"""


@pytest.fixture
def place(site: Site) -> Path:
    """A place on the path with one plugin."""
    place = Site(site.path / "place")
    place.add_plugin("good")
    return place.path


def fill(place: Path, *names: str) -> None:
    for name in names:
        folder, files = BESIDE[name]
        (place / folder).mkdir()
        for file, text in files.items():
            (place / folder / file).write_text(text)


def in_every_order(site: Site) -> tuple[dict[str, str], list[str]]:
    """The plugins' versions and the problems, which are the same in every order."""
    done = site.python("-c", IN_EVERY_ORDER)
    assert done.returncode == 0, done.stderr
    ((plugins, problems),) = json.loads(done.stdout)
    return dict(plugins), problems


PAIRS = [pair for count in (2, 3) for pair in combinations(BESIDE, count)]


@pytest.mark.parametrize(
    "names", [tuple(BESIDE)[:4], tuple(BESIDE)[4:8], *map(exhaustive, [(pair,) for pair in PAIRS])], ids=" + ".join
)
def test_folders_beside_it_hide_no_plugin_in_any_order(site: Site, place: Path, names: tuple[str, ...]) -> None:
    fill(place, *names)
    plugins, problems = in_every_order(site)
    assert plugins == {"good": "1.0", "zebra": "1.0"}
    assert len(problems) == (len(TOLD & {*names} - {"leftover"}) > 0) + ("leftover" in names)
    for name in TOLD & {*names}:
        assert any(BESIDE[name][0] in problem and "delete that" in problem for problem in problems)


@pytest.mark.parametrize(
    "names", [("empty and older", "without metadata", "empty and newer", "empty leftover")], ids=" + ".join
)
def test_a_plugin_without_metadata_is_found_beside_empty_folders_in_any_order(
    site: Site, place: Path, names: tuple[str, ...]
) -> None:
    fill(place, *names)
    for file in (place / "acme_good-1.0.dist-info").iterdir():
        file.unlink()
    plugins, problems = in_every_order(site)
    assert plugins.keys() == {"good", "zebra"}
    assert problems == []


def test_a_plugin_of_which_only_a_leftover_is_there_is_a_problem(site: Site, place: Path) -> None:
    fill(place, "leftover", "empty and older", "blank")
    for file in (place / "acme_good-1.0.dist-info").iterdir():
        file.unlink()
    plugins, (problem,) = in_every_order(site)
    assert plugins.keys() == {"zebra"}
    assert "~cme_good-0.4.dist-info was left behind by an interrupted pip: delete that folder" in problem


def test_of_two_that_are_whole_the_newest_is_used_and_the_other_named(site: Site, place: Path) -> None:
    fill(place, "stale")
    (place / "acme_good-1.0.dist-info").rename(place / "acme_good-0.9.dist-info")  # 0.10 is newer
    (place / "acme_good-0.9.dist-info" / "METADATA").write_text(METADATA.format("0.9"))
    plugins, (problem,) = in_every_order(site)
    assert plugins["good"] == "0.10"
    assert "acme-good 0.10, metadata: " in problem
    assert (
        "acme_good-0.9.dist-info should have gone when 0.10 was installed: delete that, or reinstall acme-good"
        in problem
    )
