"""The records of the contract, by the place that they had in its first version: plugins of that time import it."""

from model_zoo_api.problems import PluginProblem
from model_zoo_api.types import Licence, Metric, ModelCard, ModelProvider, WeightFile

__all__ = ["Licence", "Metric", "ModelCard", "ModelProvider", "PluginProblem", "WeightFile"]
