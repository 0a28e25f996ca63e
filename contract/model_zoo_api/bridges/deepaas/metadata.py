"""What DEEPaaS says of the zoo."""

from __future__ import annotations

from typing import Any

from model_zoo_api import __version__
from model_zoo_api.bridges.deepaas.choosing import offered
from model_zoo_api.bridges.offers import Offer


def metadata() -> dict[str, Any]:
    """Return DEEPaaS's record of a model, with the zoo's models in ``models``."""
    models = offered()
    return {
        "name": "model_zoo",
        "description": "Finds things in pictures with the models of all plugins that are installed.",
        "author": ", ".join(dict.fromkeys(offer.provider.name for offer in models)) or None,
        "license": "see each model",
        "version": __version__,
        "url": None,
        "models": [_described(offer) for offer in models],
    }


def _described(offer: Offer) -> dict[str, Any]:
    card = offer.card
    return {
        "name": offer.name,
        "provider": offer.provider.name,
        "task": card.task,
        "description": card.description,
        "classes": list(card.classes),
        "licence": None if card.licence is None else {"name": card.licence.name, "url": card.licence.url},
        "homepage": card.homepage,
    }
