"""What a host tells a loader and a predictor, checked before anything is loaded; and packages that are missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sites import Site


@pytest.fixture
def site(site: Site) -> Site:
    site.add_plugin("says_settings")
    return site


def ask(site: Site, expression: str) -> Any:
    found = site.ask(expression)
    assert found.error is None, found
    return found.value


def test_options_go_to_the_loader_and_settings_to_the_predictor(site: Site) -> None:
    made = ask(site, "zoo.predictor('says_tiny', device='gpu', conf=0.4, load={'threads': 2})(['a'], imgsz=[64, 96])")
    assert made == [[{"device": "gpu", "threads": 2}, {"conf": 0.4}, {"imgsz": [64, 96]}]]
    streamed = ask(site, "list(zoo.predictor('says_tiny', conf=1).stream(['a', 'b'], conf=None, imgsz=32))")
    assert streamed == [[{}, {"conf": 1}, {"imgsz": 32}]] * 2


@pytest.mark.parametrize("role", ["validator", "trainer", "exporter"])
def test_other_roles_load_with_options_and_get_the_rest(site: Site, role: str) -> None:
    found = ask(site, f"zoo.{role}('says_tiny', device='gpu', data='set.yaml', load={{'threads': 2}})(epochs=1)")
    assert found == [{"device": "gpu", "threads": 2}, {"data": "set.yaml"}, {"epochs": 1}]


WRONG = {
    "zoo.predictor('says_tiny', cnof=0.4)": "the predictor of 'says' has no setting 'cnof'; did you mean 'conf'?",
    "zoo.predictor('says_tiny', devise=1)": "the predictor of 'says' has no setting 'devise'; did you mean 'device'?",
    "zoo.predictor('says_tiny', conf=2)": "conf=2 must be a number from 0 to 1",
    "zoo.predictor('says_tiny', device='npu')": "device='npu' must be one of cpu, gpu; did you mean 'gpu'?",
    "zoo.predictor('says_tiny', load={'conf': 1})": "the loader of 'says' has no setting 'conf'; its predictor has it",
    "zoo.predictor('says_tiny', progress=3)": "progress=3 must be a function",
    "zoo.load('says_tiny', thread=1)": "the loader of 'says' has no setting 'thread'; did you mean 'threads'?",
    "zoo.load('mine.bin', provider='says', threads=0)": "threads=0 must be a whole number of 1 or more",
    "zoo.trainer('says_tiny', threads=0)": "threads=0 must be a whole number of 1 or more",
}


def refusals(site: Site, module: str, calls: list[str]) -> list[Any]:
    """Try wrong calls in one process; return what each raised, and what the module says was loaded until then."""
    program = """
import importlib, json, sys
from model_zoo_api import ModelZoo
module = importlib.import_module(sys.argv[1])
zoo = ModelZoo.discover()
for call in json.loads(sys.argv[2]):
    try:
        eval(call)
    except Exception as error:
        print(json.dumps([type(error).__module__, type(error).__name__, str(error), module.CALLS]))
    else:
        print(json.dumps(["nothing was raised", call]))
"""
    done = site.python("-c", program, module, json.dumps(calls))
    assert not done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_is_wrong_is_said_before_anything_is_loaded(site: Site) -> None:
    found = refusals(site, "acme_says_settings", list(WRONG))
    assert found == [["model_zoo_api.errors", "SettingError", message, []] for message in WRONG.values()]


TRAINS = """
from model_zoo_api import ModelCard, ModelProvider, Setting, hookimpl

CALLS = []
OPTIONS = (Setting(name="device", kind="choice", choices=("cpu", "gpu")),)
TRAINING = (Setting(name="epochs", kind="integer", minimum=1), Setting(name="conf", kind="number", maximum=0.5))

@hookimpl
def model_zoo_providers():
    yield ModelProvider(
        name="trains", api_version=2, models=(ModelCard(name="raw", task="detect", input_size=(64, 64)),),
        loader="acme_trains:load", trainer="acme_trains:trainer",
        options=OPTIONS, settings=(Setting(name="conf", kind="number", maximum=1),), trainer_settings=TRAINING,
    )

def load(source, *, card=None, **options):
    CALLS.append("load")

def trainer(model, **settings):
    return lambda **more: [settings, more]
"""


def test_what_a_trainer_is_told_is_checked_before_anything_is_loaded_and_at_the_call(site: Site) -> None:
    site.add("acme-trains", "1.0", entry_points={"trains": "acme_trains"}, files={"acme_trains.py": TRAINS})
    wrong = {
        "zoo.trainer('raw', epoch=3)": "the trainer of 'trains' has no setting 'epoch'; did you mean 'epochs'?",
        "zoo.trainer('raw', epochs=0)": "epochs=0 must be a whole number of 1 or more",
        "zoo.trainer('raw', conf=0.7)": "conf=0.7 must be a number of at most 0.5",
        "zoo.trainer('raw', device='npu')": "device='npu' must be one of cpu, gpu; did you mean 'gpu'?",
    }
    found = refusals(site, "acme_trains", [*wrong, "zoo.trainer('raw')(epochs='many')"])
    assert found[:-1] == [["model_zoo_api.errors", "SettingError", message, []] for message in wrong.values()]
    assert found[-1][2:] == ["epochs='many' must be a whole number of 1 or more", ["load"]]
    trained = ask(site, "zoo.trainer('raw', device='gpu', epochs=2)(conf=0.5, epochs=None)")
    assert trained == [{"epochs": 2}, {"conf": 0.5}]


def test_a_call_is_checked_as_well(site: Site) -> None:
    for call, message in {
        "(['a'], cnof=1)": "has no setting 'cnof'; did you mean 'conf'?",
        "(['a'], conf='high')": "conf='high' must be a number from 0 to 1",
        ".stream(['a'], device='cpu')": "the predictor of 'says' has no setting 'device'; its loader has it",
    }.items():
        found = site.ask(f"zoo.predictor('says_tiny'){call}")
        assert (found.error_type, message in found.error) == ("SettingError", True), found


def test_a_provider_that_says_nothing_gets_all_as_it_is(site: Site) -> None:
    site.add_plugin("good")
    found = ask(site, "zoo.predictor('acme_mask', device='cpu', conf=None, load={'threads': 1})(['a'], cnof=1)")
    model = {"source": "acme_mask", "card": "acme_mask", "threads": 1}
    assert found == [{"image": ["a"], "model": model, "device": "cpu", "conf": None, "cnof": 1}]


def test_a_loader_s_signature_is_not_asked(site: Site) -> None:
    """What it names itself goes to the predictor too, unless the provider says that it is an option."""
    source = """
from model_zoo_api import ModelCard, ModelProvider, hookimpl

@hookimpl
def model_zoo_providers():
    card = ModelCard(name="named", task="segment", input_size=(64, 64))
    yield ModelProvider(name="named", api_version=2, models=(card,), loader=load, predictor=predictor)

def load(source, *, card=None, device="cpu"):
    return device

def predictor(model, **settings):
    return lambda source, **more: [[model, settings]]
"""
    site.add("acme-named", "1.0", entry_points={"named": "acme_named"}, files={"acme_named.py": source})
    assert ask(site, "zoo.predictor('named', device='gpu')('a')") == [["cpu", {"device": "gpu"}]]


# -- the task map --------------------------------------------------------------------------------------------------


def test_a_task_map_is_plain_wherever_it_comes_from(site: Site) -> None:
    site.add_plugin("good")
    names = "{task: {role: made.__name__ for role, made in roles.items()} for task, roles in zoo.task_map(%r).items()}"
    assert ask(site, names % "says") == {"segment": {"predictor": "predictor"}}
    assert ask(site, names % "acme") == {"detect": {"predictor": "predictor", "validator": "validator"}}
    changed = "[zoo.task_map('acme')['detect'].clear(), len(zoo.task_map('acme')['detect'])]"
    assert ask(site, changed) == [None, 2]


@pytest.mark.parametrize("answer", ["3", "lambda: None", "lambda: {'detect': 3}", "{'detect': None}", "['detect']"])
def test_what_is_no_task_map_is_refused(site: Site, answer: str) -> None:
    source = f"""
from model_zoo_api import ModelProvider, hookimpl

@hookimpl
def model_zoo_providers():
    yield ModelProvider(name="odd", api_version=2, models=(), loader=print, task_map="acme_odd:MAP")

MAP = {answer}
"""
    site.add("acme-odd", "1.0", entry_points={"odd": "acme_odd"}, files={"acme_odd.py": source})
    found = site.ask("zoo.task_map('odd')")
    assert found.error_type == "FactoryError"
    assert "expected {task: {role: class}}" in found.error


def test_a_task_map_that_there_is_not(site: Site) -> None:
    site.add_plugin("same_model_name")
    assert site.ask("zoo.task_map('rival')").error == "provider 'rival' offers no task_map"
    found = site.ask("zoo.task_map('sais')")
    assert (found.error_type, found.error) == ("UnknownModelError", "no provider is named 'sais'; did you mean 'says'?")


# -- the hook that supplies weights hears whose they are -----------------------------------------------------------


def test_hook_locate_weights_hears_the_provider(site: Site) -> None:
    source = """
from model_zoo_api import hookimpl

HEARD = []

@hookimpl
def model_zoo_locate_weights(provider, card):
    HEARD.append((provider and provider.name, card.name))
"""
    site.add("acme-hears", "1.0", entry_points={"hears": "acme_hears"}, files={"acme_hears.py": source})
    shared = """
from model_zoo_api import ModelCard, ModelProvider, hookimpl

CARD = ModelCard(name="shared", task="detect", input_size=(64, 64))

@hookimpl
def model_zoo_providers():
    for name in ("one", "other"):
        yield ModelProvider(name=name, api_version=2, models=(CARD,), loader=lambda source, *, card=None: source)
"""
    site.add("acme-shared", "1.0", entry_points={"shared": "acme_shared"}, files={"acme_shared.py": shared})
    site.add_plugin("same_model_name")
    site.add_plugin("good")
    heard = "__import__('acme_hears').HEARD"
    loads = "zoo.load('rival/acme_tiny'), zoo.load('acme/acme_tiny'), zoo.locate_weights(zoo.find('says_tiny')[1])"
    asked = "zoo.locate_weights(zoo.find('says_tiny')[1], provider='rival')"
    stranger = "zoo.locate_weights(__import__('dataclasses').replace(zoo.find('says_tiny')[1], name='other'))"
    assert ask(site, f"[zoo.load('other/shared'), {heard}][1]") == [["other", "shared"]]
    found = ask(site, f"[({loads}, {asked}, {stranger}), {heard}][1]")
    whose = [["rival", "acme_tiny"], ["acme", "acme_tiny"], ["says", "says_tiny"], ["rival", "says_tiny"]]
    assert found == [*whose, [None, "other"]]
    assert site.ask("zoo.locate_weights(zoo.find('says_tiny')[1], provider='no')").error_type == "UnknownModelError"
    itself = "__import__('dataclasses').replace(zoo.providers['acme'], name='not of this zoo')"
    unknown = f"zoo.locate_weights(zoo.find('says_tiny')[1], provider={itself})"
    assert ask(site, f"[{unknown}, {heard}][1]") == [["not of this zoo", "says_tiny"]]


# -- packages that are missing -------------------------------------------------------------------------------------

NEEDS = """
from model_zoo_api import ModelCard, ModelProvider, Setting, hookimpl

CARD = ModelCard(name="needy", task="segment", input_size=(64, 64))

@hookimpl
def model_zoo_providers():
    yield ModelProvider(
        name="needy", api_version=2, models=(CARD,), loader={loader!r}, predictor={predictor!r},
        validator="acme_needs.work:worker", trainer={trainer!r}, exporter="acme_needs.work:worker",
        task_map="acme_needs.work:worker", options=(Setting(name="package", kind="text"),),
    )
"""
WORK = """
def load(source, *, card=None, package="absent_package"):
    __import__(package)

def loaded(source, *, card=None):
    return source

def worker(*model, **settings):
    import absent_package

def late(*model, **settings):
    def work(*source, **more):
        import absent_package

    return work

def late_stream(*model, **settings):
    def predict(source, **more):
        return []

    def stream(source, **more):
        yield 1
        import absent_package

    predict.stream = stream
    return predict

def by_hand(source, *, card=None):
    raise ModuleNotFoundError("run the installer of ACME")

def own(source, *, card=None):
    import acme_needs.absent
"""
MISSING = "the package 'absent_package', which is not installed: pip install absent_package"


@pytest.fixture
def needy(site: Site):
    def add(loader: str = "acme_needs.work:loaded", **others: str) -> Site:
        worker = "acme_needs.work:worker"
        files = {
            "acme_needs/__init__.py": NEEDS.format(
                **{"loader": loader, "predictor": worker, "trainer": worker, **others}
            ),
            "acme_needs/work.py": WORK,
            "acme_needs/broken.py": "import absent_package.deep\n",
        }
        site.add("acme-needs", "1.0", entry_points={"needs": "acme_needs"}, files=files)
        return site

    return add


@pytest.mark.parametrize(
    ("expression", "factories", "said"),
    [
        ("zoo.load('needy')", {"loader": "acme_needs.broken:load"}, f"its loader needs {MISSING}"),
        ("zoo.load('needy')", {"loader": "acme_needs.work:load"}, f"its loader needs {MISSING}"),
        ("zoo.predictor('needy')", {"predictor": "acme_needs.broken:x"}, f"its predictor needs {MISSING}"),
        ("zoo.predictor('needy')", {}, f"its predictor needs {MISSING}"),
        ("zoo.predictor('needy')(['a'])", {"predictor": "acme_needs.work:late"}, f"its predictor needs {MISSING}"),
        ("list(zoo.predictor('needy').stream(['a']))", {"predictor": "acme_needs.work:late_stream"}, MISSING),
        ("zoo.trainer('needy')()", {"trainer": "acme_needs.work:late"}, f"its trainer needs {MISSING}"),
        ("zoo.validator('needy')", {}, f"its validator needs {MISSING}"),
        ("zoo.trainer('needy')", {}, f"its trainer needs {MISSING}"),
        ("zoo.exporter('needy')", {}, f"its exporter needs {MISSING}"),
        ("zoo.task_map('needy')", {}, f"its task_map needs {MISSING}"),
        (
            "zoo.load('needy', package='json.absent')",
            {"loader": "acme_needs.work:load"},
            "the module 'json.absent' of Python itself, which this Python was built without",
        ),
        (
            "zoo.load('needy', package='pluggy.absent')",
            {"loader": "acme_needs.work:load"},
            "'pluggy.absent', which the installed 'pluggy' does not have: pip install --upgrade pluggy",
        ),
        ("zoo.load('needy')", {"loader": "acme_needs.work:by_hand"}, "run the installer of ACME"),
    ],
)
def test_a_missing_package_is_one_error_wherever_it_is_imported(
    needy: Any, expression: str, factories: dict[str, str], said: str
) -> None:
    found = needy(**factories).ask(expression)
    assert found.error_type == "DependencyMissingError"
    assert "provider 'needy': its " in found.error
    assert said in found.error


def test_a_wrong_option_is_said_before_the_provider_s_code_is_imported(needy: Any) -> None:
    site = needy(predictor="acme_needs.broken:x")
    for call in ("zoo.predictor('needy', package=3)", "zoo.predictor('needy', load={'packages': 'a'})"):
        assert site.ask(call).error_type == "SettingError"


def test_a_module_of_the_provider_s_own_is_no_dependency(needy: Any) -> None:
    site = needy(loader="acme_needs.work:own")
    assert site.ask("zoo.load('needy')").error_type == "ModuleNotFoundError"
    site = needy(loader="acme_needs.absent:load")
    assert site.ask("zoo.load('needy')").error_type == "FactoryError"
