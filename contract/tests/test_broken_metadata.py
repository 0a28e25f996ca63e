"""What is installed is found whatever lies beside it: finders that fail, folders without metadata, leftovers."""

from __future__ import annotations

import os

import pytest

from sites import Site

FINDERS = '''
import importlib.metadata
import sys
from itertools import repeat
from pathlib import Path

class Finder:
    find_spec = staticmethod(lambda *args, **more: None)

def finder(name):
    """Put a finder into sys.meta_path that answers with the decorated function."""
    def put(find):
        methods = {"find_distributions": lambda self, context=None: find(context)}
        sys.meta_path.append(type(name, (Finder,), methods)())
    return put

@finder("Raises")
def _(context):
    raise RuntimeError("no catalogue")

@finder("Exits")
def _(context):
    sys.exit(7)

@finder("ClosesGenerators")
def _(context):
    raise GeneratorExit

@finder("GivesNone")
def _(context):
    return None

@finder("Endless")
def _(context):
    yield from repeat(importlib.metadata.PathDistribution(Path("nowhere-1.0.dist-info")))

@finder("StopsHalfWay")
def _(context):
    yield from importlib.metadata.MetadataPathFinder.find_distributions(
        importlib.metadata.DistributionFinder.Context(path=[str(Path(__file__).parent / "elsewhere")])
    )
    raise OSError("the other half is on another disk")

class Unreadable:
    name, version = "acme-unreadable", "3.0"
    @property
    def entry_points(self):
        raise SystemExit("read me not")

class Odd:
    name, version = "acme-odd", "3.1"
    class Point:
        group, name, value = "model_zoo", None, 3
    entry_points = [Point()]

@finder("GivesOddThings")
def _(context):
    return [42, Unreadable(), Odd()]

class HidesEverything(Finder):
    def __getattr__(self, name):
        raise RuntimeError(name)

sys.meta_path.append(HidesEverything())
sys.path += [None, 3, b"bytes", Path("nowhere")]
'''
"""Put into ``sitecustomize``: there before anything is discovered."""


@pytest.fixture
def site(site: Site) -> Site:
    site.add_plugin("good")
    return site


def test_finders_that_fail_are_one_problem_each_and_hide_nothing(site: Site) -> None:
    (site.path / "sitecustomize.py").write_text(FINDERS)
    elsewhere = Site(site.path / "elsewhere")
    elsewhere.add_plugin("optional_hook", "2.5")
    (site.path / "acme_optional_hook.py").write_text((elsewhere.path / "acme_optional_hook.py").read_text())

    found = site.discover()

    assert {"acme", "zebra", "prepared"} <= set(found.providers)
    assert found.plugins["optional_hook"]["version"] == "2.5"  # found by a finder that gives Python's own kind
    said = {problem["distribution"]: problem["message"] for problem in found.problems}
    assert all(problem["phase"] == "metadata" for problem in found.problems)
    for finder, words in {
        "Raises": "RuntimeError: no catalogue",
        "Exits": "SystemExit: 7",
        "ClosesGenerators": "GeneratorExit",
        "GivesNone": "TypeError",
        "Endless": "ValueError: it gives more than 10000 distributions, or never ends",
        "StopsHalfWay": "OSError: the other half is on another disk",
        "HidesEverything": "RuntimeError: find_distributions",
    }.items():
        assert f"a finder in sys.meta_path can't list what is installed ({words}" in said.pop(finder)
    assert "SystemExit: read me not" in said.pop("acme-unreadable")
    assert "an entry point without a name or a value" in said.pop("acme-odd")
    assert "AttributeError" in said.pop("an unknown distribution")
    assert said == {}
    assert found.problems[0]["text"].startswith("Raises, metadata: a finder in sys.meta_path")


def test_an_interrupt_in_a_finder_is_the_users(site: Site) -> None:
    (site.path / "sitecustomize.py").write_text(FINDERS.replace('RuntimeError("no catalogue")', "KeyboardInterrupt"))
    done = site.python("-c", "from model_zoo_api import ModelZoo; ModelZoo.discover(); print('went on')")
    assert "KeyboardInterrupt" in done.stderr
    assert "went on" not in done.stdout


def test_a_finder_that_breaks_imports_leaves_errors_of_ours(site: Site) -> None:
    code = """
import sys
from model_zoo_api import ModelZoo
from model_zoo_api.errors import UnknownModelError
class Finder:
    def find_spec(self, *args): raise RuntimeError("no module today")
    find_distributions = find_spec
ModelZoo.discover
sys.meta_path.insert(0, Finder())
zoo = ModelZoo.discover()
try:
    zoo.find("acme_tinny")
except UnknownModelError:
    print(*sorted(problem.entry_point + problem.phase for problem in zoo.problems))
"""
    done = site.python("-c", code)
    assert done.stdout.split() == ["goodimport", "metadata", "zebraimport"], done.stderr


def test_an_allow_list_that_is_empty_asks_no_finder(site: Site) -> None:
    (site.path / "sitecustomize.py").write_text(FINDERS)
    found = site.discover(MODEL_ZOO_PLUGINS="")
    assert (found.problems, found.providers) == ([], [])


@pytest.mark.parametrize("version", ["0.9", "1.1"])
def test_an_empty_folder_of_another_version_hides_nothing(site: Site, version: str) -> None:
    (site.path / f"acme_good-{version}.dist-info").mkdir()
    found = site.discover()
    assert found.plugins["good"]["version"] == "1.0"
    assert found.problems == []


@pytest.mark.parametrize(
    "metadata",
    [b"", b"\xff\xfeN\x00", b"Version: 1.0\n", b"Name: \nVersion: \n", b"\n\nName: late\n", b"Name: \x1b[2J\xc3\x28"],
)
def test_metadata_that_cannot_be_read_takes_no_plugin_away(site: Site, metadata: bytes) -> None:
    (site.path / "acme_good-1.0.dist-info" / "METADATA").write_bytes(metadata)
    found = site.discover()
    assert "acme" in found.providers
    assert found.problems == []
    assert found.plugins["good"]["distribution"].isprintable()


def test_what_an_interrupted_pip_left_behind_is_one_problem_and_not_used(site: Site) -> None:
    folder = site.add("acme-good", "0.1", entry_points={"good": "acme_good"})
    folder.rename(site.path / "~cme_good-0.1.dist-info")
    found = site.discover()
    assert found.plugins["good"]["version"] == "1.0"
    assert (found.problem["distribution"], found.problem["version"]) == ("acme-good", "0.1")
    assert (
        "~cme_good-0.1.dist-info was left behind by an interrupted pip: delete that folder" in found.problem["message"]
    )


@pytest.mark.parametrize("folder", ["acme-{}-1.0.dist-info", "acme-{}-1.0-py3.11.egg-info", "acme-{}.dist-info"])
def test_folders_with_hyphens_in_their_names_hide_nothing(site: Site, folder: str) -> None:
    """``acme-first-1.0.dist-info`` and ``acme-second-1.0.dist-info`` are two distributions, not two of ``acme``."""
    for name in ("first", "second"):
        files = {f"acme_{name}.py": (site.path / "acme_good.py").read_text().replace('"acme"', f'"{name}"')}
        made = site.add(f"acme-{name}", "1.0", entry_points={name: f"acme_{name}"}, files=files)
        if "egg" in folder:
            (made / "METADATA").rename(made / "PKG-INFO")
        made.rename(site.path / folder.format(name))
    site.add("acme", "1.0", entry_points={})
    found = site.discover()
    assert found.problems == []
    assert {"first", "second", "good"} <= set(found.plugins)


def test_a_folder_with_hyphens_is_the_distribution_that_its_metadata_name(site: Site) -> None:
    """Of two with one name the first on the path counts, however their folders are written."""
    later = Site(site.path / "later")
    later.add("acme-good", "2.0", entry_points={"good": "acme_good"}).rename(later.path / "acme-good-2.0.dist-info")
    found = site.discover(PYTHONPATH=f"{site.path}:{later.path}:{os.environ.get('PYTHONPATH', '')}")
    assert found.plugins["good"]["version"] == "1.0"
    assert found.problems == []


def test_entry_points_with_terminal_codes_are_shown_without(site: Site) -> None:
    site.add("acme-loud", "1.0", entry_points="[model_zoo]\n\x1b[2Jloud = no_such_module\n")
    assert site.discover().problem["text"].isprintable()
