"""The contract between hosts and model plugins: three hooks and a version.

A plugin is an importable object, usually a module, named in the entry-point group ``model_zoo``; its functions marked
with :data:`~model_zoo_api.hookspecs.hookimpl` answer the hooks below. A host finds it with ``model_zoo_api.ModelZoo``
or with pluggy alone::

    import pluggy
    from model_zoo_api import hookspecs

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.load_setuptools_entrypoints(hookspecs.GROUP)
    providers = [p for found in manager.hook.model_zoo_providers() for p in found]
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pluggy

from model_zoo_api.types import ModelCard, ModelProvider

PROJECT: Final = "model_zoo"
"""pluggy's project name, which ``hookimpl`` and the host's ``PluginManager`` have in common."""

GROUP: Final = "model_zoo"
"""The entry-point group in which plugins announce themselves."""

API_VERSION: Final = 2
"""The version of this contract. It grows when a provider written for the new one could not work with the old one.

New optional fields, tasks and hooks don't change it: an older host keeps, lists and leaves them out.
"""

OLDEST_API_VERSION: Final = 1
"""The oldest contract whose providers still work."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a plugin's function as its answer to the hook of that name."""


@hookspec
def model_zoo_providers() -> Iterable[ModelProvider]:  # type: ignore[empty-body]
    """Yield the model providers of this plugin.

    Called during discovery, so it must be quick: name each factory as ``"module:attribute"`` and import nothing heavy.

    Example::

        from model_zoo_api import ModelCard, ModelProvider, hookimpl

        @hookimpl
        def model_zoo_providers():
            yield ModelProvider(
                name="acme",
                api_version=2,
                models=(ModelCard(name="acme_tiny", task="detect", input_size=(320, 320)),),
                loader="acme.models:load",
            )
    """


@hookspec(firstresult=True)
def model_zoo_locate_weights(provider: ModelProvider | None, card: ModelCard) -> Path | None:
    """Return a local weight file for ``card`` of ``provider``, or None to leave it to others.

    Two providers may have a card of the same name. ``provider`` is None where a host asks about a card of nobody's.
    Asked before any provider looks or downloads by itself, so that a mirror, a cache or a company store can answer.
    The first plugin that returns a path wins.

    Example::

        from pathlib import Path
        from model_zoo_api import hookimpl

        @hookimpl
        def model_zoo_locate_weights(provider, card):
            path = Path("/srv/models") / provider.name / f"{card.name}.safetensors"
            return path if path.is_file() else None
    """


@hookspec
def model_zoo_loaded(provider: ModelProvider, card: ModelCard | None, model: Any) -> None:
    """Observe that a host has loaded ``model``; ``card`` is None when it was loaded from a path.

    Example::

        import logging
        from model_zoo_api import hookimpl

        @hookimpl
        def model_zoo_loaded(provider, card, model):
            logging.getLogger("audit").info("loaded %s/%s", provider.name, card.name if card else "a file")
    """
