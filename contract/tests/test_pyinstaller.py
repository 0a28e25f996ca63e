"""A host that PyInstaller packs finds its plugins, and they work, without a word about them in its call."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from sites import Site

CONTRACT = Path(__file__).parents[1]

HOST = """
from model_zoo_api import ModelZoo

zoo = ModelZoo.discover(strict=True)
print(*(f"{plugin.distribution} {plugin.version}" for plugin in zoo.plugins), sep=", ")
print(zoo.load("acme_tiny"))
"""

PLUGIN = {
    "acme_zoo/__init__.py": "",
    "acme_zoo/plugin.py": """
from model_zoo_api import ModelCard, ModelProvider, hookimpl

@hookimpl
def model_zoo_providers():
    card = ModelCard(name="acme_tiny", task="detect", input_size=(32, 32))
    yield ModelProvider(name="acme", api_version=2, models=(card,), loader="acme_zoo.late.model:load")
""",
    "acme_zoo/late/__init__.py": "",
    "acme_zoo/late/model.py": """
from pathlib import Path

def load(source, *, card=None):
    return Path(__file__).with_name("words.txt").read_text()
""",
    "acme_zoo/late/words.txt": "loaded in a packed host",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with PyInstaller, the contract and two plugins: the folder of its programs."""
    folder = tmp_path_factory.mktemp("pyinstaller") / "venv"
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    run(programs / "python", "-m", "pip", "install", "-q", "pyinstaller", str(CONTRACT))
    site = Site(Path(run(programs / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()))
    site.add("acme-zoo", "1.2", entry_points={"acme": "acme_zoo.plugin"}, files=PLUGIN)
    site.add_plugin("zebra")
    return programs


def run(*command: str | Path, **more: str) -> str:
    inherited = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "MODEL_ZOO_PLUGINS")}
    done = subprocess.run(
        [*map(str, command)], env={**inherited, **more}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.exhaustive
@pytest.mark.skipif(sys.platform == "darwin", reason="a framework build of Python is needed there")
@pytest.mark.parametrize(
    ("allowed", "plugins"),
    [({}, "acme-zoo 1.2, acme-zebra 1.0"), ({"MODEL_ZOO_PLUGINS": "acme"}, "acme-zoo 1.2")],
    ids=["all", "those that are allowed"],
)
def test_a_packed_host_finds_its_plugins(
    environment: Path, tmp_path: Path, allowed: dict[str, str], plugins: str
) -> None:
    (tmp_path / "host.py").write_text(HOST)
    places = [f"--{kind}path={tmp_path / kind}" for kind in ("dist", "work", "spec")]
    run(environment / "pyinstaller", "--log-level=ERROR", *places, tmp_path / "host.py", **allowed)
    assert run(tmp_path / "dist" / "host" / "host").splitlines() == [plugins, "loaded in a packed host"]
