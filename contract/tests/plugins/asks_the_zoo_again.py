"""Uses the zoo in its own hooks around loading: asks the other stores, and loads a second model when one was loaded."""

from model_zoo_api import ModelZoo, hookimpl

SEEN = []


@hookimpl(tryfirst=True)
def model_zoo_locate_weights(card):
    return ModelZoo.discover().locate_weights(card)


@hookimpl
def model_zoo_loaded(provider, card, model):
    SEEN.append(card.name)
    ModelZoo.discover().load("acme_large")
