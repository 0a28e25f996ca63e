"""DEEPaaS serves every model of the zoo: this is the entry point ``model_zoo`` of its group ``deepaas.v2.model``.

One model of DEEPaaS, whose argument ``model`` chooses among the zoo's. ``predict`` finds things in a picture that is
uploaded, ``train`` trains with the trainer of a model's provider. DEEPaaS imports this in its server, which lists the
arguments, and again in each of its worker processes, which predict and train one request after the other; its command
line does all of that in one process. Nothing heavy is imported before a model is loaded.
"""

from __future__ import annotations

from typing import Any

from model_zoo_api.bridges.deepaas.version import check_version

check_version()

__all__ = ["get_metadata", "get_predict_args", "get_train_args", "predict", "train", "warm"]


def __getattr__(name: str) -> Any:
    """Return ``schema``, by which DEEPaaS describes and checks the answers of its server, when that asks for it."""
    if name != "schema":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from model_zoo_api.bridges.deepaas.answers import answer_schema

    return answer_schema()


def get_metadata() -> dict[str, Any]:
    """Return what DEEPaaS says of the zoo, and a list of its models."""
    from model_zoo_api.bridges.deepaas.metadata import metadata

    return metadata()


def get_predict_args() -> dict[str, Any]:
    """Return the arguments of :func:`predict` by name, as marshmallow fields."""
    from model_zoo_api.bridges.deepaas.arguments import predict_arguments

    return predict_arguments()


def predict(**given: Any) -> Any:
    """Return what is found in a picture, as plain data or as a drawn picture in memory.

    Args:
        **given: ``image``, DEEPaaS's record of an uploaded file, which is removed; ``model``, ``accept``, and settings.

    Raises:
        aiohttp.web.HTTPException: It can't be done; in the command line a ``SystemExit``. The message says why.
    """
    from model_zoo_api.bridges.deepaas.prediction import predict_picture

    return predict_picture(given)


def warm() -> None:
    """Load the model that is the default, if its weights are on this machine; nothing is downloaded."""
    from model_zoo_api.bridges.deepaas.prediction import load_default

    load_default()


def get_train_args() -> dict[str, Any]:
    """Return the arguments of :func:`train` by name, as marshmallow fields; none where nothing can be trained."""
    from model_zoo_api.bridges.deepaas.arguments import train_arguments

    return train_arguments()


def train(**given: Any) -> dict[str, Any]:
    """Train a model, and return what came of it, as plain data.

    Args:
        **given: ``model``, and settings of the trainer.

    Raises:
        aiohttp.web.HTTPException: It can't be done; in the command line a ``SystemExit``. The message says why.
    """
    from model_zoo_api.bridges.deepaas.training import train_model

    return train_model(given)
