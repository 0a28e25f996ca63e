from model_zoo_api import ModelProvider, hookimpl


@hookimpl
def model_zoo_providers():
    ModelProvider(name="forgot_to_yield", api_version=1, models=(), loader="acme:load")
