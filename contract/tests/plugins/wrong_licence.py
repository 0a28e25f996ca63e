from model_zoo_api import ModelCard, ModelProvider, hookimpl
from model_zoo_api.types import Licence


@hookimpl
def model_zoo_providers():
    licence = Licence(name=None, url="https://example.org/licence")
    card = ModelCard(name="acme_tiny", task="detect", input_size=(320, 320), licence=licence)
    yield ModelProvider(name="wrong_licence", api_version=1, models=(card,), loader="acme:load")
