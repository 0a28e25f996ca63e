"""The folders of weight files on this machine."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Final

CACHE: Final = "YOLONAS_WEIGHTS"
"""Environment variable: the folder where weight files lie by their published names."""

EMBEDDED: Final = Path(__file__).with_name("embedded")
"""The folder of the weight files that come with this package."""


def weights_folder() -> Path:
    """Return the folder of published weight files: ``$YOLONAS_WEIGHTS``, else in the user's cache.

    For a user without a home it is a temporary folder, until this process ends.
    """
    chosen = os.environ.get(CACHE)
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(chosen).expanduser() if chosen else Path(cache).expanduser() / "yolonas-plugin"
    except RuntimeError:  # pathlib's, of a ~ that stands for nothing
        return _homeless()


@functools.cache
def _homeless() -> Path:
    import atexit
    import logging

    from yolonas_plugin.files.temporary import TemporaryFolder  # seldom needed, and not light

    folder = TemporaryFolder()
    atexit.register(folder.cleanup)
    logging.getLogger("yolonas_plugin").warning(
        "this user has no home; %s names a folder for what is to be kept, until then it is temporary", CACHE
    )
    return folder.path
