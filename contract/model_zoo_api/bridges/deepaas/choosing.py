"""Which of the zoo's models is meant, and what its provider may be told by whom."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Final

from model_zoo_api.bridges.offers import Offer, installed_zoo, offers
from model_zoo_api.bridges.written import writable
from model_zoo_api.errors import FactoryError, SettingError, UnknownModelError
from model_zoo_api.settings import PRETRAINED, Setting
from model_zoo_api.texts import listed, suggest
from model_zoo_api.types import ModelProvider

HARMLESS: Final = ("number", "integer", "flag", "choice", "size", "classes", "text")
"""Kinds of settings that a client over the network may give: none that is a path, or anything at all, for that may name
a file of the server."""


FOLDER: Final = "MODEL_ZOO_TRAINING"
"""Environment variable of who runs the server: the folder with the data sets that clients may train on."""

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


def trainable() -> list[Offer]:
    """Return the models that can be trained."""
    return offers(installed_zoo(), role="trainer")


def training_folder() -> Path | None:
    """Return the folder in which clients over the network name data sets and results; None where there is none."""
    said = os.environ.get(FOLDER)
    return Path(said).absolute() if said else None


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


def in_training_folder(name: str, value: str) -> str:
    """Return the path that a client means, which names a file or a folder within the folder for that.

    Only what it says is looked at: a link that lies in the folder may lead elsewhere, for clients can't make one.

    Raises:
        SettingError: It leads out of the folder, or there is no such folder.
    """
    folder, said = training_folder(), PurePath(value)
    outside = said.is_absolute() or said.drive or ".." in said.parts or any(one in value for one in "\0\\:~")
    if folder is None or outside or not said.parts:
        raise SettingError(f"{name}={value!r} must be a name in the folder of data sets, such as cells/data.yaml")
    return str(folder / said)


def to_be_trained(name: str) -> Offer:
    """Return the model of a name that can be trained.

    Raises:
        UnknownModelError: There is none; the nearest name is in the message.
        FactoryError: Its provider has no trainer.
    """
    models = trainable()
    if not models:
        raise FactoryError("no provider that is installed has a trainer")
    for offer in offered():
        if offer.provider.trainer is None and name in (offer.name, *offer.aliases):
            others = listed([one.name for one in models])
            raise FactoryError(f"{name} can't be trained: {offer.provider.name} has no trainer; these can be: {others}")
    return chosen(models, name)


def prediction_settings(provider: ModelProvider) -> list[Setting]:
    """Return what may be said of a prediction.

    A client over the network gives harmless settings of the predictor; a person all that can be written, and options
    of the loader, such as the acceptance of a licence.
    """
    if by_a_person():
        return writable((*(provider.options or ()), *(provider.settings or ())))
    return [setting for setting in provider.settings or () if setting.kind in HARMLESS]


def training_settings(provider: ModelProvider) -> list[Setting]:
    """Return what may be said of a training.

    A client over the network gives harmless settings of the trainer, whether to begin with random weights, and paths in
    the folder that is for that, if there is one; a person all that can be written, and options of the loader.
    """
    options, settings = provider.options or (), provider.trainer_settings or ()
    if by_a_person():
        return writable((*options, *settings))
    kinds = HARMLESS if training_folder() is None else (*HARMLESS, "path")
    begin = [option for option in options if (option.name, option.kind) == (PRETRAINED.name, PRETRAINED.kind)]
    return [*begin, *(setting for setting in settings if setting.kind in kinds)]
