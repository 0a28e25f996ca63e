"""Which hooks a plugin implements. Each is looked at by itself: what this host can't call is left out, nothing else."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import pluggy

from model_zoo_api import hookspecs
from model_zoo_api.foreign import describe
from model_zoo_api.texts import suggest

HOOKS: Final = tuple(name for name in vars(hookspecs) if name.startswith("model_zoo_"))

UPGRADE: Final = "in the host's environment: pip install --upgrade model-zoo-api"
"""What helps where a plugin is written for a later contract than the host's; its author has done nothing wrong."""

_HERE: Final = f"this host's contract (version {hookspecs.API_VERSION})"

Fault: TypeAlias = tuple[str, BaseException | None]
"""What is wrong with one implementation, and what pluggy raised for it."""


def hooks_of(plugin: object, name: str) -> tuple[dict[str, list[pluggy.HookImpl]], list[Fault]]:
    """Return a plugin's implementations by hook, as pluggy finds and checks them, and what is wrong with the others.

    Refused is what pluggy would accept in silence, too: unknown hooks, forgotten markers, wrappers.

    Raises:
        ValueError: It implements no hook at all.
    """
    found: dict[str, list[pluggy.HookImpl]] = {}
    faults: list[Fault] = []
    looked_at: set[str] = set()
    for attribute in _marked(plugin):
        manager = _Manager(attribute)
        looked_at.add(attribute)
        try:
            manager.register(plugin, name)
        except pluggy.PluginValidationError as error:
            faults.append((_uncallable(attribute, error), error))
            continue
        for caller in vars(manager.hook).values():
            for impl in caller.get_hookimpls():
                looked_at.add(caller.name)
                if fault := _fault_of(caller, impl):
                    faults.append((fault, None))
                elif caller.name in HOOKS:
                    found.setdefault(caller.name, []).append(impl)
    for hook in HOOKS:
        if hook not in looked_at and callable(getattr(plugin, hook, None)):
            faults.append(
                (f"{hook!r} is not marked: put @model_zoo_api.hookimpl above it, or it is never called", None)
            )
    if not looked_at and not faults:
        raise ValueError(f"it implements no hook; the contract has {', '.join(HOOKS)}")
    return found, faults


def in_order(impls: list[pluggy.HookImpl]) -> list[pluggy.HookImpl]:
    """Pluggy's order: the last registered comes first, before it those that try to, after it those that try to."""
    last = [impl for impl in impls if impl.trylast]
    first = [impl for impl in impls if impl.tryfirst and not impl.trylast]
    return [*reversed(first), *(impl for impl in reversed(impls) if not (impl.tryfirst or impl.trylast)), *last]


class _Manager(pluggy.PluginManager):
    """Registers one attribute of a plugin, so that a fault of one is none of the others."""

    def __init__(self, attribute: str) -> None:
        super().__init__(hookspecs.PROJECT)
        self._attribute = attribute
        self.add_hookspecs(hookspecs)

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> Any:
        return super().parse_hookimpl_opts(plugin, name) if name == self._attribute else None


def _marked(plugin: object) -> list[str]:
    """The attributes that are marked as implementations of hooks."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    return [name for name in dir(plugin) if manager.parse_hookimpl_opts(plugin, name) is not None]


def _fault_of(caller: pluggy.HookCaller, impl: pluggy.HookImpl) -> str | None:
    if not caller.has_spec() and not impl.optionalhook:
        return (
            f"{_HERE} has no hook {caller.name!r}, which is never called: either a later contract has it ({UPGRADE}), "
            f"or it is misspelt{suggest(caller.name, HOOKS)}"
        )
    if impl.wrapper or impl.hookwrapper:
        return f"{caller.name!r} is a hook wrapper; the zoo calls each plugin by itself, so return the value"
    return None


def _uncallable(attribute: str, error: BaseException) -> str:
    return (
        f"{_HERE} can't call {attribute!r}, which it leaves out: either that is for a later contract ({UPGRADE}), "
        f"or wrong: {describe(error)}"
    )
