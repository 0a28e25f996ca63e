"""Errors as answers of HTTP, made in a worker process and raised in the server; in the command line, one line."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from model_zoo_api.bridges.deepaas.choosing import by_a_person
from model_zoo_api.bridges.offers import Offer
from model_zoo_api.bridges.pictures import NoPictureError
from model_zoo_api.errors import (
    DownloadError,
    LicenceNotAcceptedError,
    ModelZooError,
    SettingError,
    SourceError,
    UnknownModelError,
    WeightsNotFoundError,
)

LOG = logging.getLogger(__name__)


class TooLargeError(SourceError):
    """What was sent is larger than what is read."""


class _Answer(web.HTTPException):
    """An answer with a message, which gets from one process to another."""

    def __init__(self, message: str) -> None:
        super().__init__(text=json.dumps({"message": message}), content_type="application/json")
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message,)

    def __str__(self) -> str:
        return self.message


class TooLarge(_Answer):
    """The upload is larger than what is read."""

    status_code = 413


class NoPicture(_Answer):
    """The upload is no picture."""

    status_code = 415


class Refused(_Answer):
    """What was asked for can't be done with what was given."""

    status_code = 422


class Failed(_Answer):
    """The server couldn't do it, and asking again won't help."""

    status_code = 500


class Unavailable(_Answer):
    """The server can't do it now: whoever runs it has to do something."""

    status_code = 503


_CLASSES: dict[type[Exception], type[_Answer]] = {
    TooLargeError: TooLarge,
    NoPictureError: NoPicture,
    SourceError: Refused,
    SettingError: Refused,
    UnknownModelError: Refused,
    WeightsNotFoundError: Unavailable,
    MemoryError: Unavailable,
}


@contextmanager
def answering(offer: Offer | None = None) -> Iterator[None]:
    """Turn errors into answers.

    What goes wrong beyond our errors is in the server's log, and the client isn't told more than that.

    Raises:
        aiohttp.web.HTTPException: An error of the contract, or any other.
        SystemExit: The same, in the command line.
    """
    try:
        yield
    except web.HTTPException:
        raise
    except Exception as error:
        if by_a_person():
            if isinstance(error, ModelZooError):
                raise SystemExit(f"deepaas-cli: {error}") from error
            raise
        kind = next((kind for one, kind in _CLASSES.items() if isinstance(error, one)), Failed)
        if kind in (Failed, Unavailable):
            LOG.error("%s", error, exc_info=kind is Failed)
        raise kind(_told(error, offer)) from None


def _told(error: Exception, offer: Offer | None) -> str:
    """Return what a client is told: not where the server's files lie, nor how who runs it gets others."""
    name = "the model" if offer is None else offer.name
    if isinstance(error, LicenceNotAcceptedError):
        licence = None if offer is None else offer.card.licence
        terms = "a licence" if licence is None else f"the licence {licence.name} ({licence.url})"
        return (
            f"the weights of {name} are under {terms}, which nobody has accepted on this server; who runs it can do "
            "that, a client can't"
        )
    if isinstance(error, DownloadError):
        return f"the weights of {name} aren't on this server, and couldn't be downloaded; its log says why"
    if isinstance(error, WeightsNotFoundError):
        return f"the weights of {name} aren't on this server; its log says how who runs it gets them"
    if isinstance(error, MemoryError):
        return "there is not enough memory for that"
    if isinstance(error, ModelZooError):
        return str(error)
    return f"the model failed with {type(error).__name__}; the server's log says more"
