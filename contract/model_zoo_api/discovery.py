"""Finding plugins, importing and checking them, and calling their hooks, each plugin by itself.

pluggy's own ``load_setuptools_entrypoints`` stops at the first plugin that fails. :class:`PluginRegistry` goes on: a
broken plugin becomes a :class:`~model_zoo_api.problems.PluginProblem`, and the others work.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import pluggy

from model_zoo_api import hookspecs
from model_zoo_api.allow_list import ALLOW_LIST, AllowList
from model_zoo_api.distributions import distributions, entry_points, folder_of, identity
from model_zoo_api.errors import DiscoveryError, PluginError
from model_zoo_api.foreign import attempt, class_name, describe, is_a, plain, shown, text_or
from model_zoo_api.hooks import HOOKS, UPGRADE, Fault, hooks_of, in_order
from model_zoo_api.installed import EntryPoint
from model_zoo_api.names import Claim, settle
from model_zoo_api.problems import Phase, PluginProblem
from model_zoo_api.records import as_record
from model_zoo_api.texts import printable
from model_zoo_api.types import ModelProvider, reason, usable

_EXPECTED: Final = "it should yield ModelProvider objects"
_MOST: Final = 1000
"""Providers that one plugin may give; one that gives more never ends."""

_discovering: ContextVar[PluginRegistry | None] = ContextVar("discovering", default=None)
_running: ContextVar[frozenset[tuple[str, str]]] = ContextVar("running", default=frozenset())
"""The hooks that are being called, by plugin and hook."""


@dataclass(frozen=True)
class Plugin:
    """A plugin that was imported: where it comes from, and how long its import took in seconds."""

    entry_point: EntryPoint
    import_seconds: float = field(compare=False)

    @property
    def distribution(self) -> str:
        """Name of the distribution that declares the entry point."""
        return identity(self.entry_point.dist)[0]

    @property
    def version(self) -> str:
        """Version of that distribution."""
        return identity(self.entry_point.dist)[1]

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()


class PluginRegistry:
    """The plugins that were registered, the providers they gave, and the problems of all.

    Args:
        strict: Raise the first problem as :class:`PluginError` instead of collecting it.

    Attributes:
        plugins: By their names in the plugin manager, in the order of their entry points' names.
        providers: By name.
        problems: In the order of their happening.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.plugins: dict[str, Plugin] = {}
        self.providers: dict[str, ModelProvider] = {}
        self.problems: list[PluginProblem] = []
        self._known: set[PluginProblem] = set()
        self._objects: dict[str, object] = {}  # what was registered, by its name
        self._hooks: dict[str, list[pluggy.HookImpl]] = {hook: [] for hook in HOOKS}
        self._claims: list[Claim] = []
        self._twins: dict[int, EntryPoint] = {}  # by identity: entry points of plugins that others registered before
        self._failed: list[EntryPoint] = []  # those that had problems while plugins were taken
        self._strict = strict
        self._loading: EntryPoint | None = None

    def load_installed(self) -> None:
        """Import and register every installed plugin that the allow-list names, and take its providers.

        Raises:
            DiscoveryError: A plugin called this, while it was being imported or in its hook.
            PluginError: The registry is strict, and a plugin has a problem.
        """
        outer = _discovering.get()
        if outer is not None and outer._loading is not None:
            raise DiscoveryError(
                f"plugins are being discovered, and {outer._loading.value!r} discovers them again: that would never "
                "end. Call ModelZoo.discover() in a factory, not while the plugin is imported nor in its hook"
            )
        token = _discovering.set(self)
        try:
            allow_list = AllowList(os.environ.get(ALLOW_LIST))
            found, left_over = self._find(allow_list)
            for entry_point in found:
                self._loading = entry_point
                if (imported := self._import(entry_point)) and (name := self._register(entry_point, *imported)):
                    self._take_providers(name)
            self._loading = None
            self._settle_names(found, left_over)
            for entry in sorted(allow_list.unused):
                message = f"{ALLOW_LIST} names {entry!r}, but no such plugin is installed"
                self._collect(entry, "", entry, "allow-list", message)
        finally:
            self._loading = None
            _discovering.reset(token)

    def call_each(self, hook: str, *, only: str | None = None, **arguments: Any) -> Iterator[tuple[Plugin, Any]]:
        """Call a hook of every plugin, or of ``only`` one, in pluggy's order; one that raises is left out.

        So is one that is being called already and, by way of another zoo, would call itself.
        """
        for impl in in_order(self._hooks[hook]):
            running = _running.get()
            call = (impl.plugin_name, hook)
            if only not in (None, impl.plugin_name) or call in running:
                continue
            plugin, answers = self.plugins[impl.plugin_name], []
            token = _running.set(running | {call})
            try:
                with self._guard(plugin.entry_point, "hook", hook):
                    answers.append(impl.function(*(arguments[name] for name in impl.argnames)))
            finally:
                _running.reset(token)
            for answer in answers:
                yield plugin, answer

    def report(self, entry_point: EntryPoint, phase: Phase, message: str, error: BaseException | None = None) -> None:
        """Collect a problem of a plugin.

        Raises:
            PluginError: The registry is strict.
        """
        name, version = identity(entry_point.dist)
        if self._loading is not None:
            self._failed.append(entry_point)
        self._collect(name, version, entry_point.name, phase, message, error)

    def _collect(
        self, name: str, version: str, entry: str, phase: Phase, message: str, error: BaseException | None = None
    ) -> None:
        problem = PluginProblem(
            distribution=name,
            version=version,
            entry_point=printable(entry),
            phase=phase,
            message=message,
            exception=error,
        )
        if self._strict:
            raise PluginError(problem) from error
        if problem not in self._known:  # a hook that fails at every load is one problem
            self._known.add(problem)
            self.problems.append(problem)  # atomic, so threads that load at once lose none

    @contextmanager
    def _guard(self, entry_point: EntryPoint, phase: Phase, hook: str = "") -> Iterator[None]:
        """Report whatever the plugin raises in the block, and go on after it; nothing may be yielded in there."""
        try:
            yield
        except KeyboardInterrupt:  # the user's
            raise
        except BaseException as error:  # SystemExit, and what native code raises past Exception, such as pyo3's panic
            message = f"{hook}: {describe(error)}" if hook else describe(error)
            if phase != "register":  # those messages say what to do
                message += f"; {_remedy(identity(entry_point.dist)[0], error)}"
            self.report(entry_point, phase, message, error)

    # -- one plugin: find, import, check, take its providers -----------------------------------------------------

    def _find(self, allow_list: AllowList) -> tuple[list[EntryPoint], list[EntryPoint]]:
        """Return the entry points that are allowed, by name, and those of leftovers; nothing is imported yet."""
        found: list[EntryPoint] = []
        left_over: list[EntryPoint] = []
        if allow_list.is_empty:
            return found, left_over
        for dist, *older in distributions(self._report_finder).values():
            try:
                declared = [_entry_point(point, dist) for point in entry_points(dist, hookspecs.GROUP)]
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                if allow_list.allows(dist):
                    name, version = identity(dist)
                    message = f"its entry_points.txt can't be read ({describe(error)}); {_remedy(name, error)}"
                    self._collect(name, version, "", "metadata", message, error)
                continue
            declared = [point for point in declared if allow_list.allows(dist, point.name)]
            if older:
                self._report_older(dist, older, allow_list)
            folder = folder_of(dist) if declared else None
            if folder is not None and folder.name.startswith("~"):  # so pip renames what it is about to remove
                message = f"{printable(str(folder))} was left behind by an interrupted pip: delete that folder"
                self._collect(*identity(dist), "", "metadata", message)
                left_over += declared
            else:
                found += declared
        return sorted(found, key=lambda point: (point.name, point.value)), left_over

    def _report_older(self, dist: Any, older: list[Any], allow_list: AllowList) -> None:
        """Report what lies beside an installed distribution and has its name, if it is a plugin in one of them."""
        declared = [other for other in (dist, *older) if _declares_allowed(other, allow_list)]
        if declared:
            left = ", ".join(printable(str(folder_of(other) or other)) for other in older)
            name, version = identity(dist)
            message = (
                f"{left} should have gone when {version or 'this'} was installed: delete that, or reinstall {name}"
            )
            self._collect(name, version, "", "metadata", message)

    def _report_finder(self, finder: str, error: BaseException) -> None:
        message = (
            f"a finder in sys.meta_path can't list what is installed ({describe(error)}), and plugins that only it "
            "finds are missing: upgrade or uninstall what put it there"
        )
        self._collect(finder, "", "", "metadata", message, error)

    def _import(self, entry_point: EntryPoint) -> tuple[object, float] | None:
        """Import a plugin; return it and the seconds that took."""
        start = time.perf_counter()
        with self._guard(entry_point, "import"):
            return entry_point.load(), time.perf_counter() - start
        return None

    def _register(self, entry_point: EntryPoint, plugin: object, import_seconds: float) -> str | None:
        """Check and register a plugin; return the name under which it is kept."""
        name = f"{entry_point.name} = {entry_point.value}"
        found: dict[str, list[pluggy.HookImpl]] = {}
        faults: list[Fault] = []
        with self._guard(entry_point, "register"):
            # By identity: pluggy compares plugins, and what a plugin's __eq__ raises or answers would fail the others.
            if twin := next((key for key, other in self._objects.items() if other is plugin or key == name), None):
                self._twins[id(entry_point)] = self.plugins[twin].entry_point
                raise ValueError(
                    f"{entry_point.value!r} is already registered by {self.plugins[twin]}, "
                    f"entry point {self.plugins[twin].entry_point.name!r}: declare it once"
                )
            found, faults = hooks_of(plugin, name)
        for fault, error in faults:
            self.report(entry_point, "register", fault, error)
        if not found:
            return None
        for hook, impls in found.items():
            self._hooks[hook] += impls
        self.plugins[name] = Plugin(entry_point, import_seconds)
        self._objects[name] = plugin
        return name

    def _take_providers(self, name: str) -> None:
        for plugin, answer in self.call_each("model_zoo_providers", only=name):
            given: list[Any] = []
            refused: str | None = None
            with self._guard(plugin.entry_point, "hook", "model_zoo_providers"):
                if is_a(answer, (str, Mapping)) or not hasattr(type(answer), "__iter__"):
                    refused = f"returned a {class_name(type(answer))}; {_EXPECTED}"
                else:
                    for provider in islice(answer, _MOST + 1):  # a generator's body runs here
                        given.append(provider)  # one by one: what it gives before it fails is kept
            if len(given) > _MOST:
                given, refused = [], f"gave more than {_MOST} providers, or never ends; none is used"
            if refused:
                self.report(plugin.entry_point, "validate", f"model_zoo_providers {refused}")
            for provider in given:
                self._take(provider, plugin)

    def _take(self, given: Any, plugin: Plugin) -> None:
        """Keep a provider till all have given theirs, or report why not."""
        if not is_a(given, ModelProvider):
            message = f"model_zoo_providers gave a {class_name(type(given))}; {_EXPECTED}"
            self.report(plugin.entry_point, "validate", message)
            return
        name = printable(text_or("", lambda: given.name)[:200])
        provider = self._usable(given, name, plugin)
        if provider or name:
            self._claims.append(Claim(provider.name if provider else name, plugin.entry_point, provider))

    def _usable(self, given: Any, name: str, plugin: Plugin) -> ModelProvider | None:
        """Return a provider with the cards that can be used; report what can't."""
        try:
            record = as_record(ModelProvider, given)
            refused = self._of_another_version(record, name, plugin)
            provider, faults = (record, []) if refused else usable(record)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            message = f"model_zoo_providers gave a provider that can't be used: {reason(error)}"
            self.report(plugin.entry_point, "validate", message, error)
            return None
        if refused:
            self.report(plugin.entry_point, "validate", refused)
            return None
        for fault in faults[:_MOST]:
            self.report(plugin.entry_point, "validate", f"{fault}; that card is not used")
        if len(faults) > _MOST:
            message = f"provider {provider.name!r}: {len(faults) - _MOST} more cards are not used"
            self.report(plugin.entry_point, "validate", message)
        return provider

    def _of_another_version(self, provider: ModelProvider, name: str, plugin: Plugin) -> str | None:
        """Say who is to upgrade what; looked at first, for in another version the fields may mean other things."""
        oldest, newest = hookspecs.OLDEST_API_VERSION, hookspecs.API_VERSION
        version = plain(provider.api_version)
        if type(version) is not int or oldest <= version <= newest:
            return None
        remedy = f"upgrade {plugin.distribution}" if version < oldest else UPGRADE
        said = f"speaks version {shown(version)} of the contract, this host {oldest} to {newest}"
        return f"provider {name!r} {said}: {remedy}"

    def _settle_names(self, found: list[EntryPoint], left_over: list[EntryPoint]) -> None:
        """Take each provider whose name is its plugin's, and report the clashes to both sides."""
        bearers: dict[str, list[EntryPoint]] = {}
        for entry_point in found:
            bearers.setdefault(entry_point.name, []).append(self._twins.get(id(entry_point), entry_point))
        for entry_point in left_over:  # where nothing better is installed: an update was interrupted
            bearers.setdefault(entry_point.name, [entry_point])
        self.providers, clashes = settle(self._claims, bearers, self._failed)
        for clash in clashes:
            self.report(clash.entry_point, "validate", clash.message)
        self._claims.clear()


def _declares_allowed(dist: Any, allow_list: AllowList) -> bool:
    """Whether a distribution has an entry point of the group that is allowed."""

    def names() -> list[str]:
        return [point.name for point in entry_points(dist, hookspecs.GROUP)]

    nothing: list[str] = []
    return any(allow_list.allows(dist, name) for name in attempt(names, nothing))


def _entry_point(point: Any, dist: Any) -> EntryPoint:
    """Return an entry point as discovery has them; another finder may give another kind.

    Raises:
        TypeError: Its name or its value is no text.
    """
    name, value = text_or("", lambda: point.name), text_or("", lambda: point.value)
    if not name or not value:
        raise TypeError(f"it has an entry point without a name or a value: {shown(point)}")
    return EntryPoint(name, value, hookspecs.GROUP, dist)


def _remedy(distribution: str, error: BaseException) -> str:
    if is_a(error, ImportError) and text_or("", lambda: getattr(error, "name", None)).startswith("model_zoo_api"):
        return (
            f"it is for another contract than this host's, version {hookspecs.API_VERSION}; for a later one {UPGRADE}"
        )
    return f"upgrade, reinstall or uninstall {distribution}, or list only the others in {ALLOW_LIST}"
