"""A broken plugin is one problem that says who, where and what to do; everything else goes on working."""

from __future__ import annotations

import pytest

from exhaustive import first
from sites import Site

# What is wrong: the phase it is found in, the exception (or none), and what its message must say.
BROKEN = {
    "raises_at_import": (
        "import",
        "ModuleNotFoundError",
        ["No module named 'a_module_that_nobody_installed'", "reinstall or uninstall acme-raises-at-import"],
    ),
    "later_import": (
        "import",
        "ImportError",
        [
            "cannot import name 'Device' from 'model_zoo_api.types'",
            "another contract than this host's, version 2; for a later one in the host's environment: pip install --up",
        ],
    ),
    "exits_at_import": ("import", "SystemExit", ["no licence key", "uninstall acme-exits-at-import"]),
    "panics_at_import": (
        "import",
        "PanicException",
        ["PanicException: the device is gone", "uninstall acme-panics-at-import"],
    ),
    "unprintable_error": ("import", "UnprintableError", ["UnprintableError; upgrade", "acme-unprintable-error"]),
    "syntax_error": ("import", "SyntaxError", ["acme_syntax_error.py, line 1", "uninstall acme-syntax-error"]),
    "misspelt_hook": (
        "register",
        "NoneType",
        [
            "this host's contract (version 2) has no hook 'model_zoo_provider', which is never called",
            "either a later contract has it (in the host's environment: pip install --upgrade model-zoo-api)",
            "or it is misspelt; did you mean 'model_zoo_providers'?",
        ],
    ),
    "forgotten_marker": (
        "register",
        "NoneType",
        ["'model_zoo_providers' is not marked", "put @model_zoo_api.hookimpl above it"],
    ),
    "other_marker": ("register", "NoneType", ["'model_zoo_providers' is not marked"]),
    "wrong_signature": (
        "register",
        "PluginValidationError",
        ["(version 2) can't call 'model_zoo_providers'", "later contract", "registry"],
    ),
    "no_hooks": ("register", "ValueError", ["it implements no hook; the contract has model_zoo_providers,"]),
    "hook_wrapper": ("register", "NoneType", ["'model_zoo_providers' is a hook wrapper", "return the value"]),
    "raises_in_hook": (
        "hook",
        "RuntimeError",
        ["model_zoo_providers: RuntimeError: the catalogue is empty", "uninstall acme-raises-in-hook"],
    ),
    "exits_in_hook": ("hook", "SystemExit", ["model_zoo_providers: SystemExit: 3", "uninstall acme-exits-in-hook"]),
    "panics_in_hook": (
        "hook",
        "PanicException",
        ["model_zoo_providers: PanicException: the device is gone", "uninstall acme-panics-in-hook"],
    ),
    "wrong_field": (
        "validate",
        "NoneType",
        ["provider 'wrong_field': model 'wrong': input_size is 320, expected a tuple of int; that card is not used"],
    ),
    "wrong_licence": (
        "validate",
        "NoneType",
        ["model 'wrong': licence None: name is None (NoneType), expected str; that card is not used"],
    ),
    "wrong_return_type": ("validate", "NoneType", ["returned a dict", "should yield ModelProvider objects"]),
    "returns_nothing": ("validate", "NoneType", ["returned a NoneType", "should yield ModelProvider objects"]),
    "wrong_item_type": ("validate", "NoneType", ["gave a str", "should yield ModelProvider objects"]),
    "too_new_api": (
        "validate",
        "NoneType",
        ["'from_the_future' speaks version 99", "this host 1 to 2", "pip install --upgrade model-zoo-api"],
    ),
    "too_old_api": ("validate", "NoneType", ["'from_the_past' speaks version 0", "upgrade acme-too-old-api"]),
}


@pytest.mark.parametrize("stem", BROKEN)
def test_a_broken_plugin_is_one_problem_that_strict_raises_and_the_others_work(site: Site, stem: str) -> None:
    phase, exception, said = BROKEN[stem]
    site.add_plugin(stem, "4.5")
    site.add_plugin("good")

    found = site.ask("[zoo.predictor('acme_tiny')('cat.jpg')[0]['image'], strictly()]")

    distribution = f"acme-{stem.replace('_', '-')}"
    problem = found.problem
    message = problem.pop("message")
    assert problem == {
        "distribution": distribution,
        "version": "4.5",
        "entry_point": stem,
        "phase": phase,
        "exception": exception,
        "text": f"{distribution} 4.5 (entry point '{stem}'), {phase}: {message}",
    }
    for words in said:
        assert words in message
    assert found.value == ["cat.jpg", f"PluginError: {problem['text']}"]
    assert {"acme", "zebra"} <= set(found.providers)


def test_all_broken_plugins_at_once_are_one_problem_each(site: Site) -> None:
    for stem in (*BROKEN, "good"):
        site.add_plugin(stem)
    found = site.discover()
    assert sorted(problem["entry_point"] for problem in found.problems) == sorted(BROKEN)
    assert {"acme", "zebra"} <= set(found.providers)


def test_a_broken_record_does_not_disturb_the_filters(site: Site) -> None:
    site.add_plugin("wrong_licence")
    site.add_plugin("good")
    found = site.ask("[card.name for card in zoo.list_models(licence='Apache-2.0')]")
    assert found.value == ["acme_tiny", "acme_mask", "right", "zebra_l"]


def test_a_plugin_that_did_not_register_is_not_listed(site: Site) -> None:
    for stem in ("raises_at_import", "misspelt_hook", "wrong_signature", "good"):
        site.add_plugin(stem)
    assert site.discover().plugins.keys() == {"good", "zebra"}


def test_what_a_hook_gave_before_it_failed_is_kept(site: Site) -> None:
    for stem in ("raises_in_hook", "wrong_item_type"):
        site.add_plugin(stem)
    assert {"before_the_failure", "beside_wrong_item"} <= set(site.discover().providers)


def test_a_provider_of_another_api_version_is_left_out(site: Site) -> None:
    site.add_plugin("too_new_api")
    site.add_plugin("too_old_api")
    assert not {"from_the_future", "from_the_past"} & set(site.discover().providers)


def test_what_a_later_contract_adds_takes_nothing_else_away(site: Site) -> None:
    """A field, a task and a hook that this host doesn't know, beside a provider that it can't use."""
    source = """
from model_zoo_api import ModelCard, ModelProvider, hookimpl

@hookimpl
def model_zoo_providers():
    yield ModelProvider(name="from_afar", api_version=9, models=(), loader="acme_mixed:load")
    cards = [
        ModelCard(name="known", task="detect", input_size=(32, 32)),
        ModelCard(name="later", task="count-people", input_size=(32, 32), devices=("cuda",)),
        ModelCard(name="any_size", task="detect", input_size="any"),
    ]
    yield ModelProvider(name="mixed", api_version=1, models=cards, loader="acme_mixed:load", tracker="acme_mixed:track")

@hookimpl
def model_zoo_unloaded(model):
    pass

def load(source, *, card=None):
    return source
"""
    site.add("acme-mixed", "1.0", entry_points={"mixed": "acme_mixed"}, files={"acme_mixed.py": source})
    found = site.ask("[zoo.load('known'), zoo.find('later')[1].extra, zoo.providers['mixed'].extra]")
    assert found.value == ["known", {"devices": ["cuda"]}, {"tracker": "acme_mixed:track"}]
    assert found.zoo["providers"]["mixed"] == ["known", "later"]
    hook, provider, card = (problem["message"] for problem in found.problems)
    assert "has no hook 'model_zoo_unloaded'" in hook
    assert "'from_afar' speaks version 9 of the contract, this host 1 to 2: in the host's environment: pip" in provider
    assert (
        card
        == "provider 'mixed': model 'any_size': input_size is 'any', expected a tuple of int; that card is not used"
    )


def test_a_hook_marked_optional_need_not_exist(site: Site) -> None:
    site.add_plugin("optional_hook")
    found = site.discover()
    assert found.problems == []
    assert "prepared" in found.providers


@pytest.mark.parametrize("stem", first(BROKEN))
def test_strict_raises_the_problem_in_a_fresh_process_too(site: Site, stem: str) -> None:
    site.add_plugin(stem)
    found = site.discover(strict=True)
    assert found.error_type == "PluginError"
    assert found.error.startswith(f"acme-{stem.replace('_', '-')} 1.0 (entry point '{stem}'), {BROKEN[stem][0]}: ")


def test_strict_keeps_the_cause_and_the_problem(site: Site) -> None:
    site.add_plugin("raises_at_import")
    code = """
from model_zoo_api import ModelZoo
from model_zoo_api.errors import PluginError
try:
    ModelZoo.discover(strict=True)
except PluginError as error:
    print(type(error.__cause__).__name__, error.problem.phase)
"""
    assert site.python("-c", code).stdout.split() == ["ModuleNotFoundError", "import"]


def test_strict_is_silent_without_problems(site: Site) -> None:
    site.add_plugin("good")
    found = site.discover(strict=True)
    assert found.error is None
    assert "acme" in found.providers


@pytest.mark.parametrize("stem", ["interrupts_import", "interrupts_hook"])
def test_keyboard_interrupt_is_the_users(site: Site, stem: str) -> None:
    site.add_plugin(stem)
    done = site.python("-c", "from model_zoo_api import ModelZoo; ModelZoo.discover(); print('went on')")
    assert "went on" not in done.stdout
    assert done.returncode != 0
    assert "KeyboardInterrupt" in done.stderr


@pytest.mark.parametrize("text", ["[model_zoo]\nno equals sign\n", "[model_zoo]\nx = not a module!\n"])
def test_an_unreadable_entry_points_file_does_not_hide_the_others(site: Site, text: str) -> None:
    site.add("acme-garbled", "0.3", entry_points=text)
    site.add_plugin("good")
    found = site.discover()
    assert {"acme", "zebra"} <= set(found.providers)
    assert found.problem["distribution"] == "acme-garbled"
    assert found.problem["version"] == "0.3"
    assert found.problem["phase"] in {
        "metadata",
        "import",
    }  # newer importlib-metadata refuses the second file as a whole
    assert "uninstall acme-garbled" in found.problem["message"]


def test_entry_points_that_are_no_text_do_not_hide_the_others(site: Site) -> None:
    folder = site.add("acme-binary", "1.0", entry_points="")
    (folder / "entry_points.txt").write_bytes(b"\xff\xfe\x00[model_zoo]")
    site.add_plugin("good")
    found = site.discover()
    assert {"acme", "zebra"} <= set(found.providers)
    assert (found.problem["distribution"], found.problem["phase"]) == ("acme-binary", "metadata")


def test_a_distribution_without_metadata_is_reported_like_any_other(site: Site) -> None:
    site.add("acme-nameless", "1.0", entry_points={"nameless": "acme_nameless"}, metadata=False)
    site.add_plugin("good")
    found = site.discover()
    assert {"acme", "zebra"} <= set(found.providers)
    assert (found.problem["entry_point"], found.problem["phase"]) == ("nameless", "import")
    assert found.problem["distribution"] == "an unknown distribution"


def test_an_entry_point_may_name_an_object_in_a_module(site: Site) -> None:
    source = """
from model_zoo_api import ModelProvider, hookimpl

class Plugin:
    @hookimpl
    def model_zoo_providers(self):
        return [ModelProvider(name="from_an_object", api_version=1, models=(), loader="acme:load")]

plugin = Plugin()
"""
    site.add("acme-object", "1.0", entry_points={"object": "acme_object:plugin"}, files={"acme_object.py": source})
    found = site.discover()
    assert found.problems == []
    assert "from_an_object" in found.providers
