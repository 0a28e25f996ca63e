"""Offers a provider of the same name as good.py."""

from model_zoo_api import ModelCard, ModelProvider, hookimpl


@hookimpl
def model_zoo_providers():
    card = ModelCard(name="usurper", task="detect", input_size=(320, 320))
    yield ModelProvider(name="acme", api_version=1, models=(card,), loader="acme:load")
