"""What can be wrong with a card whose fields have the right types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath

from model_zoo_api.types import ModelCard, WeightFile


def faults_of(card: ModelCard) -> Iterator[str]:
    """Yield a sentence for each fault."""
    if card.parameters is not None and card.parameters < 1:
        yield f"parameters is {card.parameters}"
    if card.gflops is not None and card.gflops <= 0:
        yield f"gflops is {card.gflops}"
    if len(set(card.classes)) < len(card.classes):
        yield "two classes have one name"
    if card.weights and card.licence is None:
        yield "it has weights, but no licence for them"
    if card.untrained and (card.weights or card.metrics or card.licence):
        yield "it is untrained, and has weights, a licence for them or results"
    urls = [url for file in card.weights for url in file.urls] + [metric.source for metric in card.metrics]
    for url in (*urls, *([card.licence.url] if card.licence else ())):
        if not url.startswith(("https://", "http://")):
            yield f"{url!r} is no address of a page or file"
    for file in card.weights:
        yield from _faults_of_file(file)


def _faults_of_file(file: WeightFile) -> Iterator[str]:
    name = file.filename
    if not name or name in (".", "..") or {PurePosixPath(name).name, PureWindowsPath(name).name} != {name}:
        yield f"the filename {name!r} is not just a name"
    if file.sha256 is not None and (len(file.sha256) != 64 or set(file.sha256) - set("0123456789abcdef")):
        yield f"{name}: sha256 is {file.sha256!r}, not 64 hexadecimal digits in lower case"
    if file.size is not None and file.size < 1:
        yield f"{name}: size is {file.size} bytes"
