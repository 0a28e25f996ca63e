"""What all bridges stand on: which models a host can offer, settings as people write them, loaded models kept."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from model_zoo_api import ModelCard, ModelProvider, ModelZoo, Setting
from model_zoo_api.bridges.offers import Offer, offers
from model_zoo_api.bridges.pool import PredictorPool
from model_zoo_api.bridges.written import names_in, read_value, writable
from model_zoo_api.discovery import PluginRegistry
from model_zoo_api.errors import ModelZooError, SettingError, WeightsNotFoundError
from model_zoo_api.settings import PROGRESS
from sites import Site


def zoo_of(*providers: ModelProvider) -> ModelZoo:
    registry = PluginRegistry()
    registry.providers.update({provider.name: provider for provider in providers})
    return ModelZoo(registry)


def card(name: str, task: str = "detect", **more: Any) -> ModelCard:
    return ModelCard(name=name, task=task, input_size=(32, 32), **more)


def provider(name: str, *cards: ModelCard, **more: Any) -> ModelProvider:
    work = {"loader": "acme:load", "predictor": "acme:predictor", **more}
    return ModelProvider(name=name, api_version=2, models=cards, **work)


# -- offers ------------------------------------------------------------------------------------------------------------


def test_offered_is_what_can_predict_boxes_or_poses() -> None:
    models = (card("boxes"), card("outlines", "segment"), card("people", "pose"), card("raw", untrained=True))
    without = provider("loads_only", card("loaded"), predictor=None)
    found = offers(zoo_of(provider("acme", *models), without))
    assert [(offer.name, offer.provider.name, offer.card.task) for offer in found] == [
        ("boxes", "acme", "detect"),
        ("people", "acme", "pose"),
    ]


def test_for_a_training_untrained_ones_count_too() -> None:
    trains = provider("acme", card("boxes"), card("raw", untrained=True), trainer="acme:trainer")
    found = offers(zoo_of(trains, provider("other", card("not_trained"))), ["detect"], role="trainer")
    assert [offer.name for offer in found] == ["boxes", "raw"]


def test_a_name_that_others_have_gets_its_provider_s() -> None:
    one = provider("one", card("tiny", aliases=("small", "minute")))
    two = provider("two", card("tiny"), card("small"))
    found = {offer.name: offer.aliases for offer in offers(zoo_of(one, two))}
    assert found == {"one/tiny": ("minute",), "two/tiny": (), "two/small": ()}
    (alone,) = offers(zoo_of(one))
    assert (alone.name, alone.aliases) == ("tiny", ("small", "minute", "one/tiny"))


def test_an_untrained_model_is_offered_where_a_plugin_supplies_its_weights(site: Site, tmp_path: Path) -> None:
    site.add_plugin("untrained")
    site.add_plugin("locate_weights")
    (tmp_path / "stored.bin").touch()
    script = (
        "from model_zoo_api.bridges.offers import installed_zoo, offers\n"
        "print([offer.name for offer in offers(installed_zoo())])"
    )
    done = site.python("-c", script, STORE=str(tmp_path))
    assert (done.stdout, done.stderr) == ("['stored']\n", "")


def test_a_process_discovers_once_whoever_asks_meanwhile(site: Site) -> None:
    site.add_plugin("slow_import")
    script = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from model_zoo_api import ModelZoo\n"
        "from model_zoo_api.bridges.offers import installed_zoo\n"
        "times, discover = [], ModelZoo.discover\n"
        "ModelZoo.discover = lambda: times.append(1) or discover()\n"
        "with ThreadPoolExecutor(8) as threads:\n"
        "    zoos = list(threads.map(lambda _: installed_zoo(), range(8)))\n"
        "print(len(times), len(set(map(id, zoos))), *zoos[0].providers)"
    )
    assert site.python("-c", script).stdout.split() == ["1", "1", "slow", "zebra"]


# -- settings as people write them -------------------------------------------------------------------------------------

RANGE = {"minimum": 0, "maximum": 1}
CONF = Setting(name="conf", kind="number", **RANGE)
SIZE = Setting(name="imgsz", kind="size", multiple_of=32)
CLASSES = Setting(name="classes", kind="classes")


def setting(kind: str, **more: Any) -> Setting:
    return Setting(name="it", kind=kind, **more)


@pytest.mark.parametrize(
    ("known", "text", "value"),
    [
        (CONF, "0.4", 0.4),
        (CONF, " 1 ", 1.0),
        (setting("integer"), "-3", -3),
        (setting("flag"), "True", True),
        (setting("flag"), "no", False),
        (setting("flag"), "0", False),
        (setting("choice", choices=("cpu", "gpu")), "gpu", "gpu"),
        (setting("choice", choices=(1, 2)), "2", 2),
        (SIZE, "640", 640),
        (SIZE, "320,640", (320, 640)),
        (SIZE, "320x640", (320, 640)),
        (SIZE, "[320, 640]", (320, 640)),
        (CLASSES, "cat, traffic light", ["cat", "traffic light"]),
        (CLASSES, "0,2,dog", [0, 2, "dog"]),
        (CLASSES, '["a, b", 3]', ["a, b", 3]),
        (setting("text"), " as it is ", " as it is "),
        (setting("path"), "a/b.txt", "a/b.txt"),
        (setting("any"), "cpu", "cpu"),
        (setting("any"), "true", True),
        (setting("any"), '["a", "b"]', ["a", "b"]),
        (setting("of_a_later_contract"), "{", "{"),
    ],
)
def test_a_text_is_what_the_kind_makes_of_it(known: Setting, text: str, value: Any) -> None:
    found = read_value(known, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("known", "text", "message"),
    [
        (CONF, "high", "conf='high' must be a number from 0 to 1"),
        (CONF, "2", "conf=2.0 must be a number from 0 to 1"),
        (CONF, "nan", "conf=nan must be a number from 0 to 1"),
        (CONF, "", "conf='' must be a number from 0 to 1"),
        (setting("integer"), "1.5", "it='1.5' must be a whole number"),
        (setting("integer"), "1_000", "it='1_000' must be a whole number"),
        (setting("flag"), "maybe", "it='maybe' must be True or False"),
        (setting("choice", choices=("cpu", "gpu")), "gpo", "it='gpo' must be one of cpu, gpu; did you mean 'gpu'?"),
        (SIZE, "33", "imgsz=33 must be one side in pixels, or height and width, each a multiple of 32"),
        (SIZE, "320,640,1", "imgsz=[320, 640, 1] must be one side in pixels"),
        (SIZE, "wide", "imgsz='wide' must be one side in pixels"),
        (CLASSES, " , ", "classes=' , ' must be names of classes or their indices"),
        (CLASSES, "-1", "classes=[-1] must be"),
        (CLASSES, "[true]", "classes=[True] must be"),
        (setting("path"), " ", "it=' ' must be a path"),
    ],
)
def test_a_text_that_means_nothing_is_refused_with_what_is_allowed(known: Setting, text: str, message: str) -> None:
    with pytest.raises(SettingError) as caught:
        read_value(known, text)
    assert str(caught.value).startswith(message)


def test_callbacks_can_t_be_written() -> None:
    assert writable((CONF, PROGRESS, SIZE)) == [CONF, SIZE]
    assert writable(None) == []


def test_names_stand_between_commas_or_line_breaks() -> None:
    assert names_in("cat,\n traffic light\ndog,") == ["cat", "traffic light", "dog"]
    assert names_in('["a, b"]') == ["a, b"]
    assert names_in("[odd") == ["[odd"]
    assert names_in("  ") == []


# -- the pool ----------------------------------------------------------------------------------------------------------


class Workshop:
    """Makes predictors that say how many of them are at work, and notes what was loaded and closed."""

    def __init__(self) -> None:
        self.loaded: list[str] = []
        self.closed: list[str] = []
        self.at_work: dict[str, int] = {}
        self.most_at_work = 0
        self.refuse: set[str] = set()
        self.pause = threading.Event()

    def load(self, source: str, *, card: ModelCard | None = None, **options: Any) -> str:
        self.pause.wait(0.05)
        if source in self.refuse:
            raise WeightsNotFoundError(f"no weights for {source}")
        self.loaded.append("".join([source, *(f" {name}={value}" for name, value in options.items())]))
        return self.loaded[-1]

    def predictor(self, model: str, **settings: Any) -> Any:
        return _Works(self, model)

    def offers(self, *names: str) -> tuple[ModelZoo, list[Offer]]:
        options = (Setting(name="threads", kind="integer"),)
        acme = provider("acme", *map(card, names), loader=self.load, predictor=self.predictor, options=options)
        zoo = zoo_of(acme)
        return zoo, offers(zoo)


class _Works:
    def __init__(self, shop: Workshop, model: str) -> None:
        self.shop, self.model = shop, model

    def __call__(self, source: Any, **settings: Any) -> list[Any]:
        busy = self.shop.at_work
        busy[self.model] = busy.get(self.model, 0) + 1
        self.shop.most_at_work = max(self.shop.most_at_work, busy[self.model])
        self.shop.pause.wait(0.01)
        busy[self.model] -= 1
        return [self.model]

    def close(self) -> None:
        assert not self.shop.at_work.get(self.model), "closed at work"
        self.shop.closed.append(self.model)


@pytest.fixture
def shop() -> Workshop:
    return Workshop()


def ask(pool: PredictorPool, offer: Offer, options: Mapping[str, Any] | None = None) -> Any:
    with pool.predictor(offer, options) as predict:
        return predict(["picture"])


def test_a_model_is_loaded_once_and_predicts_for_one_at_a_time(shop: Workshop) -> None:
    zoo, (one,) = shop.offers("one")
    pool = PredictorPool(zoo)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: ask(pool, one), range(16)))
    assert found == [["one"]] * 16
    assert (shop.loaded, shop.most_at_work, shop.closed) == (["one"], 1, [])


def test_other_options_are_another_predictor(shop: Workshop) -> None:
    zoo, (one,) = shop.offers("one")
    pool = PredictorPool(zoo)
    for options in ({}, {"threads": 2}, {"threads": None}, {"threads": 2}):
        ask(pool, one, options)
    assert shop.loaded == ["one", "one threads=2"]


def test_the_least_recently_used_is_closed(shop: Workshop) -> None:
    zoo, (one, two, three) = shop.offers("one", "two", "three")
    pool = PredictorPool(zoo, most=2)
    for offer in (one, two, one, three):
        ask(pool, offer)
    assert (shop.loaded, shop.closed, len(pool)) == (["one", "two", "three"], ["two"], 2)
    pool.close()
    assert sorted(shop.closed) == ["one", "three", "two"]
    assert ask(pool, one) == ["one"]
    assert len(pool) == 0


def test_one_in_use_is_closed_when_it_is_given_back(shop: Workshop) -> None:
    zoo, (one, two) = shop.offers("one", "two")
    pool = PredictorPool(zoo, most=1)
    with pool.predictor(one) as predict:
        ask(pool, two)
        assert predict(["picture"]) == ["one"]
        assert shop.closed == ["two"]
        pool.close()
        assert predict(["picture"]) == ["one"]
    assert shop.closed == ["two", "one"]


def test_what_can_t_be_loaded_is_tried_again(shop: Workshop) -> None:
    zoo, (one,) = shop.offers("one")
    pool = PredictorPool(zoo)
    shop.refuse.add("one")
    with ThreadPoolExecutor(2) as threads:
        tried = [threads.submit(ask, pool, one) for _ in range(2)]
    assert all(isinstance(future.exception(), WeightsNotFoundError) for future in tried)
    assert len(pool) == 0
    shop.refuse.clear()
    assert ask(pool, one) == ["one"]


def test_a_request_that_fails_gives_its_predictor_back(shop: Workshop) -> None:
    zoo, (one,) = shop.offers("one")
    pool = PredictorPool(zoo)
    with pytest.raises(ModelZooError), pool.predictor(one) as predict:
        predict(None)
    assert ask(pool, one) == ["one"]
    assert shop.loaded == ["one"]


def test_a_card_says_in_one_word_that_it_is_untrained() -> None:
    card("raw", untrained=True).check()
    with pytest.raises(TypeError, match=r"untrained is 1 \(int\), expected bool"):
        card("odd", untrained=1).check()
