from model_zoo_api import hookimpl


@hookimpl(tryfirst=True)
def model_zoo_locate_weights(card):
    raise ConnectionError(f"the store is down, no {card.name}")
