"""One picture after another, in a worker process of DEEPaaS or in its command line."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePath
from typing import Any, Final

from model_zoo_api.bridges.deepaas.arguments import DRAWN, settings_of_all, told
from model_zoo_api.bridges.deepaas.choosing import by_a_person, chosen, default_of, offered
from model_zoo_api.bridges.deepaas.refusals import LOG, TooLargeError, answering
from model_zoo_api.bridges.offers import Offer
from model_zoo_api.bridges.pictures import read_picture
from model_zoo_api.bridges.pool import installed_pool
from model_zoo_api.detections import Detections
from model_zoo_api.errors import SourceError, UnknownModelError
from model_zoo_api.texts import printable

MOST_BYTES: Final = 100_000_000
"""Of an uploaded file."""


def load_default() -> None:
    """Load the default model, where its card says that its weights are here; what fails is logged."""
    offer = default_of(offered())
    if offer is None or any(file.urls for file in offer.card.weights):
        return
    try:
        with installed_pool().predictor(offer):
            pass
    except Exception:
        LOG.exception("%s can't be loaded", offer.name)


def predict_picture(given: Mapping[str, Any]) -> Any:
    """Do what :func:`model_zoo_api.bridges.deepaas.predict` says."""
    upload = given.get("image")
    path = getattr(upload, "filename", None)
    try:
        with answering():
            if path is None:
                raise SourceError("image is no file: upload the picture as one, multipart/form-data")
            offer = _model(given.get("model"))
        with answering(offer):
            return _answer(_found(offer, path, _name(upload), given), given.get("accept"))
    finally:
        if path is not None:  # DEEPaaS leaves its copy to the model
            with suppress(OSError):
                os.unlink(path)


def _model(name: Any) -> Offer:
    models = offered()
    if not models:
        raise UnknownModelError("no plugin that is installed has a model that can predict")
    default = None if isinstance(name, str) else default_of(models)
    return chosen(models, str(name)) if default is None else default


def _name(upload: Any) -> str:
    """Return what the file was called, without the folders that some clients send."""
    said = getattr(upload, "original_filename", None)
    return printable(PurePath(str(said or "image").replace("\\", "/")).name) or "image"


def _found(offer: Offer, path: str, name: str, given: Mapping[str, Any]) -> Detections:
    """Return what is found in a file, with its pixels."""
    options, settings = told(offer, settings_of_all(offered()), given)
    if (size := os.path.getsize(path)) > MOST_BYTES:
        raise TooLargeError(f"{name} has {size:,} bytes; a file of at most {MOST_BYTES:,} is read")
    with open(path, "rb") as file:
        pixels = read_picture(file, name)
    with installed_pool().predictor(offer, options) as predict:
        found: Detections = predict(pixels, **settings)[0]
    if found.error is not None:
        raise SourceError(f"{name}: {found.error}")
    return replace(found, path=name, index=0, image=pixels)


def _answer(found: Detections, accept: Any) -> dict[str, Any] | io.BytesIO:
    if accept not in DRAWN:
        said = found.to_dict()
        return said if by_a_person() else {"status": "OK", "predictions": said}
    drawn = io.BytesIO()
    found.draw().save(drawn, format=DRAWN[accept])
    drawn.seek(0)
    return drawn
