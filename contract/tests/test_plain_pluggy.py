"""A host that wants nothing of ours but the hook specifications finds the provider with pluggy."""

from __future__ import annotations

from sites import Site

LIST = "print(*[card.name for found in manager.hook.model_zoo_providers() for p in found for card in p.models])"
ZEBRA = {"zebra_s", "zebra_l"}


def test_pluggy_with_the_hookspecs_finds_every_model(site: Site) -> None:
    site.add_plugin("good")
    code = f"""
import pluggy
from model_zoo_api import hookspecs
manager = pluggy.PluginManager(hookspecs.PROJECT)
manager.add_hookspecs(hookspecs)
manager.load_setuptools_entrypoints(hookspecs.GROUP)
manager.check_pending()
{LIST}
"""
    done = site.python("-c", code)
    assert {"acme_tiny", *ZEBRA} <= set(done.stdout.split()), done.stderr


def test_pluggy_finds_every_model_even_without_the_hookspecs(site: Site) -> None:
    code = f"""
import pluggy
manager = pluggy.PluginManager("model_zoo")
manager.load_setuptools_entrypoints("model_zoo")
{LIST}
"""
    done = site.python("-c", code)
    assert set(done.stdout.split()) >= ZEBRA, done.stderr
