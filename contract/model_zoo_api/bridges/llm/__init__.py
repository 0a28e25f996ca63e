"""The zoo's detectors and pose models as models of llm, https://llm.datasette.io: the entry point in its group ``llm``.

llm imports this at every start, ``llm --version`` included, so nothing is imported here that llm hasn't. The zoo is
discovered when llm asks for models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import click
import llm
from llm import hookspecs

_KNOWS_OTHERS: Final = "model_aliases" in hookspecs.register_models.__code__.co_varnames
"""Whether llm says which models it has already."""


def _asked_model() -> str | None:
    """Return the name of the model that a command of llm is for, where there is one."""
    context = click.get_current_context(silent=True)
    name = None if context is None else context.params.get("model_id")
    return name if isinstance(name, str) else None


def _names_of(record: Any) -> Iterator[str]:
    """Yield the names by which llm knows a model."""
    model = record.model or record.async_model
    yield from (model.model_id, *record.aliases)


def _register(register: Callable[..., Any], others: list[Any]) -> None:
    taken = {name for other in others for name in _names_of(other)}
    asked = _asked_model()
    if asked in taken:
        return  # another plugin's model answers, and nobody pays for discovery
    from model_zoo_api.bridges.llm.registering import register_offers

    register_offers(register, taken, asked)


if _KNOWS_OTHERS:

    @llm.hookimpl(trylast=True)  # so that nobody's name is taken
    def register_models(register: Callable[..., Any], model_aliases: list[Any]) -> None:
        """Register what the zoo offers."""
        _register(register, model_aliases)

else:

    @llm.hookimpl(trylast=True)
    def register_models(register: Callable[..., Any]) -> None:
        """Register what the zoo offers; this version of llm doesn't say what others have registered."""
        _register(register, [])
