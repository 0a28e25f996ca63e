"""Which of the zoo's models is meant, and what its provider may be told by whom."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from model_zoo_api.bridges.offers import Offer, installed_zoo, offers
from model_zoo_api.bridges.written import writable
from model_zoo_api.errors import UnknownModelError
from model_zoo_api.settings import Setting
from model_zoo_api.texts import suggest
from model_zoo_api.types import ModelProvider

HARMLESS: Final = ("number", "integer", "flag", "choice", "size", "classes", "text")
"""Kinds of settings that a client over the network may give: none that is a path, or anything at all, for that may name
a file of the server."""


_OPTIONS: Final = (
    *("client-max-size", "config-dir", "config-file", "debug", "debug-endpoint", "deepaas_method_output"),
    *("deepaas_with_multiprocessing", "doc-endpoint", "help", "log-config", "log-config-append", "log-date-format"),
    *("log-dir", "log-file", "log_config", "logdir", "logfile", "model-name", "nodebug", "nodebug-endpoint"),
    *("nodeepaas_with_multiprocessing", "nodoc-endpoint", "nopredict-endpoint", "notrain-endpoint", "nouse-journal"),
    *("nouse-json", "nouse-syslog", "nowarm", "nowatch-log-file", "predict-endpoint", "syslog-log-facility"),
    *("train-endpoint", "use-journal", "use-json", "use-syslog", "version", "warm", "watch-log-file", "workers"),
)
"""Of ``deepaas-cli`` itself."""


def by_a_person() -> bool:
    """Whether this is DEEPaaS's command line: then a person at this machine says what is to be done."""
    return "deepaas.cmd.cli" in sys.modules


def spelled(name: str) -> str:
    """Return what the argument for a setting is called.

    The command line takes the beginning of two of its own options for neither, so ``conf``, with which ``config-dir``
    and ``config-file`` begin, is ``conf_`` there.
    """
    ambiguous = by_a_person() and name not in _OPTIONS and sum(one.startswith(name) for one in _OPTIONS) > 1
    return f"{name}_" if ambiguous else name


def offered() -> list[Offer]:
    """Return the models that can predict."""
    return offers(installed_zoo())


def default_of(models: Sequence[Offer]) -> Offer | None:
    """Return the first model whose weights are on this machine, as far as its card tells; else the first.

    Weights that have no address to get them from come with the provider; others may be supplied by a plugin.
    """
    zoo = installed_zoo()
    for offer in models:
        remote = any(file.urls for file in offer.card.weights)
        if not remote or zoo.locate_weights(offer.card, provider=offer.provider) is not None:
            return offer
    return next(iter(models), None)


def chosen(models: Sequence[Offer], name: str) -> Offer:
    """Return the model of a name.

    Raises:
        UnknownModelError: There is none; the nearest name is in the message.
    """
    for offer in models:
        if name == offer.name or name in offer.aliases:
            return offer
    raise UnknownModelError(f"no model is named {name!r}{suggest(name, [offer.name for offer in models])}")


def prediction_settings(provider: ModelProvider) -> list[Setting]:
    """Return what may be said of a prediction.

    A client over the network gives harmless settings of the predictor; a person all that can be written, and options
    of the loader, such as the acceptance of a licence.
    """
    if by_a_person():
        return writable((*(provider.options or ()), *(provider.settings or ())))
    return [setting for setting in provider.settings or () if setting.kind in HARMLESS]
