"""The errors this package raises: a message says what was found, where, and what to do.

Those that hosts know are the contract's, :mod:`model_zoo_api.errors`; each of ours of that kind derives from it.
"""

from __future__ import annotations

from model_zoo_api import errors as contract


class YoloNASPluginError(contract.ModelZooError):
    """Base of every error raised on purpose by this package."""


class UnknownModelError(YoloNASPluginError, contract.UnknownModelError):
    """There is no YOLO-NAS of that name."""

    __str__ = Exception.__str__


class WeightsNotFoundError(YoloNASPluginError, contract.WeightsNotFoundError):
    """The model is known, but no weight file for it is on this machine."""


class LicenceError(WeightsNotFoundError, contract.LicenceNotAcceptedError):
    """The licence of weights that would have to be downloaded hasn't been accepted."""


class DownloadError(WeightsNotFoundError, contract.DownloadError):
    """Published weights could not be downloaded, checked or written."""


class CheckpointError(YoloNASPluginError, ValueError):
    """A file isn't a YOLO-NAS checkpoint that this version can read."""


class ProcessingError(YoloNASPluginError, ValueError):
    """How a checkpoint's images are prepared is unknown, or not supported."""


class SkeletonError(YoloNASPluginError, ValueError):
    """The keypoints of a model, their names, edges or flip index contradict each other, or the weights."""


class TaskError(YoloNASPluginError, ValueError):
    """A model of one task is given where one of another belongs."""


class SourceError(YoloNASPluginError, contract.SourceError):
    """The images, video or data given to a model can't be used."""


class SettingError(ProcessingError, contract.SettingError):
    """A setting is unknown, or has a value that it can't have.

    It is also what an unknown keyword and an input size raised before it had a name of its own. It is no
    :class:`SourceError`, as a class index was: who goes on after an image that can't be read doesn't go on after this.
    """


class DataNotFoundError(SourceError, FileNotFoundError):
    """There is no such image, video or data set, or a data set has no such split."""

    __str__ = Exception.__str__


class TrainingError(YoloNASPluginError, ValueError):
    """A training can't begin or go on as it was asked for."""


class MissingExtraError(YoloNASPluginError, contract.DependencyMissingError):
    """An optional package is needed; the message names the ``pip install`` line."""

    def __init__(self, purpose: str, package: str, extra: str, hint: str = "") -> None:
        super().__init__(
            f"{purpose} needs {package}, which is not installed: pip install 'yolonas-plugin[{extra}]'{hint}"
        )


class HostVersionError(YoloNASPluginError, ImportError):
    """A host program is installed in a version that lacks what its module in ``yolonas_plugin.hosts`` uses."""


class BackendError(YoloNASPluginError, ValueError):
    """The backend of a model is unknown, can't be imported, or doesn't have the network."""


class RuntimeChoiceError(YoloNASPluginError, ValueError):
    """A runtime or precision is unknown, or doesn't fit the file, the machine or each other."""


class ConfigRefusedError(YoloNASPluginError, AssertionError):
    """A YAML configuration was given where weights belong; ``ultralytics.NAS`` raises an ``AssertionError`` too."""


class ExportError(YoloNASPluginError):
    """An export or a weight file can't be written."""


class ExportSettingError(SettingError, ExportError):
    """A format or a setting of an export is unknown, has a value that it can't have, or contradicts another."""


class ServerError(YoloNASPluginError, ConnectionError):
    """A model server can't be reached, refuses, or has a model that isn't an export for servers."""

    __str__ = Exception.__str__
