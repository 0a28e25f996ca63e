"""Notes what was loaded; takes two of the hook's three arguments, as pluggy allows."""

from model_zoo_api import hookimpl

SEEN = []


@hookimpl
def model_zoo_loaded(provider, card):
    SEEN.append([provider.name, card.name if card else None])
