"""Which models llm gets, by what names, and what it says of those that it doesn't get."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from typing import Any, ClassVar, Final

import click
import llm

from model_zoo_api.bridges.offers import Offer, installed_zoo, offers
from model_zoo_api.errors import ModelZooError
from model_zoo_api.texts import printable
from model_zoo_api.zoo import ModelZoo

OLDEST: Final = "0.23"
"""The first version of llm that has all that is used."""

_USED: Final = ("AsyncModel.execute", "Model.supports_schema", "Options", "ModelError")
_said: set[str] = set()


def register_offers(register: Callable[..., Any], taken: set[str], asked: str | None) -> None:
    """Register each model that the zoo offers, and say on standard error why one that is asked for isn't among them.

    A name that another plugin's model has already is left to that; ours is then ``provider/name``.

    Args:
        register: Of llm's hook.
        taken: The names that llm knows already.
        asked: The model that a command of llm is for, where there is one.
    """
    try:
        zoo = installed_zoo()
        found = [named for offer in offers(zoo) if (named := _without(taken, offer)) is not None]
    except ModelZooError as error:
        _say(str(error))
        return
    make = _maker()
    for offer in found:
        model, async_model = make(offer)
        more = {} if async_model is None else {"async_model": async_model}
        register(model, aliases=offer.aliases, **more)
    _explain(zoo, asked, taken | {name for offer in found for name in (offer.name, *offer.aliases)})


def _without(taken: set[str], offer: Offer) -> Offer | None:
    """Return an offer by the names that nobody else's model has; None where all are taken."""
    free = [name for name in (offer.name, *offer.aliases) if name not in taken]
    full = f"{offer.provider.name}/{offer.card.name}"
    name = offer.name if offer.name in free else full
    return replace(offer, name=name, aliases=tuple(one for one in free if one != name)) if name in free else None


def _maker() -> Callable[[Offer], tuple[Any, Any]]:
    """Return what makes llm's models of an offer, the one that waits and the asynchronous one."""
    missing = [name for name in _USED if not _has(name)]
    if not missing:
        from model_zoo_api.bridges.llm.models import models_of

        return models_of
    message = (
        f"llm {version('llm')} is installed, which lacks what the zoo's models use ({', '.join(missing)}): "
        f"pip install -U 'llm>={OLDEST}'"
    )
    return lambda offer: (_unsupported(offer, message), None)


def _has(path: str) -> bool:
    found: Any = llm
    for name in path.split("."):
        found = getattr(found, name, None)
    return found is not None


def _unsupported(offer: Offer, message: str) -> Any:
    """Return a model that is listed, and answers with what to do."""

    def execute(self: Any, *arguments: Any, **more: Any) -> Iterator[str]:
        raise click.ClickException(message)
        yield

    class Options(llm.Options):  # type: ignore[misc]
        model_config: ClassVar[dict[str, str]] = {"extra": "allow"}

    kinds = frozenset(("image/png", "image/jpeg"))
    name = f"{offer.provider.name} (needs llm {OLDEST} or newer)"
    members = {"model_id": offer.name, "attachment_types": kinds, "execute": execute, "Options": Options}
    return type(name, (llm.Model,), members)()


# -- what is said on standard error ------------------------------------------------------------------------------------


def _explain(zoo: ModelZoo, asked: str | None, known: set[str]) -> None:
    """Say what is wrong with plugins, where that is what the user wants to know.

    That is in ``llm models list``, and where the model that is asked for isn't found; nowhere else, so that people who
    use other models aren't told each time.
    """
    context = click.get_current_context(silent=True)
    if context is None:
        return
    listing = context.info_name == "list" and context.parent is not None and context.parent.info_name == "models"
    if listing or (asked is not None and asked not in known):
        for problem in zoo.problems:
            _say(f"a plugin of the model zoo has a problem: {problem}")
        for line in _why_not(zoo, asked):
            _say(line)


def _why_not(zoo: ModelZoo, name: str | None) -> Iterator[str]:
    """Yield why models of the zoo that are called so aren't offered."""
    for provider in zoo.providers.values():
        for card in provider.models:
            if name in (card.name, *card.aliases, f"{provider.name}/{card.name}"):
                if card.task not in ("detect", "pose"):
                    yield f"{name} of {provider.name} is for the task {card.task!r}, which llm gets no models for"
                elif card.untrained:
                    yield f"{name} of {provider.name} is untrained: there are no weights of it"
                elif provider.predictor is None:
                    yield f"{name} of {provider.name} can be loaded, but {provider.name} offers no predictor"


def _say(line: str) -> None:
    """Write a line to standard error, once for a process: llm asks for its models again and again."""
    if line not in _said:
        _said.add(line)
        click.echo(printable(line), err=True)
