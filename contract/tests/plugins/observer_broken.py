from model_zoo_api import hookimpl


@hookimpl(tryfirst=True)
def model_zoo_loaded(provider, card, model):
    raise OSError("the audit log is full")
