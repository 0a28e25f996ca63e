"""What crosses the contract: providers and their model cards. Standard library only."""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import NoneType
from typing import Any, Final, Literal, Protocol, TypeAlias, get_args

from model_zoo_api.dependencies import required_packages
from model_zoo_api.errors import DependencyMissingError, FactoryError
from model_zoo_api.foreign import class_name, describe, is_a, plain, shown
from model_zoo_api.records import (
    LARGEST,
    OPTIONAL_TEXT,
    TEXT,
    as_record,
    check_extra,
    check_name,
    check_parts,
    check_spelling,
    check_tuple,
    check_types,
    keeping_unknown,
    make_tuples,
    take_tuple,
)
from model_zoo_api.settings import Setting, check_settings
from model_zoo_api.texts import listed

Task: TypeAlias = str
"""What a model does: one of :data:`KNOWN_TASKS`, or another word of lower-case letters and digits, such as
``"caption"`` or ``"depth-estimation"``."""

KNOWN_TASKS: Final[Mapping[str, str]] = {
    "detect": "boxes",
    "segment": "boxes, each with the outline of what is in it",
    "classify": "classes of the whole image",
    "pose": "boxes, each with keypoints",
    "obb": "boxes that are turned",
}
"""The tasks that hosts know, in Ultralytics' words, and what they find."""

Role: TypeAlias = Literal["loader", "task_map", "predictor", "validator", "trainer", "exporter"]
"""The factories a provider can offer."""

Reference: TypeAlias = str | Callable[..., Any] | Mapping[str, Any]
"""A factory, as ``"module:attribute"``, resolved on first use, or as the object itself."""

_TASK: Final = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
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


@keeping_unknown
@dataclass(frozen=True, kw_only=True, slots=True)
class Licence:
    """Terms of use: ``name`` (an SPDX identifier where one exists), ``url`` of the text, whether trade is allowed."""

    name: str
    url: str
    commercial_use: bool | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def check(self) -> None:
        """See that each field is what it should be.

        Raises:
            TypeError, ValueError: One isn't; the message says which, what was found and what was expected.
        """
        who = f"licence {shown(self.name)}"
        check_types(self, who, name=TEXT, url=TEXT, commercial_use=(bool, NoneType))
        check_extra(self, who)


@keeping_unknown
@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A published result: ``value`` of ``name`` on ``dataset``, and the page that says so."""

    name: str
    value: float
    dataset: str
    source: str
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def check(self) -> None:
        """See that each field is what it should be.

        Raises:
            TypeError, ValueError: One isn't; the message says which, what was found and what was expected.
        """
        who = f"metric {shown(self.name)}"
        check_types(self, who, name=TEXT, value=(int, float), dataset=TEXT, source=TEXT)
        check_extra(self, who)


@keeping_unknown
@dataclass(frozen=True, kw_only=True, slots=True)
class WeightFile:
    """A file of weights: where to get it (``urls`` in order of preference), its SHA-256 and its size in bytes."""

    filename: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    size: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        make_tuples(self, "urls")

    def check(self) -> None:
        """See that each field is what it should be.

        Raises:
            TypeError, ValueError: One isn't; the message says which, what was found and what was expected.
        """
        who = f"weight file {shown(self.filename)}"
        check_types(self, who, filename=TEXT, sha256=OPTIONAL_TEXT, size=(int, NoneType))
        check_tuple(self, who, "urls", str)
        check_extra(self, who)


@keeping_unknown
@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCard:
    """One model, described without loading it.

    It can be made of any keywords: :meth:`check` says what is wrong, and ``ModelZoo`` leaves out what fails it.

    Args:
        name: What users write, such as ``"yolo_nas_s"``; unique within its provider.
        task: What it does, see :data:`Task`.
        input_size: Height and width of the network's input in pixels.
        aliases: Other names it answers to.
        parameters: Number of learnable parameters, as stored in a checkpoint.
        gflops: Billions of floating-point operations (two per multiply-add) for one image of ``input_size``.
        classes: Names of the classes in the order of their indices; empty when the weights decide.
        metrics: Published results with their sources.
        weights: Files that hold the weights; empty when none are published, or when they come with the provider.
        untrained: There are no weights of it anywhere: it is to be trained before it finds anything.
        licence: Licence of the weights (not of the code), or None when there are none.
        code_licence: Licence of the code that runs the model, or None where the provider doesn't say.
        training_data: What the weights were trained on.
        description: What the model is, in a sentence or two.
        homepage: Address of a page about it.
        extra: What this contract doesn't know, by name: keywords of a later one, and whatever the provider adds.
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
    untrained: bool = False
    licence: Licence | None = None
    code_licence: Licence | None = None
    training_data: str | None = None
    description: str | None = None
    homepage: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        make_tuples(self, "input_size", "aliases", "classes", "metrics", "weights")

    def check(self) -> None:
        """See that each field is what it should be, down to the parts of the records in it.

        Raises:
            TypeError, ValueError: One isn't; the message says which, what was found and what was expected.
        """
        check_name(self, "model")
        who = f"model {self.name!r}"
        check_types(self, who, task=TEXT, parameters=(int, NoneType), gflops=(int, float, NoneType), untrained=(bool,))
        check_types(self, who, licence=(Licence, NoneType), code_licence=(Licence, NoneType))
        check_types(self, who, training_data=OPTIONAL_TEXT, description=OPTIONAL_TEXT, homepage=OPTIONAL_TEXT)
        for name, item in (("aliases", str), ("classes", str), ("metrics", Metric), ("weights", WeightFile)):
            check_tuple(self, who, name, item)
        for alias in self.aliases:
            check_spelling("model", alias)
        check_tuple(self, who, "input_size", int)
        if len(self.input_size) != 2 or min(self.input_size) < 1 or max(self.input_size) > LARGEST:
            raise ValueError(f"{who}: input_size is {shown(self.input_size)}, expected (height, width) in pixels")
        if not _TASK.fullmatch(self.task) or len(self.task) > 200:
            raise ValueError(
                f"{who}: task is {shown(self.task)}, expected lower-case letters and digits, with '.', '_' or '-' "
                f"between them, 200 at most, such as {', '.join(KNOWN_TASKS)}"
            )
        licences = [licence for licence in (self.licence, self.code_licence) if licence is not None]
        check_parts(who, (*self.metrics, *self.weights, *licences))
        check_extra(self, who)


@keeping_unknown
@dataclass(frozen=True, kw_only=True, slots=True)
class ModelProvider:
    """A family of models and the factories that put them to work.

    It can be made of any keywords: :meth:`check` says what is wrong, and ``ModelZoo`` leaves out what fails it.

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
        trainer_settings: What the trainer may be told; None where the provider doesn't say.
        extra: What this contract doesn't know, by name: keywords of a later one, and whatever the provider adds.
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
    trainer_settings: tuple[Setting, ...] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        make_tuples(self, "models", "options", "settings", "trainer_settings")

    def check(self) -> None:
        """See that each field is what it should be, down to the parts of its cards.

        Raises:
            TypeError, ValueError: One isn't; the message says which, what was found and what was expected.
        """
        _check_own(self)
        _, faults = _sorted_out(self)
        for error in faults:
            raise error

    def factory(self, role: Role) -> Any:
        """Return the factory for ``role``, importing it now if it is a reference.

        Raises:
            FactoryError: The provider has no such factory, or the reference can't be imported; the error that
                stopped the import is its cause.
            DependencyMissingError: A package that it imports isn't installed.
        """
        reference = getattr(self, role)
        if reference is None:
            raise FactoryError(f"provider {self.name!r} offers no {role}")
        if not is_a(reference, str):
            return reference
        module, _, path = reference.partition(":")
        try:
            with required_packages(f"provider {self.name!r}: its {role}", reference):
                found: Any = import_module(module)
                for attribute in path.split("."):
                    found = getattr(found, attribute)
        except (KeyboardInterrupt, DependencyMissingError):
            raise
        except BaseException as error:  # SystemExit, and what native code raises past Exception
            raise FactoryError(
                f"provider {self.name!r}: its {role} {reference!r} can't be imported: {describe(error)}"
            ) from error
        return found


_TOLD: Final[Mapping[Role, str]] = {"loader": "options", "predictor": "settings", "trainer": "trainer_settings"}
"""Where a provider says what each of its factories may be told."""


def check_told(provider: ModelProvider, role: Role, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a factory of a provider is told as it is meant; as it is, if the provider doesn't say what it takes.

    Raises:
        SettingError: There is no such option or setting, or a value is none that it may have.
    """
    known = getattr(provider, _TOLD[role]) if role in _TOLD else None
    if known is None:
        return dict(given)
    others, whose = (provider.settings, "its predictor") if role == "loader" else (provider.options, "its loader")
    return check_settings(given, known, f"the {role} of {provider.name!r}", others or (), whose)


def usable(given: Any) -> tuple[ModelProvider, list[str]]:
    """Return a provider with those of its cards that can be used, and what is wrong with each of the others.

    Every field is looked at now, for a record may have been changed after it was made.

    Raises:
        TypeError, ValueError: The provider itself is wrong, not only some of its cards.
    """
    provider = as_record(ModelProvider, given)
    _check_own(provider)
    models, faults = _sorted_out(provider)
    if faults or any(card is not given for card, given in zip(models, provider.models, strict=True)):
        provider = copy.copy(provider)  # the plugin's own stays as it is
        object.__setattr__(provider, "models", tuple(models))
    return provider, [reason(error) for error in faults]


def reason(error: BaseException) -> str:
    """Return what a check says; what else was raised, with its class."""
    said = describe(error)
    return said.partition(": ")[2] if type(error) in (TypeError, ValueError) and ": " in said else said


def _check_own(provider: ModelProvider) -> None:
    """Check a provider without its cards."""
    check_name(provider, "provider")
    who = f"provider {provider.name!r}"
    check_types(provider, who, api_version=(int,))
    take_tuple(provider, who, "models", ModelCard)
    for name in ("options", "settings", "trainer_settings"):
        if getattr(provider, name) is not None:
            check_tuple(provider, who, name, Setting)
    for name in ("settings", "trainer_settings"):  # which may share names, but none with the loader's options
        settings = (*(provider.options or ()), *(getattr(provider, name) or ()))
        check_parts(who, settings)
        if repeated := _repeated(setting.name for setting in settings):
            raise ValueError(f"{who} has an option or a setting twice: {listed(sorted(repeated))}")
    for role in get_args(Role):
        reference = plain(getattr(provider, role))
        if is_a(reference, str):
            object.__setattr__(provider, role, reference)
            if not _REFERENCE.fullmatch(reference):
                raise ValueError(f"{who}: {role} is {shown(reference)}, expected 'module:attribute'")
        elif reference is None and role != "loader":
            continue
        elif not callable(reference) and not (role == "task_map" and is_a(reference, Mapping)):
            raise TypeError(f"{who}: {role} is {shown(reference)}, expected 'module:attribute' or a callable")
    check_extra(provider, who)


def _sorted_out(provider: ModelProvider) -> tuple[list[ModelCard], list[BaseException]]:
    """Return the cards that can be used, and what is wrong with the others; of two with one name, neither can."""
    who = f"provider {provider.name!r}"
    sound: list[ModelCard] = []
    faults: list[BaseException] = []
    for given in provider.models:
        try:
            if not is_a(given, ModelCard):
                raise TypeError(f"models holds {shown(given)} ({class_name(type(given))}), not a ModelCard")
            card = as_record(ModelCard, given)
            card.check()
            sound.append(card)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            faults.append(kind(f"{who}: {reason(error)}").with_traceback(error.__traceback__))
    repeated = _repeated(name for card in sound for name in (card.name, *card.aliases))
    for card in sound if repeated else ():
        if names := sorted({card.name, *card.aliases} & repeated):
            faults.append(ValueError(f"{who}: model {card.name!r} has a name that is used twice: {listed(names)}"))
    return [card for card in sound if not repeated & {card.name, *card.aliases}], faults


def _repeated(names: Iterable[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}
