"""Where the contract is found when this distribution is built: beside it, or for a release on the index."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hatchling.metadata.plugin.interface import MetadataHookInterface

NAME = "model-zoo-api"


class ContractHook(MetadataHookInterface):
    """Completes the dependencies: ``pip install .`` and ``pip install git+...`` take the contract of the checkout.

    It isn't on an index yet. ``YOLONAS_RELEASE=1``, as ``make dist`` sets it, names it by its version instead. In a
    source distribution hatchling takes the dependencies that were written there, and this isn't called.
    """

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the contract to the dependencies of pyproject.toml, ``[tool.hatch.metadata.hooks.custom]``."""
        contract = Path(self.root, "contract")
        if not (contract / "pyproject.toml").is_file():
            raise FileNotFoundError(f"{contract} is not there: build from a whole checkout or a source distribution")
        released = os.environ.get("YOLONAS_RELEASE") == "1"
        needed = f"{NAME}>={version(contract)}" if released else f"{NAME} @ {origin(contract) or contract.as_uri()}"
        metadata["dependencies"] = [needed, *self.config["requirements"]]


def version(contract: Path) -> str:
    """Return the version of the contract, with which this distribution was tested."""
    source = (contract / "model_zoo_api" / "__init__.py").read_text(encoding="utf-8")
    (found,) = re.findall(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    return str(found)


def origin(contract: Path) -> str | None:
    """Return where pip cloned from, if it did: it removes its clone, and what is installed must not refer to that."""
    root = contract.parent
    if not root.name.startswith("pip-req-build-") or not (root / ".git").exists():
        return None
    url, commit = (
        subprocess.run(["git", "-C", str(root), *command], check=True, capture_output=True, text=True).stdout.strip()
        for command in (("config", "remote.origin.url"), ("rev-parse", "HEAD"))
    )
    parts = urlsplit(url)
    secret = parts.password or (parts.scheme in ("http", "https") and parts.username)  # never written into metadata
    named = parts.scheme and parts.netloc  # pip before 24.1 takes no git+file:///
    return f"git+{url}@{commit}#subdirectory=contract" if named and not secret else None
