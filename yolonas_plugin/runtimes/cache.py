"""What was made from weights for a runtime, kept for the next time, under a name that says what it was made from."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from filelock import FileLock

from yolonas_plugin import __version__
from yolonas_plugin.errors import RuntimeChoiceError
from yolonas_plugin.weights.find import weights_folder


def cache_folder() -> Path:
    """Return the folder of what is kept: ``runtimes`` in the folder of weights."""
    return weights_folder() / "runtimes"


def cache_key(parts: Iterable[bytes | str]) -> str:
    """Return a name for what is made from ``parts`` by this version of the package."""
    digest = hashlib.sha256(__version__.encode())
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\0")
    return digest.hexdigest()[:40]


def cached(key: str, make: Callable[[Path], None]) -> Path:
    """Return the folder of that key, which ``make`` fills if it isn't there; one process at a time.

    Raises:
        RuntimeChoiceError: The folder can't be written to.
    """
    folder = cache_folder() / key
    if folder.is_dir():
        return folder
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        with FileLock(cache_folder() / f".{key}.lock"):
            if not folder.is_dir():
                with tempfile.TemporaryDirectory(dir=cache_folder(), prefix=f".{key}.") as temporary:
                    made = Path(temporary) / "made"
                    made.mkdir()
                    make(made)
                    made.rename(folder)
    except OSError as error:
        raise RuntimeChoiceError(
            f"{cache_folder()}: what a runtime needs can't be kept there: {error}. Name another folder with the "
            "variable YOLONAS_WEIGHTS, or take runtime='torch', which keeps nothing"
        ) from error
    return folder
