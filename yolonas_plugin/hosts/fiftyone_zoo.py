"""YOLO-NAS in FiftyOne's model zoo: a manifest of the model cards, and of weight files of one's own.

::

    python -m yolonas_plugin.hosts.fiftyone_zoo yolo-nas.json cells=best.pth
    export FIFTYONE_MODEL_ZOO_MANIFEST_PATHS=$PWD/yolo-nas.json

FiftyOne isn't imported.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from model_zoo_api.types import ModelCard
from yolonas_plugin.cards import CARDS
from yolonas_plugin.errors import WeightsNotFoundError, YoloNASPluginError
from yolonas_plugin.files.whole import write_whole

MODEL: Final = "yolonas_plugin.hosts.fiftyone.YoloNASModel"
_COMMON: Final = {
    "requirements": {"packages": ["yolonas-plugin"], "cpu": {"support": True}, "gpu": {"support": True}},
}
_TAGS: Final = {"detect": ["detection"], "pose": ["keypoints"]}
"""FiftyOne's words for the tasks."""


def manifest(own: Mapping[str, str | Path] | None = None) -> dict[str, Any]:
    """Return a manifest for ``FIFTYONE_MODEL_ZOO_MANIFEST_PATHS``: models that have weights, and more of your own.

    Weights are loaded as ``NAS`` loads them, and lie where it has them; FiftyOne downloads nothing.

    Args:
        own: Weight files by the names that FiftyOne shall know them by.

    Raises:
        WeightsNotFoundError: One of them isn't there.
    """
    models = [{**_entry(card), **_deployment(card.name)} for card in _with_weights()]
    for name, weights in (own or {}).items():
        path = Path(weights).expanduser().absolute()
        if not path.exists():
            raise WeightsNotFoundError(f"{name}: there is no such file as {path}")
        entry = {"base_name": name, "description": f"YOLO-NAS, {path}", "tags": ["torch", "yolo"]}
        models.append({**entry, **_COMMON, **_deployment(str(path))})
    return {"models": models}


def source_manifest() -> dict[str, Any]:
    """Return the manifest of a remote source, a folder with ``download_model`` and ``load_model``."""
    models = [{**_entry(card), "base_filename": card.weights[0].filename} for card in _with_weights()]
    return {"name": "yolonas-plugin", "models": models}


def _with_weights() -> list[ModelCard]:
    return [card for card in CARDS if card.weights]


def _entry(card: ModelCard) -> dict[str, Any]:
    return {
        "base_name": card.aliases[0],
        "description": f"YOLO-NAS, {card.parameters:,} parameters, {len(card.classes)} classes; {card.training_data}",
        "license": card.licence.name if card.licence else None,
        "size_bytes": card.weights[0].size,
        "tags": [*_TAGS[card.task], "torch", "yolo"],
        **_COMMON,
    }


def _deployment(weights: str) -> dict[str, Any]:
    return {"default_deployment_config_dict": {"type": MODEL, "config": {"weights": weights}}}


def main(arguments: list[str] | None = None) -> int:
    """Write a manifest; return the exit code, 2 for wrong usage and 1 where a file isn't there or can't be written."""
    parser = argparse.ArgumentParser(
        prog="python -m yolonas_plugin.hosts.fiftyone_zoo", description="Write a manifest for FiftyOne's model zoo."
    )
    parser.add_argument("manifest", type=Path, help="the JSON file to write")
    parser.add_argument(
        "own", metavar="NAME=WEIGHTS", nargs="*", help="a weight file of yours, and its name in the zoo"
    )
    parser.add_argument("--source", action="store_true", help="for a folder that is a remote source of models")
    given = parser.parse_args(arguments)
    own = dict(item.partition("=")[::2] for item in given.own)
    if not all(name and weights for name, weights in own.items()):
        parser.error(f"write NAME=WEIGHTS, not {' '.join(given.own)}")
    if given.source and own:
        parser.error("a remote source has no weight files of yours")
    try:
        content = source_manifest() if given.source else manifest(own)
        write_whole(given.manifest, json.dumps(content, indent=2) + "\n")
    except YoloNASPluginError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
