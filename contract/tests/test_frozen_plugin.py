"""A plugin published with API version 1 goes on working, with ModelZoo and with pluggy alone."""

from __future__ import annotations

import hashlib

import pytest

from sites import PLUGINS, Site

pytest.importorskip("yolonas_plugin", reason="the contract was a part of it in API 1, and the frozen plugin names it")

FROZEN = PLUGINS / "frozen_api_1"


@pytest.fixture
def site(site: Site) -> Site:
    files = {"frozen_api_1.py": (FROZEN / "frozen_api_1.py").read_text()}
    site.add("frozen-api-1", "1.0", entry_points=(FROZEN / "entry_points.txt").read_text(), files=files)
    return site


def test_nobody_edited_it() -> None:
    text = (FROZEN / "frozen_api_1.py").read_text(encoding="utf-8")  # as text: git may change line ends
    assert hashlib.sha256(text.encode()).hexdigest() == (FROZEN / "SHA256").read_text().strip()


def test_it_is_discovered_without_a_problem(site: Site) -> None:
    found = site.discover(strict=True)
    assert found.error is None
    assert found.zoo["providers"]["frozen"] == ["frozen_box"]


def test_its_card_reads_as_it_was_written(site: Site) -> None:
    found = site.ask("__import__('dataclasses').asdict(zoo.find('frozen-box')[1])")
    assert found.value == {
        "name": "frozen_box",
        "task": "detect",
        "input_size": [64, 96],
        "aliases": ["frozen-box"],
        "parameters": 4,
        "gflops": 0.1,
        "classes": ["thing", "other thing"],
        "metrics": [
            {"name": "mAP50-95", "value": 1.5, "dataset": "none", "source": "https://example.org/results", "extra": {}},
        ],
        "weights": [
            {
                "filename": "frozen_box.bin",
                "urls": ["https://example.org/frozen_box.bin"],
                "sha256": "0" * 64,
                "size": 4,
                "extra": {},
            },
        ],
        "licence": {"name": "CC0-1.0", "url": "https://example.org/licence", "commercial_use": True, "extra": {}},
        "training_data": "nothing",
        "untrained": False,
        "code_licence": None,
        "description": None,
        "homepage": None,
        "extra": {},
    }


def test_it_loads_and_observes(site: Site) -> None:
    found = site.ask("[vars(zoo.load('frozen_box')), vars(zoo.load('mine.bin', provider='frozen'))]")
    named, from_path = found.value
    assert (named["source"], named["seen_by_hook"]) == ("frozen_box", ["frozen", "frozen_box"])
    assert (from_path["source"], from_path["seen_by_hook"]) == ("mine.bin", ["frozen", None])
    assert found.problems == []


def test_it_predicts(site: Site) -> None:
    found = site.ask(
        "[[result.path, result.names[result.labels.tolist()[0]], result.scores.tolist(), result.boxes.tolist()]"
        " for result in zoo.predictor('frozen_box', conf=0.4)(['a.jpg', 'b.jpg'])]"
    )
    assert found.value == [[name, "other thing", [0.4], [[1, 2, 30, 40]]] for name in ("a.jpg", "b.jpg")]


def test_it_validates(site: Site) -> None:
    found = site.ask("zoo.validator('frozen_box', data='coco8.yaml')(batch=1)")
    assert found.value == {"model": "frozen_box", "data": "coco8.yaml", "batch": 1}


def test_its_other_factories_resolve(site: Site) -> None:
    model = "zoo.load('frozen_box')"
    provider = "zoo.providers['frozen']"
    assert site.ask(f"{provider}.factory('trainer')({model})(epochs=1)").value == {"trained": "frozen_box", "epochs": 1}
    assert site.ask(f"{provider}.factory('exporter')({model})()").value == {"exported": "frozen_box"}
    assert site.ask(f"sorted({provider}.factory('task_map')['detect'])").value == ["predictor", "validator"]


def test_it_works_with_pluggy_alone(site: Site) -> None:
    code = """
import pluggy
from model_zoo_api import hookspecs

manager = pluggy.PluginManager(hookspecs.PROJECT)
manager.add_hookspecs(hookspecs)
manager.load_setuptools_entrypoints(hookspecs.GROUP)
providers = {p.name: p for found in manager.hook.model_zoo_providers() for p in found}
frozen = providers["frozen"]
(card,) = frozen.models
assert manager.hook.model_zoo_locate_weights(card=card) is None
model = frozen.factory("loader")(card.name, card=card)
manager.hook.model_zoo_loaded(provider=frozen, card=card, model=model)
(result,) = frozen.factory("predictor")(model, conf=0.3)("cat.jpg")
print(result.path, result.boxes.conf[0], model.seen_by_hook, frozen.factory("validator")(model)())
"""
    done = site.python("-c", code)
    assert done.stdout.strip() == "cat.jpg 0.3 ('frozen', 'frozen_box') {'model': 'frozen_box'}", done.stderr
