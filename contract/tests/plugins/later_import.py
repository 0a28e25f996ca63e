from model_zoo_api.types import Device, ModelCard  # noqa: F401
