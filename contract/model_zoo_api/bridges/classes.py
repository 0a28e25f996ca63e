"""Which classes are wanted, by the names that people write, and what was found of these."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from model_zoo_api.bridges.offers import Offer
from model_zoo_api.detections import Detections
from model_zoo_api.errors import SettingError
from model_zoo_api.texts import listed, suggest


def labels_of(names: Mapping[int, str], wanted: Sequence[str]) -> list[int]:
    """Return the labels of the classes that are wanted, in the order of the labels.

    Case doesn't matter, and ``section header`` is ``section_header``. A name that several classes bear means all of
    them.

    Args:
        names: Of the classes, by label.
        wanted: Names as people write them.

    Raises:
        SettingError: There is no such class; the message has the nearest, and what there is.
    """
    found = {word: [label for label, name in names.items() if _plain(name) == _plain(word)] for word in wanted}
    unknown = [word for word, labels in found.items() if not labels]
    if unknown:
        near = suggest(_plain(unknown[0]), [name.lower() for name in names.values()])
        hint = near if near.startswith("; did") else "."
        raise SettingError(
            f"no class is named {listed([repr(word) for word in unknown])}{hint} "
            f"There are: {listed(list(dict.fromkeys(names.values())), 100)}"
        )
    return sorted({label for labels in found.values() for label in labels})


def only(found: Detections, labels: Sequence[int]) -> Detections:
    """Return what was found of some classes, by their labels; all else stays as it is."""
    kept = [row for row, label in enumerate(found.labels) if int(label) in labels]
    if len(kept) == len(found):
        return found
    arrays = {name: getattr(found, name) for name in ("boxes", "scores", "labels", "keypoints", "track_ids")}
    rows = {name: _rows(array, kept) for name, array in arrays.items() if array is not None}
    return replace(found, **rows, native=None)  # the provider's own result has them all


def detect(
    predict: Callable[..., list[Detections]],
    source: Any,
    offer: Offer,
    settings: Mapping[str, Any],
    wanted: Sequence[str],
    names: Mapping[int, str] | None = None,
) -> list[Detections]:
    """Return what a predictor finds of the wanted classes; of all, where none are named.

    Its provider is told, where it has a setting for that: then ``max_det`` and the like count what is wanted.

    Args:
        predict: Of ``offer``.
        source: See :mod:`model_zoo_api.sources`.
        offer: The model.
        settings: Of the predictor.
        wanted: Names of classes, as people write them.
        names: The classes, where they are known before; by default the first result says them.

    Raises:
        SettingError: There is no such class, or a setting has a value that it can't have.
    """
    if not wanted:
        return predict(source, **settings)
    setting = next((one.name for one in offer.provider.settings or () if one.kind == "classes"), None)
    if setting is None or settings.get(setting) is not None:
        return [_only_wanted(found, wanted) for found in predict(source, **settings)]
    if names is None:
        first = predict(source, **settings)
        names = next((found.names for found in first if found.names), None)
        if names is None:
            return first  # nothing could be read
    return predict(source, **{**settings, setting: labels_of(names, wanted)})


def _only_wanted(found: Detections, wanted: Sequence[str]) -> Detections:
    return found if found.error is not None else only(found, labels_of(found.names, wanted))


def _rows(array: Any, kept: list[int]) -> Any:
    """Return some rows of an array, NumPy's or the contract's own."""
    if hasattr(array, "dtype"):
        return array[kept]
    return [array[row] for row in kept]


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()
