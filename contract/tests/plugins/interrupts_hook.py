from model_zoo_api import hookimpl


@hookimpl
def model_zoo_providers():
    yield from ()
    raise KeyboardInterrupt
