"""A training, in a worker process of DEEPaaS or in its command line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model_zoo_api.bridges.deepaas.arguments import settings_of_all, told
from model_zoo_api.bridges.deepaas.choosing import (
    FOLDER,
    by_a_person,
    to_be_trained,
    trainable,
    training_folder,
    training_settings,
)
from model_zoo_api.bridges.deepaas.refusals import answering
from model_zoo_api.bridges.offers import installed_zoo
from model_zoo_api.errors import SettingError
from model_zoo_api.foreign import is_a
from model_zoo_api.values import as_python


def train_model(given: Mapping[str, Any]) -> dict[str, Any]:
    """Do what :func:`model_zoo_api.bridges.deepaas.train` says."""
    with answering():
        offer = to_be_trained(str(given.get("model")))
    with answering(offer):
        if not by_a_person() and training_folder() is None:
            raise SettingError(f"this server trains for nobody: who runs it names a folder of data sets in {FOLDER}")
        options, settings = told(offer, settings_of_all(trainable(), training_settings), given)
        train = installed_zoo().trainer(offer.card.name, provider=offer.provider.name, load=options, **settings)
        return {"model": offer.name, **plain(train())}


def plain(result: Any) -> dict[str, Any]:
    """Return what a trainer gave as JSON has it: figures by name, and where the results are."""
    figures = result if is_a(result, Mapping) else getattr(result, "results_dict", None)
    found: dict[str, Any] = {"metrics": None, "results": None}
    if figures is not None and is_a(figures, Mapping):
        found["metrics"] = {str(name): _plain(value) for name, value in figures.items()}
    where = getattr(result, "save_dir", None)
    if where is not None:
        found["results"] = _shown(Path(where))
    return found


def _plain(value: Any) -> Any:
    value = as_python(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def _shown(path: Path) -> str:
    """Return a path as the client may name it."""
    folder = training_folder()
    if by_a_person() or folder is None or not path.is_relative_to(folder):
        return str(path)
    return str(path.relative_to(folder))
