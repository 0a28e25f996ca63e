"""Proves that it was imported: writes a file named by an environment variable."""

import os
from pathlib import Path

from model_zoo_api import ModelProvider, hookimpl

Path(os.environ["TRACE"]).write_text("imported")


@hookimpl
def model_zoo_providers():
    yield ModelProvider(name="tracer", api_version=1, models=(), loader="acme:load")
