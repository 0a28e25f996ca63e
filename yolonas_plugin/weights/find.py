"""From what a user wrote, a path or a model's name, to a weight file on this machine."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from model_zoo_api.types import ModelCard
from yolonas_plugin.cards import CARDS
from yolonas_plugin.errors import WeightsNotFoundError
from yolonas_plugin.settings import check_callback
from yolonas_plugin.weights.bar import downloading
from yolonas_plugin.weights.fetch import OFFLINE, by_hand, fetch, offline
from yolonas_plugin.weights.folder import EMBEDDED, weights_folder
from yolonas_plugin.weights.licence import require_licence
from yolonas_plugin.weights.published import check_published
from yolonas_plugin.weights.suppliers import ask_suppliers


def find_weights(
    source: str | Path,
    *,
    accept_licence: bool = False,
    progress: Callable[[int, int | None], object] | None = None,
    cancelled: Callable[[], object] | None = None,
) -> Path:
    """Return the file that ``source`` means, downloading it if it is published and not here.

    Args:
        source: The path of a weight file, or a model's name such as ``"yolo_nas_s"``. A name stands for a file of that
            name that a plugin supplies, see :func:`.suppliers.ask_suppliers`, else for one with the ending .pt, .pth or
            .safetensors in the working directory, else for the file that comes with this package, else for the
            published one in :func:`.folder.weights_folder`, which is downloaded if it isn't there, unless
            ``YOLONAS_OFFLINE`` is set.
        accept_licence: Accept the licence of what is downloaded; see :func:`.licence.require_licence`.
        progress: Called during a download, see :func:`.fetch.fetch`. None shows a bar, where standard error is a
            terminal.
        cancelled: Asked during a download; True ends it.

    Raises:
        SettingError: A callback is none.
        WeightsNotFoundError: No such file; the message says where to get it and where to put it, or which name is near.
        LicenceError: It would have to be downloaded, and nobody has accepted its licence.
        DownloadError: It could not be downloaded, or what is in the folder isn't what was published, or it was
            cancelled.
    """
    callbacks: dict[str, Any] = {
        name: check_callback(name, given) for name, given in (("progress", progress), ("cancelled", cancelled))
    }
    path = Path(os.path.expanduser(source))  # a name that begins with ~ may be a file's own, which pathlib refuses
    try:
        if path.is_file():
            return path
    except OSError as error:
        raise WeightsNotFoundError(f"{source}: {error.strerror}") from error
    if os.path.dirname(source):  # of "./name" pathlib keeps the name alone
        what = "this is a folder, not a weight file" if path.is_dir() else "there is no such file"
        raise WeightsNotFoundError(f"{source}: {what}")
    stem = path.stem if path.suffix in {".pt", ".pth", ".safetensors"} else path.name
    card = next((card for card in CARDS if stem in (card.name, *card.aliases)), None)
    if card is None and path.is_dir():
        raise WeightsNotFoundError(f"{source}: this is a folder, not a weight file")
    if card is None:
        near = difflib.get_close_matches(stem, [card.name for card in CARDS], n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"models are {', '.join(card.name for card in CARDS)}"
        raise WeightsNotFoundError(f"{source}: there is no such file, and no model of that name; {hint}")
    supplied, problems = ask_suppliers(card)
    if supplied is not None:
        return supplied
    try:
        return _own_file(card, accept_licence, callbacks)
    except WeightsNotFoundError as error:
        if problems:
            said = "; ".join(map(str, problems))
            error.args = (f"{error}\nA plugin that may supply them failed: {said}",)
        raise


def _own_file(card: ModelCard, accept_licence: bool, callbacks: Mapping[str, Any]) -> Path:
    """Return the file of a model that is here, or has been downloaded now; errors as of :func:`find_weights`."""
    places = [Path(card.name + ending) for ending in (".pt", ".pth", ".safetensors")]
    places += [EMBEDDED / file.filename for file in card.weights]
    for place in places:
        if os.path.isfile(place):
            return place
    for file in card.weights:
        if file.sha256 and os.path.isfile(weights_folder() / file.filename):
            return check_published(weights_folder() / file.filename, file)
    if offline() or not card.weights:
        raise WeightsNotFoundError(_how_to_get(card))
    if card.licence:
        require_licence(card.licence, weights_folder(), what=f"the weights of {card.name}", accepted=accept_licence)
    file = card.weights[0]
    given = callbacks["progress"]
    with downloading(file.filename) if given is None else contextlib.nullcontext(given) as tell:
        return fetch(file, weights_folder(), licence=card.licence, **{**callbacks, "progress": tell})


def _how_to_get(card: ModelCard) -> str:
    if not card.weights:
        return (
            f"{card.name}: no weights of this size were ever published; give the path of a checkpoint that you trained"
        )
    file = card.weights[0]
    instructions = by_hand(file, weights_folder() / file.filename, card.licence)
    return f"{card.name}: its weights are not on this machine, and {OFFLINE} forbids downloading them. {instructions}"
