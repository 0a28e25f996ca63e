"""A host that wants nothing of ours but the hook specifications finds the provider with pluggy."""

from __future__ import annotations

import pytest

from .distributions import Site

pytestmark = pytest.mark.contract

LIST = "print(*[card.name for found in manager.hook.model_zoo_providers() for p in found for card in p.models])"
SIZES = {"yolo_nas_n", "yolo_nas_s", "yolo_nas_m", "yolo_nas_l"}


def test_pluggy_with_the_hookspecs_finds_every_model(site: Site) -> None:
    site.add_plugin("good")
    code = f"""
import pluggy
from yolonas_plugin import hookspecs
manager = pluggy.PluginManager(hookspecs.PROJECT)
manager.add_hookspecs(hookspecs)
manager.load_setuptools_entrypoints(hookspecs.GROUP)
manager.check_pending()
{LIST}
"""
    done = site.python("-c", code)
    assert {"acme_tiny", *SIZES} <= set(done.stdout.split()), done.stderr


def test_pluggy_finds_every_model_even_without_the_hookspecs(site: Site) -> None:
    code = f"""
import pluggy
manager = pluggy.PluginManager("model_zoo")
manager.load_setuptools_entrypoints("model_zoo")
{LIST}
"""
    done = site.python("-c", code)
    assert set(done.stdout.split()) >= SIZES, done.stderr
