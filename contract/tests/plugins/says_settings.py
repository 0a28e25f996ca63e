"""A plugin that says what its loader and its predictor may be told, and remembers what they were told."""

from model_zoo_api import ModelCard, ModelProvider, Setting, hookimpl
from model_zoo_api.settings import CANCELLED, PROGRESS

CALLS = []


@hookimpl
def model_zoo_providers():
    yield ModelProvider(
        name="says",
        api_version=2,
        models=(ModelCard(name="says_tiny", task="segment", input_size=(64, 64)),),
        loader=f"{__name__}:load",
        task_map=f"{__name__}:task_map",
        predictor=f"{__name__}:predictor",
        validator=f"{__name__}:worker",
        trainer=f"{__name__}:worker",
        exporter=f"{__name__}:worker",
        options=(
            Setting(name="device", kind="choice", choices=("cpu", "gpu"), default="cpu", help="what it runs on"),
            Setting(name="threads", kind="integer", minimum=1),
            PROGRESS,
            CANCELLED,
        ),
        settings=(
            Setting(name="conf", kind="number", minimum=0, maximum=1, help="lowest score"),
            Setting(name="imgsz", kind="size", minimum=32, multiple_of=32),
        ),
    )


def load(source, *, card=None, **options):
    CALLS.append("load")
    return options


def predictor(model, **settings):
    return lambda source, **more: [[model, settings, more]]


def worker(model, **settings):
    return lambda **more: [model, settings, more]


def task_map():
    return {"segment": {"predictor": predictor}}
