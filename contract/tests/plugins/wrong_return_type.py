from model_zoo_api import hookimpl


@hookimpl
def model_zoo_providers():
    return {"name": "acme", "models": ["acme_tiny", "acme_large"]}
