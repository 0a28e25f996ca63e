"""Where the contract is found when this distribution is built: beside it, or for a release on the index."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

CONTRACT = "model-zoo-api"
OLDEST = "0.1.0"


class ContractHook(MetadataHookInterface):
    """Completes the dependencies: ``pip install .`` and ``pip install git+...`` take the contract of the checkout.

    It isn't on an index yet. ``YOLONAS_RELEASE=1``, as ``make dist`` sets it, names it by its version instead.
    """

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the contract to the dependencies of pyproject.toml, ``[tool.hatch.metadata.hooks.custom]``."""
        checkout = Path(self.root, "contract")
        here = os.environ.get("YOLONAS_RELEASE") != "1" and checkout.is_dir()
        contract = f"{CONTRACT} @ {checkout.as_uri()}" if here else f"{CONTRACT}>={OLDEST}"
        metadata["dependencies"] = [contract, *self.config["requirements"]]
