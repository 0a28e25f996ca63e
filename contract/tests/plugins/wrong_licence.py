from model_zoo_api import ModelCard, ModelProvider, hookimpl
from model_zoo_api.types import Licence


@hookimpl
def model_zoo_providers():
    licences = {"right": "Apache-2.0", "wrong": None}
    cards = [
        ModelCard(
            name=name,
            task="detect",
            input_size=(320, 320),
            licence=Licence(name=licence, url="https://example.org/licence"),
        )
        for name, licence in licences.items()
    ]
    yield ModelProvider(name="wrong_licence", api_version=1, models=cards, loader="acme:load")
