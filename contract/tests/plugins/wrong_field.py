from model_zoo_api import ModelCard, ModelProvider, hookimpl


@hookimpl
def model_zoo_providers():
    card = ModelCard(name="wrong", task="detect", input_size=320)
    yield ModelProvider(name="wrong_field", api_version=1, models=(card,), loader="acme:load")
