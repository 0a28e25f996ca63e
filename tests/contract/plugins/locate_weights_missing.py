from pathlib import Path

from yolonas_plugin import hookimpl


@hookimpl(tryfirst=True)
def model_zoo_locate_weights(card):
    return Path("/nowhere") / card.name
