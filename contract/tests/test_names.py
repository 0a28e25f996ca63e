"""A provider's name is its owner's, the entry point that bears it; nobody wins by coming first."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest

from sites import Site

GIVES = """
from model_zoo_api import ModelCard, ModelProvider, hookimpl

@hookimpl
def model_zoo_providers():
    for name in {names}:
        yield ModelProvider(name=name, api_version={version}, models=(), loader=__name__ + ":load", **{more})

def load(source, *, card=None):
    return __name__ + " has " + source
"""


def gives(*names: str, version: int = 1, more: str = "{}") -> str:
    return GIVES.format(names=names, version=version, more=more)


INSTALLED = {
    # what the distribution is called: its entry point, and what that names
    "real": ("pets", gives("pets")),
    "broken": ("pets", "raise OSError('no driver')"),
    "fails": ("pets", gives("pets").replace("for name", "raise OSError('no catalogue')\n    for name")),
    "misspelt": ("pets", gives("pets").replace("zoo_providers", "zoo_provider")),
    "later": ("pets", gives("pets", version=9)),
    "wrong": ("pets", gives("pets", more="{'predictor': 'nothing'}")),
    "namesake": ("pets", gives("other")),
    "twice": ("pets", gives("pets", "pets")),
    "early": ("aaa", gives("pets", "plants")),
    "late": ("zzz", gives("pets")),
    "late_wrong": ("zzy", gives("pets", more="{'predictor': 'nothing'}")),
}

IN_EVERY_ORDER = """
import itertools, json, os, sys
from model_zoo_api import ModelZoo

start = list(sys.path)
answers = set()
for order in itertools.permutations(sys.argv[1:]):
    sys.path[:] = [*order, *start]
    for name in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[name]
    zoo = ModelZoo.discover()
    try:
        loaded = zoo.load("best.pth", provider="pets")
    except Exception as error:
        loaded = type(error).__name__
    providers = tuple((name, found.loader) for name, found in zoo.providers.items() if name != "zebra")
    answers.add((providers, tuple(sorted(map(str, zoo.problems))), loaded))
print(json.dumps(sorted(answers)))
"""


def in_every_order(site: Site, *names: str, **environment: str) -> tuple[dict[str, str], list[str], str]:
    """The providers, what is told, and who gets the user's file: the same in every order of the path."""
    folders = []
    for name in names:
        folder = Site(site.path / name)
        entry_point, source = INSTALLED[name]
        folder.add(f"acme-{name}", "1.0", entry_points={entry_point: f"acme_{name}"}, files={f"acme_{name}.py": source})
        folders.append(str(folder.path))
    done = site.python("-c", IN_EVERY_ORDER, *folders, **environment)
    assert done.returncode == 0, done.stderr
    ((providers, problems, loaded),) = json.loads(done.stdout)
    return {name: loader.partition(":")[0] for name, loader in providers}, problems, loaded


def told(problems: list[str], name: str, *words: str) -> None:
    """See that just one problem of a distribution says all this."""
    found = [
        problem for problem in problems if problem.startswith(f"acme-{name} ") and all(w in problem for w in words)
    ]
    assert len(found) == 1, problems


@pytest.mark.parametrize("strangers", [("early",), ("late",), ("early", "late")], ids=" + ".join)
def test_the_owner_keeps_its_name_and_both_sides_are_told(site: Site, strangers: tuple[str, ...]) -> None:
    providers, problems, loaded = in_every_order(site, "real", *strangers)
    assert providers == {"pets": "acme_real", **({"plants": "acme_early"} if "early" in strangers else {})}
    assert loaded == "acme_real has best.pth"
    assert len(problems) == 1 + len(strangers)
    what_to_do = "uninstall one of them, or choose with MODEL_ZOO_PLUGINS"
    for name in strangers:
        told(problems, name, "'pets' is not used", "belongs to acme-real 1.0 (entry point 'pets')", what_to_do)
        told(problems, "real", "'pets' is claimed by", f"acme-{name} 1.0 (entry point", "uninstall that")


@pytest.mark.parametrize("owner", ["broken", "fails", "misspelt", "later", "wrong", "namesake", "twice"])
@pytest.mark.parametrize("stranger", ["early", "late"])
def test_a_name_is_its_owner_s_though_that_does_not_work(site: Site, owner: str, stranger: str) -> None:
    providers, problems, loaded = in_every_order(site, owner, stranger)
    assert "pets" not in providers
    assert loaded == "UnknownModelError"  # a stranger never gets the user's file
    told(problems, stranger, f"'pets' is not used, because that name belongs to acme-{owner} 1.0")
    told(problems, owner, f"'pets' is claimed by acme-{stranger} 1.0")


def test_a_name_is_its_owner_s_after_an_interrupted_update(site: Site) -> None:
    place = Site(site.path / "place")
    folder = place.add("acme-real", "1.0", entry_points={"pets": "acme_real"}, files={"acme_real.py": gives("pets")})
    folder.rename(place.path / "~cme_real-1.0.dist-info")
    providers, problems, loaded = in_every_order(site, "early", PYTHONPATH=f"{place.path}:{path_of(site)}")
    assert (providers, loaded) == ({"plants": "acme_early"}, "UnknownModelError")
    told(problems, "early", "'pets' is not used, because that name belongs to acme-real 1.0")
    told(problems, "real", "left behind by an interrupted pip")


def path_of(site: Site) -> str:
    return site.python("-c", "import os; print(os.environ['PYTHONPATH'])").stdout.strip()


@pytest.mark.parametrize("names", [("early", "late"), ("early", "late_wrong")], ids=" + ".join)
def test_a_name_that_two_claim_and_nobody_owns_is_nobody_s(site: Site, names: tuple[str, ...]) -> None:
    providers, problems, loaded = in_every_order(site, *names)
    assert (providers, loaded) == ({"plants": "acme_early"}, "UnknownModelError")
    for name, other in permutations(names):
        told(problems, name, "no provider 'pets' is used", f"acme-{other} 1.0 (entry point", "uninstall all but one")


@pytest.mark.parametrize("other", ["twice", "broken", "later", "fails"])
def test_a_name_that_two_own_is_nobody_s_unless_one_wants_it_no_more(site: Site, other: str) -> None:
    providers, problems, loaded = in_every_order(site, "real", other)
    assert (providers, loaded) == ({}, "UnknownModelError")
    told(
        problems,
        "real",
        f"no provider 'pets' is used, because acme-{other} 1.0 (entry point 'pets') has an entry point",
    )
    told(problems, other, "no provider 'pets' is used, because acme-real 1.0 (entry point 'pets') has an entry point")


def test_an_entry_point_of_the_same_name_that_works_and_wants_another_is_no_rival(site: Site) -> None:
    providers, problems, _ = in_every_order(site, "real", "namesake")
    assert (providers, problems) == ({"pets": "acme_real", "other": "acme_namesake"}, [])


def test_a_plugin_that_gives_a_name_twice_gets_none(site: Site) -> None:
    providers, (problem,), loaded = in_every_order(site, "twice")
    assert (providers, loaded) == ({}, "UnknownModelError")
    assert "it gives 2 providers 'pets'; none of them is used" in problem


@pytest.mark.parametrize(
    ("allowed", "owner"),
    [("early", "acme_early"), ("acme-early", "acme_early"), ("real", "acme_real"), ("early,late", None)],
)
def test_what_the_allow_list_leaves_out_is_not_installed(site: Site, allowed: str, owner: str | None) -> None:
    listed = ",".join(INSTALLED[name][0] if name in INSTALLED else name for name in allowed.split(","))
    providers, problems, _ = in_every_order(site, "real", "early", "late", MODEL_ZOO_PLUGINS=listed)
    assert providers.get("pets") == owner
    assert (problems == []) == (owner is not None)


def test_a_module_that_a_stranger_declares_too_is_still_its_owner_s(site: Site) -> None:
    files = {"acme_real.py": gives("pets")}
    site.add("acme-real", "1.0", entry_points={"pets": "acme_real"}, files=files)
    site.add("acme-stranger", "1.0", entry_points={"aaa": "acme_real"})
    found = site.ask("zoo.load('best.pth', provider='pets')")
    assert found.value == "acme_real has best.pth"
    assert "declare it once" in found.problem["message"]


def test_strict_raises_a_clash(site: Site) -> None:
    for name in ("real", "early"):
        point, source = INSTALLED[name]
        site.add(f"acme-{name}", "1.0", entry_points={point: f"acme_{name}"}, files={f"acme_{name}.py": source})
    found = site.discover(strict=True)
    assert found.error_type == "PluginError"
    assert "belongs to acme-real 1.0" in found.error


def test_a_site_of_many_claims_is_settled_quickly(tmp_path: Path) -> None:
    from importlib.metadata import EntryPoint

    from model_zoo_api.names import Claim, settle

    points = [EntryPoint(f"p{index}", "m", "model_zoo") for index in range(2000)]
    for point in points:
        vars(point).update(dist=None)
    claims = [Claim(f"n{index}", point, None) for index, point in enumerate(points)]
    assert settle(claims, {point.name: [point] for point in points}, points) == ({}, [])
