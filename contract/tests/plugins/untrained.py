"""Two models without weights: somebody may have some."""

from model_zoo_api import ModelCard, ModelProvider, hookimpl


@hookimpl
def model_zoo_providers():
    cards = [ModelCard(name=name, task="detect", input_size=(32, 32), untrained=True) for name in ("raw", "stored")]
    yield ModelProvider(name="untrained", api_version=2, models=cards, loader="acme:load", predictor="acme:predictor")
