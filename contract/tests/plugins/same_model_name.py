"""Offers a model of the same name as good.py, in a provider of its own."""

from model_zoo_api import ModelCard, ModelProvider, hookimpl


@hookimpl
def model_zoo_providers():
    card = ModelCard(name="acme_tiny", task="detect", input_size=(320, 320))
    yield ModelProvider(name="rival", api_version=1, models=(card,), loader=f"{__name__}:load")


def load(source, *, card=None, **options):
    return "the rival's"
