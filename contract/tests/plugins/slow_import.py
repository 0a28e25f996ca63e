import time

from model_zoo_api import ModelCard, ModelProvider, hookimpl

time.sleep(0.5)


@hookimpl
def model_zoo_providers():
    card = ModelCard(name="late", task="detect", input_size=(320, 320))
    yield ModelProvider(name="slow", api_version=1, models=(card,), loader="acme:load")
