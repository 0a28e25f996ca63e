"""What a host asks of the zoo: list, find, load, predict, validate, and the two hooks around loading."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_zoo_api.testing import write_picture
from sites import PLUGINS, Site

TINY = {"source": "acme_tiny", "card": "acme_tiny"}  # what good.py makes of it


@pytest.fixture
def site(site: Site) -> Site:
    site.add_plugin("good")
    return site


# -- list --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ("provider='acme'", ["acme_tiny", "acme_large", "acme_mask"]),
        ("provider='acme', task='segment'", ["acme_mask"]),
        ("provider='acme', licence='apache-2.0'", ["acme_tiny", "acme_mask"]),
        ("provider='acme', licence='Apache-2.0', task='detect'", ["acme_tiny"]),
        ("task='segment'", ["acme_mask"]),
        ("licence='MIT'", []),
        ("provider='nobody'", []),
    ],
)
def test_list_models_keeps_those_that_match_every_filter(site: Site, filters: str, names: list[str]) -> None:
    assert site.ask(f"[card.name for card in zoo.list_models({filters})]").value == names


def test_list_models_without_filters_is_everything_by_provider(site: Site) -> None:
    found = site.ask("[card.name for card in zoo.list_models()]")
    assert found.value == [name for models in found.zoo["providers"].values() for name in models]
    assert {"acme_mask", "zebra_s"} <= set(found.value)


# -- find --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["acme_tiny", "tiny", "acme/acme_tiny", "acme/tiny"])
def test_find_takes_a_name_or_an_alias_with_or_without_the_provider(site: Site, name: str) -> None:
    assert site.ask(f"[found.name for found in zoo.find({name!r})]").value == ["acme", "acme_tiny"]


def test_an_unknown_name_suggests_the_nearest(site: Site) -> None:
    found = site.ask("zoo.find('acme_tinny')")
    assert found.error_type == "UnknownModelError"
    assert found.error == "no model is named 'acme_tinny'; did you mean 'acme_tiny'?"


def test_an_unknown_name_near_to_nothing_lists_what_is_known(site: Site) -> None:
    found = site.ask("zoo.find('resnet', provider='acme')")
    assert found.error == "no model is named 'resnet'; known are acme_tiny, tiny, acme_large, acme_mask"


def test_an_unknown_name_mentions_plugins_that_failed(site: Site) -> None:
    site.add_plugin("raises_at_import")
    for call in ("zoo.find('resnet')", "zoo.load('best.pth', provider='pets')"):
        assert "; plugins have 1 problem, see ModelZoo.problems" in site.ask(call).error


def test_an_unknown_provider_suggests_the_nearest(site: Site) -> None:
    found = site.ask("zoo.find('acme_tiny', provider='acne')")
    assert found.error == "no provider is named 'acne'; did you mean 'acme'?"


def test_a_name_that_two_providers_offer_asks_for_the_provider(site: Site) -> None:
    site.add_plugin("same_model_name")
    found = site.ask("zoo.load('acme_tiny')")
    assert found.error_type == "UnknownModelError"
    assert "'acme/acme_tiny', 'rival/acme_tiny'" in found.error


@pytest.mark.parametrize("arguments", ["'rival/acme_tiny'", "'acme_tiny', provider='rival'"])
def test_the_provider_settles_a_name_that_two_offer(site: Site, arguments: str) -> None:
    site.add_plugin("same_model_name")
    assert site.ask(f"zoo.load({arguments})").value == "the rival's"


# -- load, predict, validate -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["'acme_tiny'", "'tiny'", "'acme/tiny'", "'tiny', provider='acme'"])
def test_load_gives_the_loader_the_cards_own_name_and_the_options(site: Site, name: str) -> None:
    found = site.ask(f"zoo.load({name}, device='cpu')")
    assert found.value == {"source": "acme_tiny", "card": "acme_tiny", "device": "cpu"}


def test_load_of_an_unknown_name_suggests_the_nearest(site: Site) -> None:
    assert "did you mean 'acme_large'?" in site.ask("zoo.load('acme_larg')").error


@pytest.mark.parametrize("name", ["'mine.bin'", "__import__('pathlib').Path('mine.bin')"])
def test_a_path_goes_to_the_loader_of_the_named_provider(site: Site, name: str) -> None:
    assert site.ask(f"zoo.load({name}, provider='acme')").value == {"source": "mine.bin", "card": None}


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir], ids=["file", "folder"])
def test_a_path_without_a_provider_asks_for_the_provider(site: Site, make) -> None:
    make(site.path / "mine.bin")
    found = site.ask("zoo.load('mine.bin')")
    assert found.error_type == "UnknownModelError"
    assert "'mine.bin' is a path: say which provider reads it, provider= one of acme, zebra" in found.error


def test_a_name_wins_over_a_file_of_that_name(site: Site) -> None:
    (site.path / "acme_tiny").touch()
    assert site.ask("zoo.load('acme_tiny')").value["card"] == "acme_tiny"


def test_a_path_with_an_unknown_provider_suggests_the_nearest(site: Site) -> None:
    assert "did you mean 'acme'?" in site.ask("zoo.load('mine.bin', provider='acne')").error


def test_a_predictor_takes_settings_when_made_and_when_called(site: Site) -> None:
    found = site.ask("zoo.predictor('acme_tiny', conf=0.4)('cat.jpg', iou=0.7)")
    assert found.value == [{"image": "cat.jpg", "model": TINY, "conf": 0.4, "iou": 0.7}]


def test_a_provider_without_cards_predicts_with_a_file(site: Site) -> None:
    """As one whose cards were all left out."""
    source = """
from model_zoo_api import ModelCard, ModelProvider, hookimpl

@hookimpl
def model_zoo_providers():
    names = {"loader": "acme_bare:load", "predictor": "acme_bare:make"}
    yield ModelProvider(name="bare", api_version=1, models=[ModelCard(name="no size", task="detect")], **names)

def load(source, *, card=None):
    return source

class Numbers(list):
    tolist = list.copy

class Result:
    names = ["pet"]
    xyxy, conf, cls = Numbers([[1, 2, 3, 4]]), Numbers([0.5]), Numbers([0])
    boxes = property(lambda self: self)

def make(model, **overrides):
    return lambda source, **more: [Result()]
"""
    site.add("acme-bare", "1.0", entry_points={"bare": "acme_bare"}, files={"acme_bare.py": source})
    found = site.ask(
        "[*map(float, zoo.predictor('mine.bin', provider='bare')('cat.jpg')[0].scores),"
        " len(zoo.list_models(provider='bare'))]"
    )
    assert found.value == [0.5, 0], found
    assert "model name 'no size' may hold only" in found.problem["message"]


def test_a_validator_takes_settings_when_made_and_when_called(site: Site) -> None:
    found = site.ask("zoo.validator('acme_tiny', data='coco8.yaml')(batch=2)")
    assert found.value == {"model": TINY, "data": "coco8.yaml", "batch": 2}


@pytest.mark.parametrize("role", ["predictor", "validator"])
def test_the_loader_has_options_of_its_own(site: Site, role: str) -> None:
    call = {"predictor": "('cat.jpg')[0]", "validator": "()"}[role]
    found = site.ask(f"zoo.{role}('mine.bin', provider='acme', load={{'device': 'cpu'}}){call}['model']")
    assert found.value == {"source": "mine.bin", "card": None, "device": "cpu"}


def test_a_missing_factory_is_an_error_before_anything_is_loaded(site: Site) -> None:
    site.add_plugin("same_model_name")
    site.add_plugin("observer")
    found = site.ask("zoo.predictor('rival/acme_tiny')")
    assert (found.error_type, found.error) == ("FactoryError", "provider 'rival' offers no predictor")
    code = """
from model_zoo_api import ModelZoo
from model_zoo_api.errors import FactoryError
zoo = ModelZoo.discover()
try:
    zoo.predictor("rival/acme_tiny")
except FactoryError:
    import acme_observer
    print(acme_observer.SEEN)
"""
    assert site.python("-c", code).stdout.strip() == "[]"


# -- the hooks around loading ------------------------------------------------------------------------------------


@pytest.fixture
def store(site: Site) -> Path:
    store = site.path / "store"
    store.mkdir()
    (store / "acme_tiny.bin").touch()
    (store / "first.bin").touch()
    return store


def source_of(found) -> str:
    return Path(found.value["source"]).name


def test_hook_locate_weights_gives_the_loader_a_file(site: Site, store: Path) -> None:
    site.add_plugin("locate_weights")
    found = site.ask("zoo.load('tiny')", STORE=str(store))
    assert found.value == {"source": str(store / "acme_tiny.bin"), "card": "acme_tiny"}


def test_hook_locate_weights_may_leave_it_to_others(site: Site, store: Path) -> None:
    site.add_plugin("locate_weights")
    found = site.ask("zoo.load('acme_large')", STORE=str(store))
    assert source_of(found) == "acme_large"
    assert found.problems == []


def test_hook_locate_weights_first_result_wins(site: Site, store: Path) -> None:
    site.add_plugin("locate_weights")
    site.add_plugin("locate_weights_first")
    found = site.ask("zoo.load('tiny')", STORE=str(store))
    assert source_of(found) == "first.bin"
    assert found.problems == []


@pytest.mark.parametrize(
    ("stem", "said"),
    [
        ("locate_weights_broken", "model_zoo_locate_weights: ConnectionError: the store is down, no acme_tiny"),
        ("locate_weights_missing", "which is no file; it should give None for 'acme_tiny'"),
    ],
)
def test_hook_locate_weights_that_fails_is_a_problem_and_the_next_is_asked(
    site: Site, store: Path, stem: str, said: str
) -> None:
    site.add_plugin("locate_weights")
    site.add_plugin(stem)
    found = site.ask("zoo.load('tiny')", STORE=str(store))
    assert source_of(found) == "acme_tiny.bin"
    assert (found.problem["entry_point"], found.problem["phase"]) == (stem, "hook")
    assert said in found.problem["message"]


def test_hook_locate_weights_that_fails_stops_a_strict_host(site: Site, store: Path) -> None:
    site.add_plugin("locate_weights_broken")
    code = "from model_zoo_api import ModelZoo; ModelZoo.discover(strict=True).load('acme_tiny')"
    done = site.python("-c", code)
    assert done.returncode == 1
    assert "PluginError: acme-locate-weights-broken 1.0" in done.stderr


def test_hook_locate_weights_is_not_asked_for_a_path(site: Site) -> None:
    site.add_plugin("locate_weights_broken")
    found = site.ask("zoo.load('mine.bin', provider='acme')")
    assert (found.value["source"], found.problems) == ("mine.bin", [])


def test_hook_locate_weights_may_answer_anything(site: Site, store: Path) -> None:
    site.add_plugin("locate_weights")
    site.add_plugin("locate_weights_odd")
    module = "__import__('acme_locate_weights_odd')"
    card = "zoo.find('acme_tiny')[1]"
    ask = f"[zoo.locate_weights(__import__('dataclasses').replace({card}, name=name)) for name in {module}.{{}}]"
    taken = site.ask(ask.format("TAKEN"), STORE=str(store))
    assert taken.error is None
    assert taken.problems == []
    assert taken.value == [str(site.path / "acme_locate_weights_odd.py")] * 3
    refused = site.ask(f"({ask.format('REFUSED')}, sorted({module}.REFUSED))", STORE=str(store))
    assert refused.error is None
    answers, names = refused.value
    assert set(answers) == {None}
    assert sorted(problem["message"].rpartition("None for ")[2] for problem in refused.problems) == list(
        map(repr, names)
    )
    assert all(problem["text"].isprintable() and len(problem["text"]) < 500 for problem in refused.problems)


def test_hook_locate_weights_and_loaded_may_use_the_zoo_themselves(site: Site, store: Path) -> None:
    """A hook isn't called again by what it does: it would never end."""
    site.add_plugin("locate_weights")
    site.add_plugin("asks_the_zoo_again")
    found = site.ask("[zoo.load('tiny')['source'], __import__('acme_asks_the_zoo_again').SEEN]", STORE=str(store))
    assert found.error is None
    assert found.value == [str(store / "acme_tiny.bin"), ["acme_tiny"]]
    assert found.problems == []


def test_a_hook_that_fails_at_every_load_is_one_problem(site: Site) -> None:
    site.add_plugin("observer_broken")
    found = site.ask("[zoo.load('tiny') for _ in range(3)]")
    assert len(found.value) == 3
    assert found.problem["entry_point"] == "observer_broken"


def test_hooks_are_called_in_pluggys_order(site: Site) -> None:
    """Among those that try to come first the last registered does; among those that try to come last it is last."""
    source = """
from model_zoo_api import hookimpl
import acme_seen

@hookimpl({})
def model_zoo_loaded(card):
    acme_seen.SEEN.append(__name__[-1])
"""
    kinds = {"a": "tryfirst=True", "b": "", "c": "trylast=True", "d": "tryfirst=True", "e": "", "f": "trylast=True"}
    kinds["g"] = "tryfirst=True, trylast=True"
    files = {f"acme_{name}.py": source.format(kind) for name, kind in kinds.items()}
    files["acme_seen.py"] = "SEEN = []\n"
    site.add("acme-order", "1.0", entry_points={name: f"acme_{name}" for name in kinds}, files=files)
    with_pluggy = """(
        manager := __import__('pluggy').PluginManager('model_zoo'),
        manager.add_hookspecs(__import__('model_zoo_api').hookspecs),
        [manager.register(__import__(f'acme_{name}')) for name in 'abcdefg'],
        manager.hook.model_zoo_loaded(provider=None, card=None, model=None),
    )"""
    found = site.ask(f"[zoo.load('tiny'), __import__('acme_seen').SEEN.copy(), {with_pluggy}]")
    assert found.error is None, found
    assert found.value[1] == list("daebcfg")
    seen = site.ask(f"[{with_pluggy}, __import__('acme_seen').SEEN][1]")
    assert seen.value == found.value[1]


def test_hook_loaded_tells_every_observer_what_was_loaded(site: Site) -> None:
    site.add_plugin("observer")
    loads = "zoo.load('tiny'), zoo.predictor('acme_mask'), zoo.load('mine.bin', provider='acme')"
    found = site.ask(f"[({loads}), __import__('acme_observer').SEEN][1]")
    assert found.value == [["acme", "acme_tiny"], ["acme", "acme_mask"], ["acme", None]]


def test_hook_loaded_that_fails_is_only_a_problem(site: Site) -> None:
    site.add_plugin("observer")
    site.add_plugin("observer_broken")
    found = site.ask("[zoo.load('tiny')['card'], __import__('acme_observer').SEEN]")
    assert found.value == ["acme_tiny", [["acme", "acme_tiny"]]]
    assert (found.problem["entry_point"], found.problem["phase"]) == ("observer_broken", "hook")
    assert "model_zoo_loaded: OSError: the audit log is full" in found.problem["message"]


def test_hook_loaded_is_called_beside_a_hook_that_this_host_does_not_have(site: Site) -> None:
    site.add_plugin("half_right")
    found = site.ask("[zoo.load('acme_tiny'), __import__('acme_half_right').SEEN]")
    assert found.value == [TINY, ["acme_tiny"]]
    said = {problem["message"].partition(" which")[0] for problem in found.problems}
    assert said == {
        "this host's contract (version 2) has no hook 'model_zoo_unloaded',",
        "this host's contract (version 2) can't call 'model_zoo_locate_weights',",
    }
    assert {(problem["entry_point"], problem["phase"]) for problem in found.problems} == {("half_right", "register")}
    assert all("in the host's environment: pip install --upgrade" in problem["message"] for problem in found.problems)


def test_hook_providers_may_return_a_list(site: Site) -> None:
    source = """
from model_zoo_api import ModelProvider, hookimpl

@hookimpl
def model_zoo_providers():
    return [ModelProvider(name=name, api_version=1, models=(), loader="acme:load") for name in ("one", "two")]
"""
    site.add("acme-list", "1.0", entry_points={"list": "acme_list"}, files={"acme_list.py": source})
    assert {"one", "two"} <= set(site.discover().providers)


def test_an_image_that_a_plugin_of_version_1_refuses_costs_no_other(site: Site) -> None:
    """That version says that it raises, and not what."""
    source = (PLUGINS.parent / "sound_1.py").read_text()
    site.add("acme-sound", "1.0", entry_points={"sound": "acme_sound"}, files={"acme_sound.py": source})
    write_picture(site.path / "good.png")
    (site.path / "bad.png").write_text("no image")
    images = ["good.png", "bad.png", "missing.png", "good.png"]
    call = f"zoo.predictor('middle', provider='sound')({images})"
    found = site.ask(f"[[one.index, len(one), one.error] for one in {call}]")
    assert [(index, boxes) for index, boxes, _ in found.value] == [(0, 1), (1, 0), (2, 0), (3, 1)]
    assert [error and name in error for name, (*_, error) in zip(images, found.value, strict=True)] == [
        None,
        True,
        True,
        None,
    ]
