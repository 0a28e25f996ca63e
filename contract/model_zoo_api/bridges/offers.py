"""Which of the zoo's models a host can offer, and by what names."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from model_zoo_api.errors import UnknownModelError
from model_zoo_api.types import ModelCard, ModelProvider, Role, Task
from model_zoo_api.zoo import ModelZoo

_DISCOVERING: Final = threading.Lock()
_discovered: list[ModelZoo] = []


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A model that a host can offer.

    Args:
        name: What it is called: the card's name, or ``"provider/name"`` where the zoo knows several by that.
        provider: Whose it is.
        card: What the provider says of it.
        aliases: Other names that mean it and nothing else in the zoo, ``"provider/name"`` among them.
    """

    name: str
    provider: ModelProvider
    card: ModelCard
    aliases: tuple[str, ...] = ()


def offers(zoo: ModelZoo, tasks: Sequence[Task] = ("detect", "pose"), *, role: Role = "predictor") -> list[Offer]:
    """Return the models that can be put to work, by provider and in the provider's own order.

    They have weights, or can get them: all but those whose card says ``untrained``, for which no plugin supplies a
    file either. Nothing is loaded, and nothing downloaded.

    Args:
        zoo: Whose models.
        tasks: What they do.
        role: What the provider must be able to make of them. For ``"trainer"`` untrained ones count too.
    """
    return [
        _offer(zoo, provider, card)
        for provider in zoo.providers.values()
        if getattr(provider, role) is not None
        for card in provider.models
        if card.task in tasks
        if role == "trainer" or not card.untrained or zoo.locate_weights(card, provider=provider) is not None
    ]


def installed_zoo() -> ModelZoo:
    """Return the zoo of this process, which is discovered the first time.

    Raises:
        DiscoveryError: A plugin asks for it while it is being imported, or in its hook.
    """
    with _DISCOVERING:
        if not _discovered:
            _discovered.append(ModelZoo.discover())
        return _discovered[0]


def _offer(zoo: ModelZoo, provider: ModelProvider, card: ModelCard) -> Offer:
    full = f"{provider.name}/{card.name}"
    own = [name for name in (card.name, *card.aliases) if _is_unique(zoo, name)]
    name = card.name if card.name in own else full
    aliases = tuple(alias for alias in (*own, full) if alias != name)
    return Offer(name=name, provider=provider, card=card, aliases=aliases)


def _is_unique(zoo: ModelZoo, name: str) -> bool:
    try:
        zoo.find(name)
    except UnknownModelError:  # several have it
        return False
    return True
