from pathlib import Path

from model_zoo_api import hookimpl


@hookimpl(tryfirst=True)
def model_zoo_locate_weights(card):
    return Path("/nowhere") / card.name
