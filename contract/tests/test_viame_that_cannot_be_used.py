"""The plugin for VIAME where VIAME isn't, or lacks what is used: it says so, and raises nothing.

VIAME takes what a plugin raises on import for the failure of all of them.
"""

from __future__ import annotations

from sites import Site

IMPORT = "import model_zoo_api.bridges.viame as plugin; print(hasattr(plugin, 'ModelZooDetector'))"


def imported(site: Site) -> str:
    """Import the plugin in a new process and return what it says."""
    done = site.python("-c", IMPORT)
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr
    return done.stderr


def test_another_version_is_named(site: Site) -> None:
    site.add("viame", "0.20.1", entry_points="", files={"viame/__init__.py": ""})
    said = imported(site)
    assert "viame 0.20.1 is installed, which lacks what the detector model_zoo uses (cannot import name 'log'" in said
    assert "pip install -U 'viame>=0.23.5'" in said


def test_one_that_no_pip_installed_has_no_version(site: Site) -> None:
    files = {"viame/__init__.py": "raise ImportError('no library libviame')\n"}
    site.add("viame", "0", entry_points="", files=files, metadata=False)
    assert "viame of an unknown version is installed, which lacks what the detector model_zoo uses (no li" in imported(
        site
    )
