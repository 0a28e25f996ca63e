"""Environments to install into: each sees packages of this one, but not the plugin and the contract installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
OURS = ("yolonas_plugin", "model_zoo_api")
SITES = [Path(folder) for folder in sys.path if Path(folder).name in ("site-packages", "dist-packages")]


class Environment:
    """A virtual environment without a pip of its own. Packages of this one lie in it as links.

    Args:
        path: Where it is made.
        packages: Distributions that it sees, with what they need, and with what the contract needs; all if None.
    """

    def __init__(self, path: Path, packages: Iterable[str] | None = None) -> None:
        venv.create(path, symlinks=os.name != "nt")
        self.python_path = path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        self.site = Path(self.python("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
        self.links = path / "links"
        self.links.mkdir()
        for entry in everything() if packages is None else belongings([*dependencies(ROOT / "contract"), *packages]):
            if not any(name in entry.name for name in OURS) and not (self.links / entry.name).exists():
                (self.links / entry.name).symlink_to(entry)
        (self.site / "links.pth").write_text(f"{self.links}\n", encoding="utf-8")  # and no .pth file among them is run

    def python(self, *arguments: str, cwd: Path | None = None, **settings: str) -> str:
        """Run its interpreter, away from all sources, and return what it wrote to standard output."""
        return run([str(self.python_path), *arguments], cwd or self.python_path.parent, **settings)

    def pip(self, *arguments: str, cwd: Path, **settings: str) -> str:
        """Run pip in it, without an index: what isn't there or given is an error, and nothing is downloaded."""
        command, *rest = arguments
        pip = [sys.executable, "-m", "pip", "--python", str(self.python_path), command]
        if command == "install":
            pip += ["--no-index", "--no-build-isolation", "--no-warn-script-location"]
        return run([*pip, *rest], cwd, **settings)

    def evaluate(self, statements: str) -> str:
        """Run Python statements in it, and return what they print."""
        return self.python("-c", statements).strip()


def run(command: list[str], cwd: Path, **settings: str) -> str:
    """Run a program that knows nothing of this process's sources; whatever it says is shown if it fails."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "YOLONAS_RELEASE")}
    done = subprocess.run(
        command, cwd=cwd, env={**inherited, **settings}, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def everything() -> Iterator[Path]:
    """What lies in the folders of packages here."""
    for site in SITES:
        yield from (entry for entry in site.iterdir() if entry.suffix != ".pth" and entry.name != "__pycache__")


def closure(names: Iterable[str]) -> set[str]:
    """The distributions, and all that they need, extras of theirs included."""
    found: set[tuple[str, frozenset[str]]] = set()
    left = [Requirement(name) for name in names]
    while left:
        wanted = left.pop()
        key = (wanted.name, frozenset(wanted.extras))
        if key not in found:
            found.add(key)
            needs = [Requirement(text) for text in distribution(wanted.name).requires or []]
            left += [
                need
                for need in needs
                if not need.marker or any(need.marker.evaluate({"extra": extra}) for extra in ("", *wanted.extras))
            ]
    return {name for name, _ in found}


def belongings(names: Iterable[str]) -> Iterator[Path]:
    """What the distributions have in the folders of packages, and all that they need."""
    for name in closure(names):
        installed = distribution(name)
        tops = {file.parts[0] for file in installed.files or [] if not file.parts[0].startswith("..")}
        for entry in (Path(str(installed.locate_file(top))) for top in tops):
            if entry.suffix != ".pth" and entry.name != "__pycache__":
                yield entry


def dependencies(root: Path) -> list[str]:
    """What a distribution needs, by its sources."""
    from hatchling.metadata.core import ProjectMetadata
    from hatchling.plugin.manager import PluginManager

    return ProjectMetadata(str(root), PluginManager()).core.dependencies


def copy_checkout(path: Path) -> Path:
    """Copy what the two distributions are built from."""
    path.mkdir(parents=True)
    for name in ("yolonas_plugin", "contract", "scripts", "tests"):
        shutil.copytree(ROOT / name, path / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in ("hatch_build.py", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile", ".gitignore"):
        shutil.copy2(ROOT / name, path / name)
    return path


def build_contract(folder: Path) -> Path:
    """Build the contract's wheel into a folder."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    run(command, ROOT / "contract")
    (wheel,) = folder.glob("model_zoo_api-*.whl")
    return wheel
