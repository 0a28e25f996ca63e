"""Written for a later contract: answers a hook that does not exist yet, and says that it is optional."""

from model_zoo_api import ModelProvider, hookimpl


@hookimpl
def model_zoo_providers():
    yield ModelProvider(name="prepared", api_version=1, models=(), loader="acme:load")


@hookimpl(optionalhook=True)
def model_zoo_of_tomorrow(anything):
    raise AssertionError("nobody calls it")
