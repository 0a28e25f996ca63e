from yolonas_plugin import hookimpl


@hookimpl
def model_zoo_provider():
    return []
