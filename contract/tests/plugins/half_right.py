"""One hook that is right beside one that does not exist and one that asks for what it isn't given."""

from model_zoo_api import hookimpl

SEEN = []


@hookimpl
def model_zoo_loaded(provider, card, model):
    SEEN.append(card.name)


@hookimpl
def model_zoo_unloaded(provider):
    raise AssertionError("nobody calls this")


@hookimpl
def model_zoo_locate_weights(card, region):
    raise AssertionError("nobody can call this")
