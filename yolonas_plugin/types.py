"""What crosses the contract: providers, their model cards, and the problems of plugins. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import NoneType, UnionType
from typing import Any, Final, Literal, Protocol, TypeAlias, get_args

from yolonas_plugin.errors import FactoryError

Task: TypeAlias = Literal["detect", "segment", "classify", "pose", "obb"]
"""What a model does, in Ultralytics' words."""

Role: TypeAlias = Literal["loader", "task_map", "predictor", "validator", "trainer", "exporter"]
"""The factories a provider can offer."""

Phase: TypeAlias = Literal["metadata", "allow-list", "import", "register", "hook", "validate"]
"""Where a plugin failed.

``metadata``: its ``entry_points.txt`` can't be read; ``allow-list``: named there but absent; ``import``; ``register``:
its hooks are not those of the contract; ``hook``: it raised in one; ``validate``: what a hook gave is unusable.
"""

Reference: TypeAlias = str | Callable[..., Any] | Mapping[str, Any]
"""A factory, as ``"module:attribute"``, resolved on first use, or as the object itself."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_REFERENCE: Final = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


class Loader(Protocol):
    """Makes a model from a card's name or a weight file."""

    def __call__(self, source: str, *, card: ModelCard | None = None, **options: Any) -> Any:
        """Load ``source``: a path to a weight file, or the name of ``card``, whose weights the loader then finds."""


class PredictorFactory(Protocol):
    """Makes a predictor from a loaded model."""

    def __call__(self, model: Any, **overrides: Any) -> Callable[..., Any]:
        """Return a callable ``(source, **overrides) -> list`` of results, one for each image."""


class ValidatorFactory(Protocol):
    """Makes a validator from a loaded model."""

    def __call__(self, model: Any, **overrides: Any) -> Callable[..., Any]:
        """Return a callable ``(**overrides) -> metrics``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Licence:
    """Terms of use: ``name`` (an SPDX identifier where one exists), ``url`` of the text, whether trade is allowed."""

    name: str
    url: str
    commercial_use: bool | None = None

    def __post_init__(self) -> None:
        _check_types(self, f"licence {self.name!r}", name=str, url=str, commercial_use=bool | None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A published result: ``value`` of ``name`` on ``dataset``, and the page that says so."""

    name: str
    value: float
    dataset: str
    source: str

    def __post_init__(self) -> None:
        _check_types(self, f"metric {self.name!r}", name=str, value=int | float, dataset=str, source=str)


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightFile:
    """A file of weights: where to get it (``urls`` in order of preference), its SHA-256 and its size in bytes."""

    filename: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        who = f"weight file {self.filename!r}"
        _check_types(self, who, filename=str, sha256=str | None, size=int | None)
        _check_tuple(self, who, "urls", str)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCard:
    """One model, described without loading it.

    Args:
        name: What users write, such as ``"yolo_nas_s"``; unique within its provider.
        task: What it does, see :data:`Task`.
        input_size: Height and width of the network's input in pixels.
        aliases: Other names it answers to.
        parameters: Number of learnable parameters, as stored in a checkpoint.
        gflops: Billions of floating-point operations (two per multiply-add) for one image of ``input_size``.
        classes: Names of the classes in the order of their indices; empty when the weights decide.
        metrics: Published results with their sources.
        weights: Files that hold the weights; empty when none are published.
        licence: Licence of the weights (not of the code), or None when there are none.
        training_data: What the weights were trained on.

    Raises:
        TypeError, ValueError: A field has the wrong type, or a name or task that the contract does not allow.
    """

    name: str
    task: Task
    input_size: tuple[int, int]
    aliases: tuple[str, ...] = ()
    parameters: int | None = None
    gflops: float | None = None
    classes: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    weights: tuple[WeightFile, ...] = ()
    licence: Licence | None = None
    training_data: str | None = None

    def __post_init__(self) -> None:
        _check_name("model", self.name)
        who = f"model {self.name!r}"
        _check_types(self, who, parameters=int | None, gflops=int | float | None)
        _check_types(self, who, licence=Licence | None, training_data=str | None)
        for field_name, item in (("aliases", str), ("classes", str), ("metrics", Metric), ("weights", WeightFile)):
            _check_tuple(self, who, field_name, item)
        for alias in self.aliases:
            _check_name("model", alias)
        _check_tuple(self, who, "input_size", int)
        if len(self.input_size) != 2 or min(self.input_size) < 1:
            raise ValueError(f"{who}: input_size is {self.input_size!r}, expected (height, width) in pixels")
        if self.task not in get_args(Task):
            raise ValueError(f"{who} has task {self.task!r}; expected one of {', '.join(get_args(Task))}")


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelProvider:
    """A family of models and the factories that put them to work.

    Args:
        name: Unique among all installed providers, such as ``"yolo_nas"``.
        api_version: The ``hookspecs.API_VERSION`` it was written for.
        models: Its model cards.
        loader: A :class:`Loader`.
        task_map: ``{"detect": {"predictor": cls, "validator": cls, ...}}``, the shape that Ultralytics uses, or a
            callable that returns it.
        predictor: A :class:`PredictorFactory`.
        validator: A :class:`ValidatorFactory`.
        trainer: A factory like ``validator`` that trains.
        exporter: A factory like ``validator`` that returns the path it wrote.

    Raises:
        TypeError, ValueError: A field has the wrong type, or a reference is not ``"module:attribute"``.
    """

    name: str
    api_version: int
    models: tuple[ModelCard, ...]
    loader: Reference
    task_map: Reference | None = None
    predictor: Reference | None = None
    validator: Reference | None = None
    trainer: Reference | None = None
    exporter: Reference | None = None

    def __post_init__(self) -> None:
        _check_name("provider", self.name)
        who = f"provider {self.name!r}"
        if not _is_a(self.api_version, int):
            raise TypeError(f"{who}: api_version is {self.api_version!r}, not an integer")
        _check_tuple(self, who, "models", ModelCard)
        names = [name for card in self.models for name in (card.name, *card.aliases)]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{who} uses a model name twice: {', '.join(repeated)}")
        for role in get_args(Role):
            reference = getattr(self, role)
            if isinstance(reference, str):
                if not _REFERENCE.fullmatch(reference):
                    raise ValueError(f"{who}: {role} is {reference!r}, expected 'module:attribute'")
            elif reference is None and role != "loader":
                continue
            elif not callable(reference) and not (role == "task_map" and isinstance(reference, Mapping)):
                raise TypeError(f"{who}: {role} is {reference!r}, expected 'module:attribute' or a callable")

    def factory(self, role: Role) -> Any:
        """Return the factory for ``role``, importing it now if it is a reference.

        Raises:
            FactoryError: The provider has no such factory, or the reference can't be imported; the error that
                stopped the import is its cause.
        """
        reference = getattr(self, role)
        if reference is None:
            raise FactoryError(f"provider {self.name!r} offers no {role}")
        if not isinstance(reference, str):
            return reference
        module, _, path = reference.partition(":")
        try:
            found: Any = import_module(module)
            for attribute in path.split("."):
                found = getattr(found, attribute)
        except Exception as error:
            raise FactoryError(
                f"provider {self.name!r}: its {role} {reference!r} can't be imported: {type(error).__name__}: {error}"
            ) from error
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginProblem:
    """Why a plugin, or part of it, can't be used: who, where, what happened, and the exception if there was one."""

    distribution: str
    version: str
    entry_point: str
    phase: Phase
    message: str
    exception: BaseException | None = field(default=None, compare=False)

    def __str__(self) -> str:
        who = f"{self.distribution} {self.version}".strip()
        return f"{who} (entry point {self.entry_point!r}), {self.phase}: {self.message}"


def _check_name(kind: str, name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"{kind} name is {name!r}, not a string")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{kind} name {name!r} may hold only letters, digits, '.', '_' and '-'")


def _is_a(value: object, kind: type | UnionType) -> bool:
    """``isinstance``, but a bool is no number."""
    return isinstance(value, kind) and (not isinstance(value, bool) or bool in (get_args(kind) or (kind,)))


def _check_types(owner: object, who: str, **kinds: type | UnionType) -> None:
    """See that each named field is of its kind."""
    for field_name, kind in kinds.items():
        value = getattr(owner, field_name)
        if not _is_a(value, kind):
            names = ("None" if item is NoneType else item.__name__ for item in get_args(kind) or (kind,))
            raise TypeError(f"{who}: {field_name} is {value!r} ({type(value).__name__}), expected {' or '.join(names)}")


def _check_tuple(owner: object, who: str, field_name: str, item: type) -> None:
    """Make the field a tuple, and see that it holds nothing but ``item``."""
    values = getattr(owner, field_name)
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{who}: {field_name} is {values!r}, expected a tuple of {item.__name__}")
    object.__setattr__(owner, field_name, tuple(values))
    for value in getattr(owner, field_name):
        if not _is_a(value, item):
            raise TypeError(f"{who}: {field_name} holds {value!r}, not a {item.__name__}")
