"""A store that asks to come first, and answers with the same file for every model."""

import os
from pathlib import Path

from model_zoo_api import hookimpl


@hookimpl(tryfirst=True)
def model_zoo_locate_weights(card):
    return Path(os.environ["STORE"]) / "first.bin"
