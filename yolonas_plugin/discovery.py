"""Finding plugins, importing and checking them, and calling their hooks, each plugin by itself.

pluggy's own ``load_setuptools_entrypoints`` stops at the first plugin that fails. :class:`PluginRegistry` goes on: a
broken plugin becomes a :class:`~yolonas_plugin.types.PluginProblem`, and the others work.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pluggy
from importlib_metadata import EntryPoint, distributions, entry_points

from yolonas_plugin import hookspecs
from yolonas_plugin.errors import PluginError
from yolonas_plugin.types import ModelProvider, Phase, PluginProblem

ALLOW_LIST: Final = "MODEL_ZOO_PLUGINS"
"""Environment variable: comma-separated distributions or entry points that may load; empty allows none, unset all."""

_HOOKS: Final = tuple(name for name in vars(hookspecs) if name.startswith("model_zoo_"))
_EXPECTED: Final = "it should yield ModelProvider objects"
_UNKNOWN: Final = "an unknown distribution"


@dataclass(frozen=True)
class Plugin:
    """A plugin that was imported: where it comes from, and how long its import took in seconds."""

    entry_point: EntryPoint
    import_seconds: float = field(compare=False)

    @property
    def distribution(self) -> str:
        """Name of the distribution that declares the entry point."""
        return _identity(self.entry_point.dist)[0]

    @property
    def version(self) -> str:
        """Version of that distribution."""
        return _identity(self.entry_point.dist)[1]

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
        self._origins: dict[str, Plugin] = {}  # of the providers
        self._strict = strict
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)

    def load_installed(self) -> None:
        """Import and register every installed plugin that the allow-list names, and take its providers."""
        allow_list = _AllowList(os.environ.get(ALLOW_LIST))
        for entry_point in self._find(allow_list):
            if (imported := self._import(entry_point)) and (name := self._register(entry_point, *imported)):
                self._take_providers(name)
        for entry in sorted(allow_list.unused):
            message = f"{ALLOW_LIST} names {entry!r}, but no such plugin is installed"
            self._collect(
                PluginProblem(distribution=entry, version="", entry_point=entry, phase="allow-list", message=message)
            )

    def call_each(self, hook: str, *, only: str | None = None, **arguments: Any) -> Iterator[tuple[Plugin, Any]]:
        """Call a hook of every plugin, or of ``only`` one, in pluggy's order; one that raises is left out."""
        for impl in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            if only not in (None, impl.plugin_name):
                continue
            plugin = self.plugins[impl.plugin_name]
            with self._guard(plugin.entry_point, "hook", hook):
                yield plugin, impl.function(*(arguments[name] for name in impl.argnames))

    def report(self, entry_point: EntryPoint, phase: Phase, message: str, error: BaseException | None = None) -> None:
        """Collect a problem of a plugin.

        Raises:
            PluginError: The registry is strict.
        """
        name, version = _identity(entry_point.dist)
        self._collect(
            PluginProblem(
                distribution=name,
                version=version,
                entry_point=entry_point.name,
                phase=phase,
                message=message,
                exception=error,
            )
        )

    def _collect(self, problem: PluginProblem) -> None:
        if self._strict:
            raise PluginError(problem) from problem.exception
        self.problems.append(problem)  # atomic, so threads that load at once lose none

    @contextmanager
    def _guard(self, entry_point: EntryPoint, phase: Phase, hook: str = "") -> Iterator[None]:
        """Report whatever the plugin raises in the block, and go on after it."""
        try:
            yield
        except (KeyboardInterrupt, GeneratorExit):  # the user's, and Python's own when a generator is closed
            raise
        except BaseException as error:  # SystemExit, and what native code raises past Exception, such as pyo3's panic
            message = f"{hook}: {_describe(error)}" if hook else _describe(error)
            if phase != "register":  # those messages say what to do
                message += f"; {_remedy(_identity(entry_point.dist)[0])}"
            self.report(entry_point, phase, message, error)

    # -- one plugin: find, import, check, take its providers -----------------------------------------------------

    def _find(self, allow_list: _AllowList) -> list[EntryPoint]:
        """Return the entry points of the group that are allowed, by name; nothing is imported yet."""
        try:
            found: list[EntryPoint] = list(entry_points(group=hookspecs.GROUP))
        except Exception:  # one unreadable entry_points.txt stops them all, so read each by itself
            found = self._read_each_distribution(allow_list)
        allowed = [point for point in found if allow_list.allows(point.dist, point.name)]
        return sorted(allowed, key=lambda point: (point.name, point.value))

    def _read_each_distribution(self, allow_list: _AllowList) -> list[EntryPoint]:
        found: list[EntryPoint] = []
        seen: set[str] = set()
        for dist in distributions():
            name, version = _identity(dist)
            if name != _UNKNOWN and _canonical(name) in seen:  # shadowed by one that comes earlier on the path
                continue
            seen.add(_canonical(name))
            try:
                found += dist.entry_points.select(group=hookspecs.GROUP)
            except Exception as error:
                if allow_list.allows(dist):
                    self._collect(
                        PluginProblem(
                            distribution=name,
                            version=version,
                            entry_point="",
                            phase="metadata",
                            message=f"its entry_points.txt can't be read ({_describe(error)}); {_remedy(name)}",
                            exception=error,
                        )
                    )
        return found

    def _import(self, entry_point: EntryPoint) -> tuple[object, float] | None:
        """Import a plugin; return it and the seconds that took."""
        start = time.perf_counter()
        with self._guard(entry_point, "import"):
            return entry_point.load(), time.perf_counter() - start
        return None

    def _register(self, entry_point: EntryPoint, plugin: object, import_seconds: float) -> str | None:
        """Check and register a plugin; return its name in the plugin manager."""
        name = f"{entry_point.name} = {entry_point.value}"
        with self._guard(entry_point, "register"):
            if twin := self._manager.get_name(plugin):
                raise ValueError(
                    f"{entry_point.value!r} is already registered by {self.plugins[twin]}, "
                    f"entry point {self.plugins[twin].entry_point.name!r}: declare it once"
                )
            self._manager.register(plugin, name)
            self._check_hooks(plugin)
            self.plugins[name] = Plugin(entry_point, import_seconds)
            return name
        if name not in self.plugins and self._manager.has_plugin(name):
            self._manager.unregister(name=name)
        return None

    def _check_hooks(self, plugin: object) -> None:
        """Refuse what pluggy would accept in silence: misspelt hooks, forgotten markers, wrappers, no hooks at all."""
        callers = self._manager.get_hookcallers(plugin) or []
        for caller in callers:
            for impl in caller.get_hookimpls():
                if impl.plugin is not plugin:
                    continue
                if not caller.has_spec() and not impl.optionalhook:
                    raise ValueError(f"there is no hook {caller.name!r}{suggest(caller.name, _HOOKS)}")
                if impl.wrapper or impl.hookwrapper:
                    raise ValueError(
                        f"{caller.name!r} is a hook wrapper; the zoo calls each plugin by itself, so return the value"
                    )
        implemented = {caller.name for caller in callers}
        for hook in _HOOKS:
            if hook not in implemented and callable(getattr(plugin, hook, None)):
                raise ValueError(
                    f"{hook!r} is not marked: put @yolonas_plugin.hookimpl above it, or it is never called"
                )
        if not callers:
            raise ValueError(f"it implements no hook; the contract has {', '.join(_HOOKS)}")

    def _take_providers(self, name: str) -> None:
        for plugin, answer in self.call_each("model_zoo_providers", only=name):
            if isinstance(answer, (str, Mapping)) or not isinstance(answer, Iterable):
                message = f"model_zoo_providers returned a {type(answer).__name__}; {_EXPECTED}"
                self.report(plugin.entry_point, "validate", message)
                continue
            given: list[Any] = []
            with self._guard(plugin.entry_point, "hook", "model_zoo_providers"):
                for provider in answer:  # a generator's body runs here; what it gave before it failed is kept
                    given.append(provider)
            for provider in given:
                if reason := self._reason_to_refuse(provider, plugin):
                    self.report(plugin.entry_point, "validate", reason)
                else:
                    self.providers[provider.name] = provider
                    self._origins[provider.name] = plugin

    def _reason_to_refuse(self, provider: Any, plugin: Plugin) -> str | None:
        if not isinstance(provider, ModelProvider):
            return f"model_zoo_providers gave a {type(provider).__name__}; {_EXPECTED}"
        oldest, newest = hookspecs.OLDEST_API_VERSION, hookspecs.API_VERSION
        if not oldest <= provider.api_version <= newest:
            return (
                f"provider {provider.name!r} speaks version {provider.api_version} of the contract, this host "
                f"{oldest} to {newest}: "
                + ("upgrade the plugin" if provider.api_version < oldest else "pip install --upgrade yolonas-plugin")
            )
        if provider.name in self.providers:
            return (
                f"provider {provider.name!r} of {plugin} is not used, because {self._origins[provider.name]} "
                f"already provides it: uninstall one of them, or choose with {ALLOW_LIST}"
            )
        return None


class _AllowList:
    """What ``MODEL_ZOO_PLUGINS`` allows: all when it is unset, else the distributions and entry points it names."""

    def __init__(self, listed: str | None) -> None:
        self._entries = None if listed is None else {entry.strip() for entry in listed.split(",") if entry.strip()}
        self.unused = set(self._entries or ())

    def allows(self, dist: Any, entry_point: str | None = None) -> bool:
        """Whether one is listed: an entry point as written, a distribution as pip compares names."""
        if not self._entries:
            return self._entries is None
        name = _canonical(_identity(dist)[0])
        hits = {entry for entry in self._entries if entry == entry_point or _canonical(entry) == name}
        self.unused -= hits
        return bool(hits)


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the nearest known one, or all of them."""
    import difflib

    known = list(known)
    if near := difflib.get_close_matches(name, known, n=1):
        return f"; did you mean {near[0]!r}?"
    return f"; known are {', '.join(known)}" if known else "; there are none"


def _identity(dist: Any) -> tuple[str, str]:
    """Name and version of an entry point's ``dist``; reads its metadata, so only when someone asks."""
    try:
        return (dist.name or _UNKNOWN, dist.version or "") if dist is not None else (_UNKNOWN, "")
    except Exception:  # no METADATA, or nothing in it
        return _UNKNOWN, ""


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _describe(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # it can't even be printed
        return type(error).__name__


def _remedy(distribution: str) -> str:
    return f"upgrade, reinstall or uninstall {distribution}, or list only the others in {ALLOW_LIST}"
