"""What hosts import when they discover models. Import nothing heavy here: factories are named, and imported on use."""

from model_zoo_api import ModelCard, ModelProvider, Setting, hookimpl
from model_zoo_api.types import Licence

SETTINGS = (Setting(name="conf", kind="number", default=0.5, minimum=0, maximum=1, help="lowest score"),)
"""Of the predictor."""


@hookimpl
def model_zoo_providers():
    """Offer Acme's models."""
    yield ModelProvider(
        name="acme",
        api_version=2,
        models=(
            ModelCard(
                name="acme_tiny",
                task="detect",
                input_size=(64, 64),
                parameters=12,
                classes=("red", "blue"),
                licence=Licence(name="CC0-1.0", url="https://creativecommons.org/publicdomain/zero/1.0/"),
                training_data="none: the weights were set by hand",
            ),
        ),
        loader="acme_zoo.model:load",
        task_map="acme_zoo.model:TASK_MAP",
        predictor="acme_zoo.model:make_predictor",
        options=(),
        settings=SETTINGS,
    )
