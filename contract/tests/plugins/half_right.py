"""One hook that is right beside one that does not exist: the whole plugin is refused."""

from model_zoo_api import hookimpl


@hookimpl
def model_zoo_loaded(provider, card, model):
    raise AssertionError("a plugin that was refused is never called")


@hookimpl
def model_zoo_unloaded(provider):
    pass
