"""The errors that hosts may catch, the same from every provider: each says what was found, where, and what to do.

A provider raises these, or its own errors derived from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model_zoo_api.problems import PluginProblem


class ModelZooError(Exception):
    """Base of every error of the contract."""


class DiscoveryError(ModelZooError, RuntimeError):
    """A plugin discovers plugins while it is being discovered."""


class PluginError(ModelZooError):
    """A plugin is unusable; raised instead of collected by ``ModelZoo.discover(strict=True)``."""

    def __init__(self, problem: PluginProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class FactoryError(ModelZooError):
    """A provider offers no such factory, or its reference can't be imported."""


class DependencyMissingError(ModelZooError, ImportError):
    """A package that is needed isn't installed; the message has the ``pip install`` line."""


class UnknownModelError(ModelZooError, LookupError):
    """No provider has a model of that name, or several have."""

    __str__ = Exception.__str__


class WeightsNotFoundError(ModelZooError, FileNotFoundError):
    """The model is known, but no weight file for it is on this machine."""


class LicenceNotAcceptedError(WeightsNotFoundError):
    """The licence of weights that would have to be downloaded hasn't been accepted."""


class DownloadError(WeightsNotFoundError):
    """Published weights could not be downloaded, checked or written, or the download was cancelled."""


class SourceError(ModelZooError, ValueError):
    """What a predictor was given names no image: None, an empty text, something of another kind, an empty folder."""


class SettingError(ModelZooError, TypeError, ValueError):
    """A setting or an option is unknown, or has a value that it can't have."""
