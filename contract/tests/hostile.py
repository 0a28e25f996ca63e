"""Plugins whose answers raise or lie: each is the body of a module, with what is to be said of it."""

from __future__ import annotations

from dataclasses import dataclass

PREAMBLE = """
from model_zoo_api import ModelCard, ModelProvider, hookimpl

def provider(name, **changes):
    return ModelProvider(**{"name": name, "api_version": 1, "models": (), "loader": "acme:load", **changes})

def card(**changes):
    return ModelCard(**{"name": "m", "task": "detect", "input_size": (320, 320), **changes})

class Raising:
    def _fail(self, *args):
        raise RuntimeError("it fails")
    __repr__ = __str__ = __eq__ = __hash__ = __bool__ = __len__ = _fail
"""


@dataclass(frozen=True)
class Hostile:
    """The answer's expression, or a whole module; the phase and the words of its one problem, or None if it works."""

    body: str
    phase: str | None = None
    said: str = ""

    @property
    def module(self) -> str:
        if "hookimpl" in self.body or "# at import" in self.body:
            return PREAMBLE + self.body
        *before, answer = self.body.strip().splitlines()
        hook = f"@hookimpl\ndef model_zoo_providers():\n    return {answer.strip()}\n"
        return PREAMBLE + "\n".join(before) + "\n" + hook


def yielding(*lines: str) -> str:
    return "\n@hookimpl\ndef model_zoo_providers():\n" + "".join(f"    {line}\n" for line in lines)


ANSWERS = {
    "class_raises": Hostile(
        "class Answer:\n    __class__ = property(Raising._fail)\nAnswer()", "validate", "returned a Answer"
    ),
    "class_lies": Hostile("class Answer:\n    __class__ = list\nAnswer()", "validate", "returned a Answer"),
    "raising_answer": Hostile("Raising()", "validate", "returned a Raising"),
    "iter_raises": Hostile(
        "class Answer(list):\n    __iter__ = Raising._fail\nAnswer()", "hook", "RuntimeError: it fails"
    ),
    "iter_gives_none": Hostile(
        "class Answer(list):\n    def __iter__(self): return None\nAnswer()", "hook", "non-iterator"
    ),
    "never_ends": Hostile("iter(lambda: provider('endless'), None)", "validate", "more than 1000 providers, or never"),
    "never_ends_in_nones": Hostile("iter(lambda: None, 1)", "validate", "more than 1000 providers, or never"),
    "many_wrong_items": Hostile("[object() for _ in range(500)]", "validate", "gave a object; it should yield"),
    "text_of_its_own": Hostile("class Text(str): pass\nText('acme')", "validate", "returned a Text"),
    "bytes_answer": Hostile("b'ab'", "validate", "gave a int; it should yield"),
    "metaclass_hides": Hostile(
        "class Meta(type):\n    __name__ = property(Raising._fail)\nclass Answer(metaclass=Meta): pass\nAnswer()",
        "validate",
        "returned a Answer",
    ),
    "len_and_bool_raise": Hostile(
        "class Answer(list):\n    __len__ = __bool__ = Raising._fail\nAnswer([provider('len_and_bool')])"
    ),
}
"""What ``model_zoo_providers`` returns."""

ITEMS = {
    "proxy": Hostile(
        "class Proxy:\n    __class__ = ModelProvider\n    def __getattr__(self, name): raise RuntimeError(name)"
        "\n[Proxy()]",
        "validate",
        "gave a Proxy; it should yield",
    ),
    "proxy_of_a_real_one": Hostile(
        "class Lazy:\n    __class__ = ModelProvider\n    def __getattr__(self, name): return "
        "getattr(provider('lazy'), name)\n[Lazy()]",
        "validate",
        "gave a Lazy; it should yield",
    ),
    "raising_item": Hostile("[Raising()]", "validate", "gave a Raising; it should yield"),
    "never_checked": Hostile("[object.__new__(ModelProvider)]", "validate", "can't be used: AttributeError: "),
    "changed_afterwards": Hostile(
        "item = provider('changed')\nobject.__setattr__(item, 'models', (1,))\n[item]",
        "validate",
        "models holds 1 (int), not a ModelCard",
    ),
    "changed_card": Hostile(
        "item = provider('changed_card', models=(card(),))\n"
        "object.__setattr__(item.models[0], 'input_size', (0, 0))\n[item]",
        "validate",
        "model 'm': input_size is (0, 0)",
    ),
    "changed_metric": Hostile(
        "from model_zoo_api.types import Metric\n"
        "metric = Metric(name='mAP', value=1, dataset='d', source='s')\n"
        "item = provider('changed_metric', models=(card(metrics=(metric,)),))\n"
        "object.__setattr__(metric, 'value', 'much')\n[item]",
        "validate",
        "metric 'mAP': value is 'much' (str)",
    ),
    "subclass_raises": Hostile(
        "class Mine(ModelProvider):\n    def __getattribute__(self, name): raise RuntimeError(name)\n"
        "[object.__new__(Mine)]",
        "validate",
        "RuntimeError: name",
    ),
    "subclass_lies": Hostile(
        "from itertools import count\nticks = count()\nclass Mine(ModelProvider):\n"
        "    def __getattribute__(self, name):\n"
        "        if name == 'name' and next(ticks) > 9: raise RuntimeError('changed its mind')\n"
        "        return super().__getattribute__(name)\n"
        "[Mine(name='subclass_lies', api_version=1, models=(), loader='acme:load')]",
    ),
    "card_subclass_lies": Hostile(
        "class Mine(ModelCard):\n    __eq__ = __hash__ = __repr__ = Raising._fail\n"
        "[provider('card_lies', models=(Mine(name='m1', task='detect', input_size=(1, 1)),))]",
    ),
    "text_lies": Hostile(
        "from model_zoo_api.types import Licence\n"
        "class Text(str):\n    __eq__ = __hash__ = __repr__ = __str__ = lower = Raising._fail\n"
        "[provider(Text('text_lies'), loader=Text('acme:load'), models=(card(name=Text('m2'), task=Text('detect'), "
        "aliases=[Text('m3')], licence=Licence(name=Text('MIT'), url=Text('u'))),))]",
    ),
    "task_equals_all": Hostile(
        "class Task:\n    def __eq__(self, other): return True\n[provider('t', models=(card(task=Task()),))]",
        "validate",
        "model 'm': task is <",
    ),
    "no_host_can_print": Hostile(
        "[provider('digits', models=(card(parameters=10**5000),))]", "validate", "which hosts can't print or store"
    ),
    "not_a_number": Hostile(
        "[provider('nan', models=(card(gflops=float('nan')),))]", "validate", "gflops is nan, which hosts can't"
    ),
    "endless_cards": Hostile(
        "from itertools import repeat\n[provider('endless', models=repeat(card()))]", "validate", "or never ends"
    ),
    "endless_classes": Hostile(
        "from itertools import repeat\n[provider('endless_classes', models=[card(classes=repeat('dog'))])]",
        "validate",
        "model 'm': classes holds more than 1000000 items, or never ends",
    ),
}
"""What stands in the list that it returns."""

RAISED = {
    "generator_exit": Hostile(yielding("raise GeneratorExit"), "hook", "GeneratorExit"),
    "generator_exit_later": Hostile(
        yielding("yield provider('before_exit')", "raise GeneratorExit"), "hook", "GeneratorExit"
    ),
    "generator_exit_at_import": Hostile("# at import\nraise GeneratorExit('no')", "import", "GeneratorExit: no"),
    "stop_iteration": Hostile(yielding("raise StopIteration"), "hook", "StopIteration"),
    "cancelled": Hostile("import asyncio\n" + yielding("raise asyncio.CancelledError"), "hook", "CancelledError"),
    "recursion": Hostile(yielding("return model_zoo_providers()"), "hook", "RecursionError: maximum recursion"),
    "recursion_at_import": Hostile("# at import\nf = lambda: f()\nf()", "import", "RecursionError"),
    "no_memory": Hostile(yielding("raise MemoryError"), "hook", "model_zoo_providers: MemoryError; upgrade"),
    "error_exits": Hostile(
        "class Bad(BaseException):\n    def __str__(self): raise SystemExit(9)\n    __repr__ = __str__\n"
        + yielding("raise Bad"),
        "hook",
        "model_zoo_providers: Bad; upgrade",
    ),
    "error_speaks_no_text": Hostile(
        "class Bad(Exception):\n    def __str__(self): return 3\n" + yielding("raise Bad"), "hook", "Bad; upgrade"
    ),
    "error_hides_its_name": Hostile(
        "class Meta(type):\n    __name__ = property(Raising._fail)\nclass Bad(Exception, metaclass=Meta): pass\n"
        + yielding("raise Bad('why')"),
        "hook",
        "Bad: why; upgrade",
    ),
    "error_commands_the_terminal": Hostile(
        yielding("raise ValueError('\\x1b[2J\\udcff gone\\nproblem: none')"),
        "hook",
        r"ValueError: \x1b[2J\udcff gone problem: none;",
    ),
    "error_talks_long": Hostile(yielding("raise ValueError('x' * 10**7)"), "hook", "xxx...; upgrade"),
}
"""What the hook, or the import, raises."""

OBJECTS = {
    "eq_raises": Hostile(
        "class Plugin(Raising):\n    @hookimpl\n    def model_zoo_providers(self): return [provider('eq_raises')]\n"
        "plugin = Plugin()",
    ),
    "eq_says_yes": Hostile(
        "class Plugin:\n    def __eq__(self, other): return True\n    __hash__ = None\n    @hookimpl\n"
        "    def model_zoo_providers(self): return [provider('eq_says_yes')]\nplugin = Plugin()",
    ),
    "dir_raises": Hostile(
        "class Plugin:\n    __dir__ = Raising._fail\n    hook = hookimpl\nplugin = Plugin()",
        "register",
        "RuntimeError: it fails",
    ),
    "getattr_raises": Hostile(
        "class Plugin:\n    def __getattr__(self, name): raise RuntimeError(name)\n    hook = hookimpl\n"
        "plugin = Plugin()",
        "register",
        "RuntimeError: ",
    ),
    "lazy_attribute": Hostile(
        "def __getattr__(name): raise SystemExit(f'no {name} without a key')\nhook = hookimpl",
        "import",
        "SystemExit: no plugin without a key",
    ),
    "is_none": Hostile("hook = hookimpl\nplugin = None", "register", "it implements no hook"),
}
"""What the entry point names: ``plugin`` in the module."""

DISCOVERING = {
    "discovers_in_its_hook": Hostile(
        "from model_zoo_api import ModelZoo\n" + yielding("ModelZoo.discover()", "return []"),
        "hook",
        "DiscoveryError: plugins are being discovered, and 'acme_discovers_in_its_hook' discovers them again",
    ),
    "discovers_as_it_yields": Hostile(
        "from model_zoo_api import ModelZoo\n"
        + yielding("yield provider('before_discovery')", "ModelZoo.discover(strict=True)"),
        "hook",
        "DiscoveryError: plugins are being discovered",
    ),
    "discovers_at_import": Hostile(
        "# at import\nfrom model_zoo_api import ModelZoo\nModelZoo.discover()",
        "import",
        "Call ModelZoo.discover() in a factory",
    ),
}

ALL = {**ANSWERS, **ITEMS, **RAISED, **OBJECTS, **DISCOVERING}
