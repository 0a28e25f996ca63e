"""What crosses the contract keeps what it doesn't know, and says what is wrong; a host never meets a wrong value."""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, asdict, fields, replace
from functools import partial
from itertools import repeat
from typing import Any

import pytest

from model_zoo_api import ModelCard, ModelProvider
from model_zoo_api.errors import FactoryError, ModelZooError, UnknownModelError
from model_zoo_api.problems import PluginProblem
from model_zoo_api.types import KNOWN_TASKS, Licence, Metric, WeightFile, usable

CARD = {"name": "acme_tiny", "task": "detect", "input_size": (320, 320)}
PROVIDER = {"name": "acme", "api_version": 1, "models": (ModelCard(**CARD),), "loader": "acme.models:load"}
LICENCE = {"name": "MIT", "url": "https://example.org"}
METRIC = {"name": "mAP", "value": 50.0, "dataset": "COCO val2017", "source": "https://example.org"}
FILE = {"filename": "a.bin"}
FIELDS = {ModelCard: CARD, ModelProvider: PROVIDER, Licence: LICENCE, Metric: METRIC, WeightFile: FILE}


def make(kind: type, **changes) -> Any:
    """A record that passes its check."""
    record = kind(**{**FIELDS[kind], **changes})
    record.check()
    return record


make_card = partial(make, ModelCard)
make_provider = partial(make, ModelProvider)
make_licence = partial(make, Licence)
make_metric = partial(make, Metric)
make_file = partial(make, WeightFile)


# -- cards -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "yolo_nas_s", "yolo-nas-s", "Model1.5"])
def test_names_hold_letters_digits_dots_dashes_and_underscores(name: str) -> None:
    assert make_card(name=name).name == name
    assert make_provider(name=name).name == name


@pytest.mark.parametrize("name", ["", "with space", "a/b", "-dash", ".dot", "tiny\n", "größe", "x" * 201])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="may hold only letters, digits"):
        make_card(name=name)
    with pytest.raises(ValueError, match="may hold only letters, digits"):
        make_card(aliases=(name,))
    with pytest.raises(ValueError, match="may hold only letters, digits"):
        make_provider(name=name)


@pytest.mark.parametrize("name", [None, 3, b"acme"])
def test_a_name_that_is_no_string_is_refused(name: object) -> None:
    with pytest.raises(TypeError, match="not a string"):
        make_card(name=name)
    with pytest.raises(TypeError, match="not a string"):
        make_provider(name=name)


@pytest.mark.parametrize("task", [*KNOWN_TASKS, "caption", "depth-estimation", "ocr2", "acme.count", "zero_shot"])
def test_a_task_is_a_word_and_need_not_be_known(task: str) -> None:
    assert make_card(task=task).task == task


@pytest.mark.parametrize(
    "task", ["", "Detect", "find cats", "-x", "x-", "a--b", "détection", "detect\n", "a/b", "x" * 201]
)
def test_a_task_that_is_no_word_is_refused_with_those_that_are_known(task: str) -> None:
    said = "model 'acme_tiny': task is .*, expected lower-case .*, such as detect, segment, classify, pose, obb"
    with pytest.raises(ValueError, match=said):
        make_card(task=task)


@pytest.mark.parametrize("size", [(320,), (3, 320, 320), (0, 320), (320, -1)])
def test_an_input_size_is_height_and_width(size: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(height, width\) in pixels"):
        make_card(input_size=size)


@pytest.mark.parametrize(
    "changes",
    [
        {"input_size": 320},
        {"input_size": (320.0, 320.0)},
        {"aliases": "tiny"},
        {"aliases": (1,)},
        {"classes": "person"},
        {"classes": None},
        {"metrics": ({"mAP": 50.0},)},
        {"weights": ("tiny.bin",)},
        {"parameters": "8M"},
        {"gflops": "17"},
        {"licence": "Apache-2.0"},
        {"input_size": (True, 320)},
        {"parameters": True},
        {"gflops": False},
        {"training_data": ("COCO",)},
    ],
    ids=str,
)
def test_a_card_refuses_a_field_of_the_wrong_type(changes: dict) -> None:
    (name,) = changes
    with pytest.raises(TypeError, match=f"model 'acme_tiny': {name} "):
        make_card(**changes)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (lambda: make_licence(name=None), "licence None: name is None (NoneType), expected str"),
        (lambda: make_licence(url=3), "licence 'MIT': url is 3 (int), expected str"),
        (lambda: make_licence(commercial_use=1), "licence 'MIT': commercial_use is 1 (int), expected bool or None"),
        (lambda: make_metric(name=5), "metric 5: name is 5 (int), expected str"),
        (lambda: make_metric(value="47.5"), "metric 'mAP': value is '47.5' (str), expected int or float"),
        (lambda: make_metric(value=None), "metric 'mAP': value is None (NoneType), expected int or float"),
        (lambda: make_metric(value=True), "metric 'mAP': value is True (bool), expected int or float"),
        (lambda: make_metric(dataset=None), "metric 'mAP': dataset is None (NoneType), expected str"),
        (lambda: make_metric(source=None), "metric 'mAP': source is None (NoneType), expected str"),
        (lambda: make_file(filename=None), "weight file None: filename is None (NoneType), expected str"),
        (lambda: make_file(urls="http://x"), "weight file 'a.bin': urls is 'http://x', expected a tuple of str"),
        (lambda: make_file(urls=None), "weight file 'a.bin': urls is None, expected a tuple of str"),
        (lambda: make_file(urls=(None,)), "weight file 'a.bin': urls holds None, not a str"),
        (lambda: make_file(sha256=b"0"), "weight file 'a.bin': sha256 is b'0' (bytes), expected str or None"),
        (lambda: make_file(size="4"), "weight file 'a.bin': size is '4' (str), expected int or None"),
        (lambda: make_file(size=4.0), "weight file 'a.bin': size is 4.0 (float), expected int or None"),
        (lambda: make_file(size=True), "weight file 'a.bin': size is True (bool), expected int or None"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_part_of_a_card_refuses_a_field_of_the_wrong_type(record: Callable[[], object], said: str) -> None:
    with pytest.raises(TypeError) as raised:
        record()
    assert str(raised.value) == said


def test_parts_of_a_card_take_every_type_of_the_contract() -> None:
    assert [make_licence(commercial_use=use).commercial_use for use in (True, False, None)] == [True, False, None]
    assert [make_metric(value=value).value for value in (50, 50.5)] == [50, 50.5]
    assert make_file(urls=["https://example.org"], size=4, sha256="0" * 64).urls == ("https://example.org",)


def test_lists_in_a_card_become_tuples() -> None:
    card = make_card(aliases=["tiny"], classes=["cat"], input_size=[320, 640], weights=[WeightFile(filename="t.bin")])
    assert (card.aliases, card.classes, card.input_size) == (("tiny",), ("cat",), (320, 640))
    assert hash(card) == hash(
        make_card(aliases=("tiny",), classes=("cat",), input_size=(320, 640), weights=card.weights)
    )


# -- providers ---------------------------------------------------------------------------------------------------


def test_a_model_name_used_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="'acme_tiny' has a name that is used twice: acme_tiny"):
        make_provider(models=(make_card(), make_card()))
    with pytest.raises(ValueError, match="'tiny' has a name that is used twice: tiny"):
        make_provider(models=(make_card(name="tiny"), make_card(aliases=("tiny",))))


@pytest.mark.parametrize("models", [None, "acme_tiny", make_card(), ("acme_tiny",), ({"name": "acme_tiny"},)], ids=str)
def test_models_hold_cards(models: object) -> None:
    with pytest.raises(TypeError, match="provider 'acme': models "):
        make_provider(models=models)


@pytest.mark.parametrize("version", ["1", 1.0, None, True])
def test_an_api_version_is_an_integer(version: object) -> None:
    with pytest.raises(TypeError, match=r"api_version is .*, expected int"):
        make_provider(api_version=version)


@pytest.mark.parametrize("role", ["loader", "task_map", "predictor", "validator", "trainer", "exporter"])
@pytest.mark.parametrize(
    "reference", ["acme.models", "acme.models.load", "acme:", ":load", "acme models:load", "acme:load()", ""]
)
def test_a_reference_is_a_module_and_an_attribute(role: str, reference: str) -> None:
    with pytest.raises(ValueError, match=f"{role} is .*, expected 'module:attribute'"):
        make_provider(**{role: reference})


@pytest.mark.parametrize("changes", [{"loader": None}, {"loader": 3}, {"predictor": {}}, {"task_map": 3}], ids=str)
def test_a_factory_of_the_wrong_type_is_refused(changes: dict) -> None:
    (role,) = changes
    with pytest.raises(TypeError, match=f"provider 'acme': {role} is .*, expected 'module:attribute' or a callable"):
        make_provider(**changes)


# -- factories ---------------------------------------------------------------------------------------------------


def test_a_reference_is_imported_when_the_factory_is_asked_for(tmp_path, monkeypatch) -> None:
    (tmp_path / "acme_lazy.py").write_text("class Models:\n    load = staticmethod(lambda source: source.upper())\n")
    monkeypatch.syspath_prepend(tmp_path)
    provider = make_provider(loader="acme_lazy:Models.load")
    assert "acme_lazy" not in sys.modules
    assert provider.factory("loader")("weights") == "WEIGHTS"
    sys.modules.pop("acme_lazy")


def test_a_factory_may_be_the_object_itself() -> None:
    task_map = {"detect": {"predictor": object}}
    provider = make_provider(loader=len, task_map=task_map)
    assert provider.factory("loader") is len
    assert provider.factory("task_map") is task_map


def test_a_factory_that_is_not_offered_says_so() -> None:
    with pytest.raises(FactoryError, match=r"^provider 'acme' offers no exporter$"):
        make_provider().factory("exporter")


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("acme_absent:load", "ModuleNotFoundError: No module named 'acme_absent'"),
        ("json:absent", "AttributeError: module 'json' has no attribute 'absent'"),
        ("json:decoder.absent", "AttributeError: module 'json.decoder' has no attribute 'absent'"),
    ],
)
def test_a_reference_to_nothing_says_what_is_missing(reference: str, said: str) -> None:
    with pytest.raises(FactoryError) as raised:
        make_provider(loader=reference).factory("loader")
    assert str(raised.value) == f"provider 'acme': its loader '{reference}' can't be imported: {said}"


def test_a_factory_whose_module_fails_keeps_the_cause(tmp_path, monkeypatch) -> None:
    (tmp_path / "acme_no_driver.py").write_text("raise OSError('no driver')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(FactoryError, match="can't be imported: OSError: no driver") as raised:
        make_provider(loader="acme_no_driver:load").factory("loader")
    assert isinstance(raised.value.__cause__, OSError)


# -- all of them -------------------------------------------------------------------------------------------------

PROBLEM = PluginProblem(distribution="acme", version="1.0", entry_point="acme", phase="import", message="no")


@pytest.mark.parametrize(
    "record",
    [make_card(), make_provider(), make_licence(), make_metric(), make_file(), PROBLEM],
    ids=lambda record: type(record).__name__,
)
def test_records_are_frozen_and_survive_pickling(record: object) -> None:
    first = fields(record)[0].name
    with pytest.raises((FrozenInstanceError, AttributeError)):
        setattr(record, first, "changed")
    assert pickle.loads(pickle.dumps(record)) == record


def test_a_problem_reads_as_one_line_and_compares_without_its_exception() -> None:
    raised = PluginProblem(
        distribution="acme", version="1.0", entry_point="acme", phase="import", message="no", exception=OSError("no")
    )
    assert raised == PROBLEM
    assert str(raised) == "acme 1.0 (entry point 'acme'), import: no"


def test_errors_of_this_package_have_one_base_and_read_plainly() -> None:
    for error in (FactoryError("no"), UnknownModelError("no")):
        assert isinstance(error, ModelZooError)
        assert str(error) == "no"
    assert isinstance(UnknownModelError("no"), LookupError)


# -- what a message says, and how long it takes ------------------------------------------------------------------


def test_a_problem_of_anything_can_be_printed_compared_and_hashed() -> None:
    class RaisingError(Exception):
        def _fail(self, *args: object) -> None:
            raise SystemExit("no words")

        __repr__ = __str__ = __eq__ = __hash__ = __bool__ = _fail

    parts = {
        name: RaisingError() for name in ("distribution", "version", "entry_point", "phase", "message", "exception")
    }
    first, second = PluginProblem(**parts), PluginProblem(**parts)
    assert "<RaisingError, which can't be shown>" in str(first)
    assert "<RaisingError, which can't be shown>" in repr(first)
    assert first == second
    assert hash(first) == hash(second)


def test_a_value_in_a_message_is_one_short_line() -> None:
    with pytest.raises(ValueError, match="may hold only letters") as caught:
        make_card(name="\x1b[2J\n\udcff" + "x" * 10**6)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_twenty_thousand_cards_take_no_longer_than_ten_times_two_thousand() -> None:
    def seconds(count: int) -> float:
        cards = tuple(make_card(name=f"m{i}", aliases=(f"a{i}",)) for i in range(count))
        start = time.process_time()
        assert len(usable(ModelProvider(**{**PROVIDER, "models": cards}))[0].models) == count
        return time.process_time() - start

    assert seconds(20_000) < 30 * max(seconds(2_000), 0.01)  # a hundred times, where it is quadratic


def test_names_used_twice_among_many_are_named_but_not_all() -> None:
    cards = (make_card(aliases=[f"a{i:04}" for i in range(1000)]),) * 2
    with pytest.raises(ValueError, match=r"used twice: a0000, a0001, .* and 981 more$"):
        make_provider(models=cards)


def test_counts_and_sides_have_sixty_three_bits() -> None:
    most = 2**63 - 1
    assert make_card(input_size=(1, most), parameters=most).parameters == most
    assert WeightFile(filename="a.bin", size=most).size == most
    for make in (
        lambda: make_card(input_size=(1, most + 1)),
        lambda: make_card(parameters=most + 1),
        lambda: make_card(gflops=float("inf")),
        lambda: make_metric(value=float("nan")),
        lambda: make_file(size=most + 1),
    ):
        with pytest.raises(ValueError, match=r"hosts can't print or store|in pixels$"):
            make()


def test_a_field_holds_a_million_items() -> None:
    assert len(make_card(classes=("dog",) * 1_000_000).classes) == 1_000_000
    with pytest.raises(ValueError, match="classes holds more than 1000000 items, or never ends"):
        make_card(classes=("dog",) * 1_000_001)


def test_every_field_of_a_record_has_the_default_that_is_documented() -> None:
    card = ModelCard(name="m", task="detect", input_size=(1, 1))
    assert (card.aliases, card.classes, card.metrics, card.weights) == ((), (), (), ())
    assert (card.parameters, card.gflops, card.licence, card.training_data) == (None, None, None, None)
    file = make_file()
    assert (file.urls, file.sha256, file.size) == ((), None, None)
    assert Licence(name="MIT", url="u").commercial_use is None
    provider = make_provider()
    roles = (provider.task_map, provider.predictor, provider.validator, provider.trainer, provider.exporter)
    assert roles == (None,) * 5
    assert PluginProblem(distribution="", version="", entry_point="", phase="hook", message="").exception is None


# -- what a later contract may add, and what is wrong -----------------------------------------------------------------


@pytest.mark.parametrize("kind", FIELDS, ids=lambda kind: kind.__name__)
def test_a_record_keeps_fields_that_the_contract_does_not_know(kind: type) -> None:
    record = make(kind, devices=("cuda",), extra={"quality": {"F1": 0.5}})
    assert record.extra == {"devices": ("cuda",), "quality": {"F1": 0.5}}
    assert asdict(record)["extra"] == record.extra
    assert pickle.loads(pickle.dumps(record)) == record
    assert record != make(kind)
    assert hash(record) == hash(make(kind, devices=["cuda"]))  # which can't be hashed, and takes no part in it
    again = replace(record, devices=("cpu",))
    assert again.extra == {"devices": ("cpu",), "quality": {"F1": 0.5}}
    assert record.extra["devices"] == ("cuda",)


@pytest.mark.parametrize("kind", FIELDS, ids=lambda kind: kind.__name__)
def test_what_a_record_keeps_has_names(kind: type) -> None:
    assert make(kind).extra == {}
    for extra, said in ((None, "extra is None"), (["devices"], r"extra is \['devices'\]"), ({3: 1}, "has the name 3")):
        with pytest.raises(TypeError, match=f"{said} .*, expected"):
            kind(**FIELDS[kind], extra=extra).check()


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, given in FIELDS.items() for name in given], ids=lambda one: str(one)
)
def test_a_record_that_lacks_a_field_says_which(kind: type, name: str) -> None:
    given = {field: value for field, value in FIELDS[kind].items() if field != name}
    record = kind(**given, nmae="misspelt")
    assert pickle.loads(pickle.dumps(record)) == record
    with pytest.raises((TypeError, ValueError), match=f"{name} is missing, .*(expected|not a string)") as raised:
        record.check()
    if name != "loader":
        assert "; it has 'nmae', which this host's contract doesn't know" in str(raised.value)


@pytest.mark.parametrize("kind", FIELDS, ids=lambda kind: kind.__name__)
def test_a_record_can_be_made_of_anything(kind: type) -> None:
    for field in fields(kind):
        record = kind(**{**FIELDS[kind], field.name: object()})
        with pytest.raises((TypeError, ValueError), match=f"{field.name} is <object"):
            record.check()


def test_a_field_that_can_be_read_once_is_found_wrong_every_time() -> None:
    def stops() -> Iterator[str]:
        yield "dog"
        raise RuntimeError("no more")

    for classes in (stops(), iter(["dog", 3]), repeat("dog")):
        card = ModelCard(**CARD, classes=classes)
        for _ in range(2):
            with pytest.raises((TypeError, ValueError), match=r"model 'acme_tiny': classes (is|holds) "):
                card.check()


def test_a_wrong_part_of_a_card_is_found_by_the_card_s_check() -> None:
    for changes, said in (
        ({"licence": Licence(name="MIT")}, "licence 'MIT': url is missing"),
        ({"code_licence": Licence(name=3, url="u")}, "licence 3: name is 3"),
        ({"metrics": [Metric(**{**METRIC, "value": "much"})]}, "metric 'mAP': value is 'much'"),
        ({"weights": [WeightFile(filename="a.bin", size="4")]}, "weight file 'a.bin': size is '4'"),
    ):
        with pytest.raises(TypeError, match=f"^model 'acme_tiny': {said}"):
            ModelCard(**{**CARD, **changes}).check()
        with pytest.raises(TypeError, match=f"^provider 'acme': model 'acme_tiny': {said}"):
            ModelProvider(**{**PROVIDER, "models": [ModelCard(**{**CARD, **changes})]}).check()


def test_cards_that_are_wrong_are_left_out_one_by_one() -> None:
    cards = [
        ModelCard(**{**CARD, "name": "good"}),
        ModelCard(**{**CARD, "name": "bad", "input_size": 320}),
        ModelCard(**{**CARD, "name": "twice"}),
        ModelCard(**{**CARD, "name": "later", "resolution": "any"}),
        "no card",
        ModelCard(**{**CARD, "name": "other", "aliases": ["twice"]}),
        ModelCard(),
    ]
    for order in (cards, cards[::-1]):
        given = ModelProvider(**{**PROVIDER, "models": order})
        found, faults = usable(given)
        assert sorted(card.name for card in found.models) == ["good", "later"]
        assert len(given.models) == len(cards)  # the plugin's own record stays as it is
        assert sorted(fault.partition(", expected")[0] for fault in faults) == [
            "provider 'acme': model 'bad': input_size is 320",
            "provider 'acme': model 'other' has a name that is used twice: twice",
            "provider 'acme': model 'twice' has a name that is used twice: twice",
            "provider 'acme': model name is missing, not a string",
            "provider 'acme': models holds 'no card' (str), not a ModelCard",
        ]
    assert usable(make_provider()) == (make_provider(), [])


def test_a_card_tells_more_where_it_is_known() -> None:
    card = make_card(description="Finds pets.", homepage="https://example.org", code_licence=make_licence(name="AGPL"))
    assert (card.description, card.homepage, card.code_licence.name) == ("Finds pets.", "https://example.org", "AGPL")
