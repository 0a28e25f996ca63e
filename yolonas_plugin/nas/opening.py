"""Opening a model by its name or path: as a network or as an exported file, with the runtime that it goes by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn
from ultralytics.engine.model import Model

from yolonas_plugin.errors import SettingError
from yolonas_plugin.nas.backends import Backend, network_builder
from yolonas_plugin.nas.inference import ExportedModule, chosen
from yolonas_plugin.nas.module import NASModule, build_module, untrained_module
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.runtimes import RuntimeChoice, is_export, open_runtime, refuse_overrides
from yolonas_plugin.weights import find_weights, read_checkpoint


@dataclass(frozen=True, kw_only=True)
class OpenSettings:
    """How a model is to be opened, as the arguments of :class:`~yolonas_plugin.nas.model.NAS` say."""

    processing: ProcessingSpec | str | None = None
    names: Sequence[str] | Mapping[int, str] | None = None
    accept_licence: bool = False
    backend: Backend = "native"
    runtime: str | None = None
    precision: str | None = None
    calibration: Any = None
    threads: int | None = None

    def of_weights(self) -> dict[str, Any]:
        """Return what is said of weights, by name; None where nothing is."""
        backend = None if self.backend == "native" else self.backend
        return {"processing": self.processing, "names": self.names, "backend": backend}

    def runtime_of_network(self) -> RuntimeChoice:
        """Return by what a network runs.

        Raises:
            RuntimeChoiceError: It can't be had; see :func:`~yolonas_plugin.nas.inference.chosen`.
        """
        return chosen(self.runtime or "torch", self.precision, self.calibration, self.threads)


class Opened(NamedTuple):
    """A model, by what it runs, and its path: absolute, but for random weights, whose name it is."""

    module: NASModule | ExportedModule
    runtime: RuntimeChoice
    path: str


def open_weights(
    weights: str | Path,
    settings: OpenSettings,
    progress: Callable[[int, int | None], object] | None = None,
    cancelled: Callable[[], object] | None = None,
) -> Opened:
    """Open a weight file, a model whose weights are published, or an exported file.

    Args:
        weights: A path, or a model's name.
        settings: How.
        progress: Called during a download with the bytes that are there, and the bytes in all or None.
        cancelled: Asked during a download; True ends it.

    Raises:
        YoloNASPluginError: What :class:`~yolonas_plugin.nas.model.NAS` lists.
    """
    file = Path(weights)
    if not is_export(file):
        file = find_weights(weights, accept_licence=settings.accept_licence, progress=progress, cancelled=cancelled)
    if is_export(file):
        return _open_export(file, settings)
    path = str(file.absolute())
    checkpoint = read_checkpoint(path, own_processing=settings.processing is None, own_names=settings.names is None)
    build_network = network_builder(settings.backend)
    module = build_module(checkpoint, settings.processing, settings.names, build_network)
    return Opened(module, settings.runtime_of_network(), path)


def open_untrained(name: str, settings: OpenSettings) -> Opened:
    """Make a model with random weights; see :func:`~yolonas_plugin.nas.module.untrained_module`.

    Raises:
        SettingError: Something is said that random weights don't have, or ``name`` is an exported file.
        UnknownModelError: There is no such model.
    """
    if is_export(Path(name)):
        return _open_export(Path(name), settings, weights=False)
    if said := [f"{name}=" for name, value in settings.of_weights().items() if value is not None]:
        raise SettingError(
            f"pretrained=False: {' and '.join(said)} would change nothing: random weights are this package's own, "
            "and get their names and their size from the data that they are trained on; leave it out"
        )
    return Opened(untrained_module(name), settings.runtime_of_network(), name)


def open_model(
    model: nn.Module | str | Path, runtime: RuntimeChoice, who: str
) -> tuple[NASModule | ExportedModule, RuntimeChoice]:
    """Return what a predictor or a validator was given, opened, and by what it runs.

    Args:
        model: A network, which runs by ``runtime``; a ``NAS``, which has its own; or a file of weights.
        runtime: See there.
        who: Asks, and what for, in the words of an error.

    Raises:
        TypeError: It is another model.
    """
    if isinstance(model, Model):
        model, runtime = model.model, getattr(model, "runtime", runtime)
    if not isinstance(model, nn.Module):
        model = build_module(read_checkpoint(find_weights(model)))
    if isinstance(model, ExportedModule):
        return model, model.runs_on
    if not isinstance(model, NASModule):
        raise TypeError(f"{who} YOLO-NAS, not a {type(model).__name__}")
    return model, runtime


def _open_export(file: Path, settings: OpenSettings, weights: bool | None = None) -> Opened:
    refuse_overrides(file, **settings.of_weights(), calibration=settings.calibration, weights=weights)
    path = str(file.expanduser().absolute())
    module = ExportedModule(
        open_runtime(path, settings.runtime or "auto", settings.precision, threads=settings.threads)
    )
    return Opened(module, module.runs_on, path)
