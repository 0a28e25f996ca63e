"""What crosses the contract is checked when it is made, so that a host never meets a wrong value later."""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields

import pytest

from model_zoo_api import ModelCard, ModelProvider
from model_zoo_api.errors import FactoryError, ModelZooError, UnknownModelError
from model_zoo_api.types import Licence, Metric, PluginProblem, WeightFile, checked


def make_card(**changes) -> ModelCard:
    return ModelCard(**{"name": "acme_tiny", "task": "detect", "input_size": (320, 320), **changes})


def make_provider(**changes) -> ModelProvider:
    return ModelProvider(
        **{"name": "acme", "api_version": 1, "models": (make_card(),), "loader": "acme.models:load", **changes}
    )


def make_licence(**changes) -> Licence:
    return Licence(**{"name": "MIT", "url": "https://example.org", **changes})


def make_metric(**changes) -> Metric:
    return Metric(
        **{"name": "mAP", "value": 50.0, "dataset": "COCO val2017", "source": "https://example.org", **changes}
    )


def make_file(**changes) -> WeightFile:
    return WeightFile(filename="a.bin", **changes)


# -- cards -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "yolo_nas_s", "yolo-nas-s", "Model1.5"])
def test_names_hold_letters_digits_dots_dashes_and_underscores(name: str) -> None:
    assert make_card(name=name).name == name
    assert make_provider(name=name).name == name


@pytest.mark.parametrize("name", ["", "with space", "a/b", "-dash", ".dot", "tiny\n", "größe"])
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


def test_an_unknown_task_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'detection'; expected one of detect, segment, classify, pose, obb"):
        make_card(task="detection")


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
        (lambda: WeightFile(filename=None), "weight file None: filename is None (NoneType), expected str"),
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
    with pytest.raises(ValueError, match="uses a model name twice: acme_tiny"):
        make_provider(models=(make_card(), make_card()))
    with pytest.raises(ValueError, match="uses a model name twice: tiny"):
        make_provider(models=(make_card(name="tiny"), make_card(aliases=("tiny",))))


@pytest.mark.parametrize("models", [None, "acme_tiny", make_card(), ("acme_tiny",), ({"name": "acme_tiny"},)], ids=str)
def test_models_hold_cards(models: object) -> None:
    with pytest.raises(TypeError, match="provider 'acme': models "):
        make_provider(models=models)


@pytest.mark.parametrize("version", ["1", 1.0, None, True])
def test_an_api_version_is_an_integer(version: object) -> None:
    with pytest.raises(TypeError, match=r"api_version is .*, not an integer"):
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
        start = time.perf_counter()
        assert len(checked(make_provider(models=cards)).models) == count
        return time.perf_counter() - start

    assert seconds(20_000) < 30 * max(seconds(2_000), 0.01)  # a hundred times, where it is quadratic


def test_names_used_twice_among_many_are_named_but_not_all() -> None:
    cards = tuple(make_card(name=f"m{i:04}") for i in range(1000)) * 2
    with pytest.raises(ValueError, match=r"uses a model name twice: m0000, m0001, .* and 980 more$"):
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
