from model_zoo_api import ModelProvider, hookimpl


@hookimpl
def model_zoo_providers():
    yield ModelProvider(name="beside_wrong_item", api_version=1, models=(), loader="acme:load")
    yield "acme.models:load"
