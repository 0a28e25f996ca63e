from yolonas_plugin import hookimpl


@hookimpl
def model_zoo_providers():
    yield from ()
    raise KeyboardInterrupt
