"""What crosses the contract: providers, their model cards, and the problems of plugins. Standard library only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
from itertools import islice
from types import NoneType
from typing import Any, Final, Literal, Protocol, TypeAlias, get_args

from model_zoo_api.errors import FactoryError
from model_zoo_api.foreign import class_name, describe, is_a, plain, shown
from model_zoo_api.settings import Setting
from model_zoo_api.texts import listed

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
_TEXT: Final = (str,)
_NOTHING: Final = ()
_LONGEST: Final = 1_000_000
"""Items that a field may hold; one that gives more never ends."""

_MOST: Final = 2**63 - 1
"""The largest count; more is no number of bytes or parameters, and hosts couldn't print or store it."""

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
        _check_types(self, "licence", name=_TEXT, url=_TEXT, commercial_use=(bool, NoneType))


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A published result: ``value`` of ``name`` on ``dataset``, and the page that says so."""

    name: str
    value: float
    dataset: str
    source: str

    def __post_init__(self) -> None:
        _check_types(self, "metric", name=_TEXT, value=(int, float), dataset=_TEXT, source=_TEXT)


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightFile:
    """A file of weights: where to get it (``urls`` in order of preference), its SHA-256 and its size in bytes."""

    filename: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        _check_types(self, "weight file", filename=_TEXT, sha256=(str, NoneType), size=(int, NoneType))
        _check_tuple(self, "weight file", "urls", str)


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
        _check_name(self, "model")
        _check_types(self, "model", task=_TEXT, parameters=(int, NoneType), gflops=(int, float, NoneType))
        _check_types(self, "model", licence=(Licence, NoneType), training_data=(str, NoneType))
        for field_name, item in (("aliases", str), ("classes", str), ("metrics", Metric), ("weights", WeightFile)):
            _check_tuple(self, "model", field_name, item)
        for alias in self.aliases:
            _check_spelling("model", alias)
        _check_tuple(self, "model", "input_size", int)
        if len(self.input_size) != 2 or min(self.input_size) < 1 or max(self.input_size) > _MOST:
            raise ValueError(
                f"model {self.name!r}: input_size is {shown(self.input_size)}, expected (height, width) in pixels"
            )
        if self.task not in get_args(Task):
            raise ValueError(
                f"model {self.name!r} has task {shown(self.task)}; expected one of {', '.join(get_args(Task))}"
            )


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
        options: What the loader may be told; None where the provider doesn't say.
        settings: What the predictor may be told; None where the provider doesn't say.

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
    options: tuple[Setting, ...] | None = None
    settings: tuple[Setting, ...] | None = None

    def __post_init__(self) -> None:
        _check_name(self, "provider")
        who = f"provider {self.name!r}"
        if not _is_a(self.api_version, (int,)):
            raise TypeError(f"{who}: api_version is {shown(self.api_version)}, not an integer")
        _check_types(self, "provider", api_version=(int,))
        _check_tuple(self, "provider", "models", ModelCard)
        names = Counter(name for card in self.models for name in (card.name, *card.aliases))
        if repeated := sorted(name for name, count in names.items() if count > 1):
            raise ValueError(f"{who} uses a model name twice: {listed(repeated)}")
        for field_name in ("options", "settings"):
            if getattr(self, field_name) is not None:
                _check_tuple(self, "provider", field_name, Setting)
        said = Counter(setting.name for setting in (*(self.options or ()), *(self.settings or ())))
        if repeated := sorted(name for name, count in said.items() if count > 1):
            raise ValueError(f"{who} has an option or a setting twice: {listed(repeated)}")
        for role in get_args(Role):
            reference = plain(getattr(self, role))
            if is_a(reference, str):
                object.__setattr__(self, role, reference)
                if not _REFERENCE.fullmatch(reference):
                    raise ValueError(f"{who}: {role} is {shown(reference)}, expected 'module:attribute'")
            elif reference is None and role != "loader":
                continue
            elif not callable(reference) and not (role == "task_map" and is_a(reference, Mapping)):
                raise TypeError(f"{who}: {role} is {shown(reference)}, expected 'module:attribute' or a callable")

    def factory(self, role: Role) -> Any:
        """Return the factory for ``role``, importing it now if it is a reference.

        Raises:
            FactoryError: The provider has no such factory, or the reference can't be imported; the error that
                stopped the import is its cause.
        """
        reference = getattr(self, role)
        if reference is None:
            raise FactoryError(f"provider {self.name!r} offers no {role}")
        if not is_a(reference, str):
            return reference
        module, _, path = reference.partition(":")
        try:
            found: Any = import_module(module)
            for attribute in path.split("."):
                found = getattr(found, attribute)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit, and what native code raises past Exception
            raise FactoryError(
                f"provider {self.name!r}: its {role} {reference!r} can't be imported: {describe(error)}"
            ) from error
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginProblem:
    """Why a plugin, or part of it, can't be used: who, where, what happened, and the exception if there was one.

    Printing, comparing and hashing it touches nothing of the plugin's: the exception takes no part in that.
    """

    distribution: str
    version: str
    entry_point: str
    phase: Phase
    message: str
    exception: BaseException | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("distribution", "version", "entry_point", "phase", "message"):
            value = plain(getattr(self, name))
            object.__setattr__(self, name, value if is_a(value, str) else shown(value))

    def __str__(self) -> str:
        who = f"{self.distribution} {self.version}".strip()
        where = f" (entry point {self.entry_point!r})" if self.entry_point else ""
        return f"{who}{where}, {self.phase}: {self.message}"


def checked(provider: Any) -> ModelProvider:
    """Return a provider whose every field, down to the parts of its cards, was looked at now.

    A record can be made without its checks, or changed after them.

    Raises:
        TypeError, ValueError: As when a record is made; whatever the methods of a subclass raise.
    """
    found: ModelProvider = _record(ModelProvider, provider)
    found.__post_init__()
    for setting in (*(found.options or ()), *(found.settings or ())):
        setting.__post_init__()
    for card in found.models:
        card.__post_init__()
        for part in (*card.metrics, *card.weights, card.licence):
            if part is not None:
                part.__post_init__()
    return found


def _record(kind: Any, value: Any) -> Any:
    """Return a record as it is; of a subclass, which may answer otherwise at each reading, a plain one.

    Fields that a subclass adds stay with the plugin.
    """
    return value if type(value) is kind else kind(**{item.name: getattr(value, item.name) for item in fields(kind)})


def _check_name(owner: Any, kind: str) -> None:
    """See that a record's name is one that users can write."""
    object.__setattr__(owner, "name", plain(owner.name))
    if not is_a(owner.name, str):
        raise TypeError(f"{kind} name is {shown(owner.name)}, not a string")
    _check_spelling(kind, owner.name)


def _check_spelling(kind: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{kind} name {shown(name)} may hold only letters, digits, '.', '_' and '-'")


def _is_a(value: object, kinds: tuple[type, ...]) -> bool:
    """Whether a value is of one of the kinds; a bool is no number."""
    return type(value) in kinds or (is_a(value, kinds) and (type(value) is not bool or bool in kinds))


def _check_types(owner: Any, kind: str, **expected: tuple[type, ...]) -> None:
    """See that each named field is of one of its kinds, and a number that can be one; make it plain."""
    for field_name, kinds in expected.items():
        value = getattr(owner, field_name)
        if not _is_a(value, kinds):
            names = " or ".join("None" if item is NoneType else item.__name__ for item in kinds)
            found = f"{shown(value)} ({class_name(type(value))})"
            raise TypeError(f"{_called(owner, kind)}: {field_name} is {found}, expected {names}")
        if value is None or type(value) is str:
            continue
        value = _plain_part(value)
        if type(value) in (int, float) and not abs(value) <= _MOST:
            raise ValueError(
                f"{_called(owner, kind)}: {field_name} is {shown(value)}, which hosts can't print or store"
            )
        object.__setattr__(owner, field_name, value)


def _check_tuple(owner: Any, kind: str, field_name: str, item: type) -> None:
    """Make the field a tuple, and see that it holds nothing but ``item``; make each plain."""
    values = getattr(owner, field_name)
    if values is _NOTHING:
        return
    if is_a(values, str) or not hasattr(type(values), "__iter__"):
        found = shown(values)
        raise TypeError(f"{_called(owner, kind)}: {field_name} is {found}, expected a tuple of {item.__name__}")
    taken = tuple(islice(values, _LONGEST + 1))
    if len(taken) > _LONGEST:
        raise ValueError(f"{_called(owner, kind)}: {field_name} holds more than {_LONGEST} items, or never ends")
    for value in taken:
        if not _is_a(value, (item,)):
            raise TypeError(f"{_called(owner, kind)}: {field_name} holds {shown(value)}, not a {item.__name__}")
    object.__setattr__(owner, field_name, tuple(map(_plain_part, taken)))


def _called(owner: Any, kind: str) -> str:
    return f"{kind} {shown(owner.filename if is_a(owner, WeightFile) else owner.name)}"


def _plain_part(value: Any) -> Any:
    """Return a part of a record without what a subclass overrides."""
    if type(value) in (str, int, float, bool, NoneType, ModelCard, Setting):
        return value
    for kind in (Licence, Metric, WeightFile, ModelCard, Setting):
        if is_a(value, kind):
            return _record(kind, value)
    return plain(value)
