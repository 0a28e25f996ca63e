"""Plugins that supply weight files, such as a mirror or a company's store, are asked before anything is downloaded."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Final

from model_zoo_api.errors import DiscoveryError
from model_zoo_api.types import ModelCard
from yolonas_plugin.provider import model_zoo_providers

if TYPE_CHECKING:
    from model_zoo_api.problems import PluginProblem

_LOGGER: Final = logging.getLogger("yolonas_plugin")
_TOLD: Final[set[PluginProblem]] = set()
"""What this process has logged."""

_ASKED: Final[ContextVar[bool]] = ContextVar("asked", default=False)


@contextlib.contextmanager
def already_asked() -> Iterator[None]:
    """In this block no plugin is asked: the zoo that loads a model has done so."""
    token = _ASKED.set(True)
    try:
        yield
    finally:
        _ASKED.reset(token)


def ask_suppliers(card: ModelCard) -> tuple[Path | None, list[PluginProblem]]:
    """Ask the installed plugins for the weight file of one of our models, as ``ModelZoo.load`` does.

    ``MODEL_ZOO_PLUGINS`` says which plugins may be asked. Nobody is asked while plugins are being discovered: one that
    loads a model in its own import would wait for itself.

    Returns:
        The file that the first of them gives; and why others failed, or couldn't be asked. Each of these problems is
        logged once.
    """
    if _ASKED.get():
        return None, []
    from model_zoo_api.zoo import ModelZoo  # not for users who give a path

    (provider,) = model_zoo_providers()
    try:
        zoo = ModelZoo.discover()
    except DiscoveryError:
        return None, []
    path = zoo.locate_weights(card, provider=provider)
    problems = [problem for problem in zoo.problems if problem.phase != "validate"]  # those are of providers and cards
    for problem in problems:
        if problem not in _TOLD:
            _TOLD.add(problem)
            _LOGGER.warning("a plugin that may supply the weights of %s failed: %s", card.name, problem)
    return path, problems
