"""The host's side of the contract: discover plugins, list their models, put them to work.

Nothing is kept between discoveries: any process and any thread may discover, and each gets the same answer.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_zoo_api.allow_list import ALLOW_LIST
from model_zoo_api.dependencies import required_packages
from model_zoo_api.discovery import Plugin, PluginRegistry
from model_zoo_api.errors import FactoryError, UnknownModelError
from model_zoo_api.foreign import attempt, is_a, shown, text_or
from model_zoo_api.problems import PluginProblem
from model_zoo_api.texts import suggest
from model_zoo_api.types import (
    ModelCard,
    ModelProvider,
    Role,
    Task,
    check_told,
)

if TYPE_CHECKING:
    from model_zoo_api.predictor import Predictor

__all__ = ["ALLOW_LIST", "ModelZoo", "Plugin"]


class ModelZoo:
    """The models of all installed plugins. Make one with :meth:`discover`.

    Example::

        zoo = ModelZoo.discover()
        for card in zoo.list_models(task="detect"):
            print(card.name, card.licence)
        results = zoo.predictor("yolo_nas_s", conf=0.4)("street.jpg")
    """

    def __init__(self, registry: PluginRegistry) -> None:
        self._registry = registry

    @classmethod
    def discover(cls, *, strict: bool = False) -> ModelZoo:
        """Find and load every plugin in the entry-point group ``model_zoo``.

        The environment variable ``MODEL_ZOO_PLUGINS`` is read first: when it is set, only the distributions or entry
        points named in it (separated by commas) are imported, and an empty value allows none.

        Args:
            strict: Raise at the first problem instead of collecting it in :attr:`problems`.

        Raises:
            DiscoveryError: A plugin calls this, while it is being imported or in its hook.
            PluginError: With ``strict``, a plugin can't be imported, registered or used.
        """
        registry = PluginRegistry(strict=strict)
        registry.load_installed()
        return cls(registry)

    # -- what was found ------------------------------------------------------------------------------------------

    @property
    def problems(self) -> list[PluginProblem]:
        """What went wrong so far, in the order of its happening."""
        return list(self._registry.problems)

    @property
    def plugins(self) -> list[Plugin]:
        """The plugins that were registered, in the order of their entry points' names."""
        return list(self._registry.plugins.values())

    @property
    def providers(self) -> dict[str, ModelProvider]:
        """The providers by name."""
        return dict(self._registry.providers)

    def list_models(
        self, *, task: Task | None = None, licence: str | None = None, provider: str | None = None
    ) -> list[ModelCard]:
        """Return the model cards that match every given filter, by provider and in the provider's own order.

        Args:
            task: What the model does, such as ``"detect"``.
            licence: Name of the weights' licence, such as ``"Apache-2.0"``; case doesn't matter.
            provider: Name of one provider.
        """
        return [
            card
            for name, owner in self._registry.providers.items()
            for card in owner.models
            if (provider is None or name == provider)
            and (task is None or card.task == task)
            and (licence is None or (card.licence is not None and card.licence.name.lower() == licence.lower()))
        ]

    def find(self, name: str, *, provider: str | None = None) -> tuple[ModelProvider, ModelCard]:
        """Return the provider and the card of ``"model"`` or ``"provider/model"``; aliases count.

        Raises:
            UnknownModelError: No provider has it (the message suggests the nearest name), or several have.
        """
        matches = self._matches(name, provider)
        if len(matches) == 1:
            return matches[0]
        if matches:
            choices = ", ".join(f"'{owner.name}/{card.name}'" for owner, card in matches)
            raise UnknownModelError(f"{name!r} is offered by several providers; write one of {choices}")
        if provider is not None:
            self._owner(provider)
        known = [alias for card in self.list_models(provider=provider) for alias in (card.name, *card.aliases)]
        raise UnknownModelError(f"no model is named {name!r}{suggest(name, known)}{self._hint}")

    @property
    def _hint(self) -> str:
        count = len(self._registry.problems)
        return f"; plugins have {count} problem{'s' * (count > 1)}, see ModelZoo.problems" if count else ""

    def _owner(self, provider: str) -> ModelProvider:
        if provider not in self._registry.providers:
            near = suggest(provider, self._registry.providers)
            raise UnknownModelError(f"no provider is named {provider!r}{near}{self._hint}")
        return self._registry.providers[provider]

    def _matches(self, name: str, provider: str | None) -> list[tuple[ModelProvider, ModelCard]]:
        return [
            (owner, card)
            for owner in self._registry.providers.values()
            if provider is None or owner.name == provider
            for card in owner.models
            if any(name in (alias, f"{owner.name}/{alias}") for alias in (card.name, *card.aliases))
        ]

    # -- putting models to work ----------------------------------------------------------------------------------

    def load(self, name: str | Path, *, provider: str | None = None, **options: Any) -> Any:
        """Load a model by name, or a weight file with the provider that can read it.

        Args:
            name: ``"model"``, ``"provider/model"``, or with ``provider`` the path of a weight file.
            provider: Name of the provider; needed for a path, and to choose among several that have the name.
            **options: Passed on to the provider's loader. If the provider says what its options are, they are checked
                first.

        Raises:
            UnknownModelError: No provider has the model.
            SettingError: There is no such option, or a value is none that it may have.
            DependencyMissingError: A package that the provider needs isn't installed.
            PluginError: With ``strict``, a plugin failed in a hook.
        """
        owner, card = self._choose(str(name), provider)
        options = check_told(owner, "loader", options)
        loader = owner.factory("loader")
        source = str(name) if card is None else str(self.locate_weights(card, provider=owner.name) or card.name)
        with required_packages(f"provider {owner.name!r}: its loader", owner.loader):
            model = loader(source, card=card, **options)
        for _ in self._registry.call_each("model_zoo_loaded", provider=owner, card=card, model=model):
            pass  # an observer answers nothing
        return model

    def predictor(
        self, name: str | Path, *, provider: str | None = None, load: dict[str, Any] | None = None, **overrides: Any
    ) -> Predictor:
        """Load a model and return what finds things in images with it: ``(source, **overrides) -> list``.

        For the tasks ``detect`` and ``pose`` the list has one :class:`~model_zoo_api.Detections` for each image,
        whoever provides the model; the results of a provider written for version 1 of the contract are turned into it.

        Args:
            name: As for :meth:`load`.
            provider: As for :meth:`load`.
            load: Options for the loader.
            **overrides: Settings of the predictor, such as ``conf=0.4``, and options of the loader, which go there. If
                the provider says what they are, they are checked before anything is loaded.

        Raises:
            UnknownModelError, DependencyMissingError: As for :meth:`load`.
            SettingError: There is no such setting, or a value is none that it may have.
            FactoryError: The provider has no predictor.
        """
        from model_zoo_api.predictor import RESULT_TASKS, Predictor, adapted  # not for hosts that only list

        owner, card = self._choose(str(name), provider)
        predict, model = self._work("predictor", owner, name, load, overrides)
        task = next((one.task for one in (card, *owner.models) if one is not None), "detect")
        if owner.api_version == 1 and task in RESULT_TASKS:
            predict = adapted(predict)
        guard = functools.partial(required_packages, f"provider {owner.name!r}: its predictor", owner.predictor)
        return Predictor(predict, model, functools.partial(check_told, owner, "predictor"), guard)

    def validator(
        self, name: str | Path, *, provider: str | None = None, load: dict[str, Any] | None = None, **overrides: Any
    ) -> Callable[..., Any]:
        """Load a model and return a callable ``(**overrides) -> metrics``; arguments as for :meth:`predictor`."""
        return self._worker("validator", name, provider, load, overrides)

    def trainer(
        self, name: str | Path, *, provider: str | None = None, load: dict[str, Any] | None = None, **overrides: Any
    ) -> Callable[..., Any]:
        """Load a model and return a callable ``(**overrides)`` that trains it; arguments as for :meth:`predictor`.

        If the provider says what its trainer's settings are, they are checked here, before anything is loaded, and at
        the call.
        """
        return self._worker("trainer", name, provider, load, overrides)

    def exporter(
        self, name: str | Path, *, provider: str | None = None, load: dict[str, Any] | None = None, **overrides: Any
    ) -> Callable[..., Any]:
        """Load a model and return a callable ``(**overrides) -> path``; arguments as for :meth:`predictor`."""
        return self._worker("exporter", name, provider, load, overrides)

    def task_map(self, provider: str) -> dict[str, dict[str, Any]]:
        """Return a provider's classes by task and role, ``{"detect": {"predictor": cls, ...}}``.

        Raises:
            UnknownModelError: There is no such provider.
            FactoryError: It has no task map, or it is none.
            DependencyMissingError: As for :meth:`load`.
        """
        owner = self._owner(provider)
        found = owner.factory("task_map")
        if not is_a(found, Mapping) and callable(found):
            with required_packages(f"provider {owner.name!r}: its task_map", owner.task_map):
                found = found()
        if not is_a(found, Mapping) or not all(is_a(roles, Mapping) for roles in found.values()):
            raise FactoryError(
                f"provider {owner.name!r}: its task_map is {shown(found)}, expected {{task: {{role: class}}}}"
            )
        return {task: dict(roles) for task, roles in found.items()}

    def _worker(
        self, role: Role, name: str | Path, provider: str | None, load: dict[str, Any] | None, overrides: dict[str, Any]
    ) -> Callable[..., Any]:
        """Return what a factory makes of a model, which says so if a package is missing when it is called."""
        owner, _ = self._choose(str(name), provider)
        made, _ = self._work(role, owner, name, load, overrides)

        @functools.wraps(made)
        def work(*arguments: Any, **settings: Any) -> Any:
            with required_packages(f"provider {owner.name!r}: its {role}", getattr(owner, role)):
                return made(*arguments, **check_told(owner, role, settings))

        return work

    def _work(
        self,
        role: Role,
        owner: ModelProvider,
        name: str | Path,
        load: dict[str, Any] | None,
        overrides: dict[str, Any],
    ) -> tuple[Callable[..., Any], Any]:
        """Load a model of a provider and return what a factory makes of it, and the model."""
        own = {option.name for option in owner.options or ()}
        options = {key: value for key, value in overrides.items() if key in own}
        settings = {key: value for key, value in overrides.items() if key not in own}
        options = check_told(owner, "loader", {**options, **(load or {})})
        settings = check_told(owner, role, settings)
        factory = owner.factory(role)  # before loading, which may download: a provider without it should say so at once
        model = self.load(name, provider=owner.name, **options)
        with required_packages(f"provider {owner.name!r}: its {role}", getattr(owner, role)):
            return factory(model, **settings), model

    def _choose(self, name: str, provider: str | None) -> tuple[ModelProvider, ModelCard | None]:
        """Return who loads ``name``, and its card; None for a path, or whatever else the provider's loader knows."""
        providers = self._registry.providers
        if not self._matches(name, provider):
            if provider in providers:
                return providers[provider], None
            if provider is None and Path(name).exists():
                raise UnknownModelError(
                    f"{name!r} is a path: say which provider reads it, provider= one of {', '.join(providers)}"
                )
        return self.find(name, provider=provider)

    def locate_weights(self, card: ModelCard, *, provider: str | ModelProvider | None = None) -> Path | None:
        """Return the weight file that a plugin supplies for ``card`` (``model_zoo_locate_weights``), if one does.

        Args:
            card: Of the model.
            provider: Whose card it is: a name, or the provider itself, which may be one that this zoo doesn't have; by
                default who has this card.

        Raises:
            UnknownModelError: There is no such provider.
        """
        providers = self._registry.providers.values()
        has_it = next((owner for owner in providers if any(one is card for one in owner.models)), None)
        owner = self._owner(provider) if isinstance(provider, str) else provider or has_it
        for plugin, answer in self._registry.call_each("model_zoo_locate_weights", provider=owner, card=card):
            if answer is None:
                continue
            path = text_or("", functools.partial(os.fspath, answer))
            if path and attempt(Path(path).is_file, False):
                return Path(path)
            message = (
                f"model_zoo_locate_weights gave {shown(answer)}, which is no file; "
                f"it should give None for {card.name!r}"
            )
            self._registry.report(plugin.entry_point, "hook", message)
        return None
