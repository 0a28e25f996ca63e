"""A remote source of FiftyOne's model zoo: it downloads and loads the models in ``manifest.json``.

FiftyOne copies this folder into its zoo, and calls the two functions. They need yolonas-plugin to be installed.
"""

from __future__ import annotations

import os
import shutil
from typing import Any


def download_model(model_name: str, model_path: str) -> None:
    """Put the weights of a model where FiftyOne keeps them.

    Raises:
        WeightsNotFoundError: They can't be had; the licence of published weights has to be accepted first.
    """
    from yolonas_plugin.weights import find_weights

    part = f"{model_path}.part"  # FiftyOne takes a file that is there for a whole one
    shutil.copyfile(find_weights(model_name), part)
    os.replace(part, model_path)


def load_model(model_name: str, model_path: str, **options: Any) -> Any:
    """Return the model with the weights in ``model_path``; options as for ``yolonas_plugin.hosts.fiftyone``."""
    from yolonas_plugin.hosts.fiftyone import load_model as load

    return load(model_path, **options)
