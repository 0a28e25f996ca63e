"""A plugin as its author should write it: three models, plain factories, nothing heavy at import."""

from model_zoo_api import ModelCard, ModelProvider, hookimpl
from model_zoo_api.types import Licence

OPEN = Licence(name="Apache-2.0", url="https://www.apache.org/licenses/LICENSE-2.0", commercial_use=True)


@hookimpl
def model_zoo_providers():
    yield ModelProvider(
        name="acme",
        api_version=2,
        models=(
            ModelCard(name="acme_tiny", task="detect", input_size=(320, 320), aliases=("tiny",), licence=OPEN),
            ModelCard(name="acme_large", task="detect", input_size=(640, 640)),
            ModelCard(name="acme_mask", task="segment", input_size=(320, 320), licence=OPEN),
        ),
        loader=f"{__name__}:load",
        task_map=f"{__name__}:TASK_MAP",
        predictor=f"{__name__}:predictor",
        validator=f"{__name__}:validator",
    )


def load(source, *, card=None, **options):
    return {"source": source, "card": card.name if card else None, **options}


def predictor(model, **overrides):
    def predict(source, **more):
        return [{"image": source, "model": model, **overrides, **more}]

    return predict


def validator(model, **overrides):
    def validate(**more):
        return {"model": model, **overrides, **more}

    return validate


TASK_MAP = {"detect": {"predictor": predictor, "validator": validator}}
