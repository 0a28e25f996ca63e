"""Discovery leaves the interpreter's finders of metadata as they were, whichever importlib-metadata is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sites import Site

LOOK = """
import importlib.metadata
import sys
from importlib.machinery import PathFinder

def look():
    metadata = importlib.metadata.metadata("acme-good")
    try:
        author = metadata["author"]  # FiftyOne reads its own so while it is imported
    except KeyError:
        author = "KeyError"
    return [*sys.meta_path], {**vars(PathFinder)}, type(metadata), author

{before}
first = look()
from model_zoo_api import ModelZoo
zoo = ModelZoo.discover()
assert look() == first, (first, look())
assert "acme" in zoo.providers and not zoo.problems, zoo.problems
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"importlib_metadata", "zipp"}))
"""


@pytest.fixture
def site(site: Site) -> Site:
    site.add_plugin("good")
    return site


def look(site: Site, before: str = "", *path: Path) -> str:
    done = site.python("-W", "ignore::DeprecationWarning", "-c", LOOK.replace("{before}", before), on_path=path)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_finders_are_as_they_were(site: Site) -> None:
    assert look(site) == ""  # nothing of importlib-metadata was imported


def test_finders_that_another_package_replaced_stay_so_and_find_plugins(site: Site) -> None:
    pytest.importorskip("importlib_metadata")
    assert "importlib_metadata" in look(site, "import importlib_metadata")


@pytest.mark.exhaustive
@pytest.mark.parametrize("before", ["", "import importlib_metadata"])
@pytest.mark.parametrize("version", ["==6.8.0", "==7.2.1", "==8.0.0", "==8.9.0", ""])
def test_any_importlib_metadata_will_do(site: Site, version: str, before: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "-q", "--target", tmp_path / "packages"]
    subprocess.run([*command, f"importlib-metadata{version}"], check=True)
    assert look(site, before, tmp_path / "packages").startswith("importlib_metadata" if before else "")
    code = "import importlib_metadata as found; print(found.__file__)"
    assert str(tmp_path) in site.python("-c", code, on_path=[tmp_path / "packages"]).stdout
