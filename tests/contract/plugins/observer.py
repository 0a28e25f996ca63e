"""Notes what was loaded; takes two of the hook's three arguments, as pluggy allows."""

from yolonas_plugin import hookimpl

SEEN = []


@hookimpl
def model_zoo_loaded(provider, card):
    SEEN.append([provider.name, card.name if card else None])
