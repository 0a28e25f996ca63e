import sys

from yolonas_plugin import hookimpl


@hookimpl
def model_zoo_providers():
    sys.exit(3)
