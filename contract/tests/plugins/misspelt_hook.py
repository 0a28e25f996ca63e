from model_zoo_api import hookimpl


@hookimpl
def model_zoo_provider():
    return []
