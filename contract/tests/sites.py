"""Real distributions in a temporary site directory, and a fresh interpreter that discovers them.

Nothing here pretends: each plugin is a module beside a ``dist-info`` folder, as a wheel leaves it, and discovery runs
in a process of its own, so that no test sees what another imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PLUGINS = HERE / "plugins"


@dataclass(frozen=True)
class Answer:
    """What the interpreter said: the expression's value or its error, and the state of the zoo after it."""

    value: Any = None
    error: str | None = None
    error_type: str | None = None
    zoo: dict[str, Any] | None = None

    @property
    def problems(self) -> list[dict[str, str]]:
        return self.zoo["problems"]

    @property
    def problem(self) -> dict[str, str]:
        """The only problem."""
        (problem,) = self.problems
        return problem

    @property
    def providers(self) -> list[str]:
        return list(self.zoo["providers"])

    @property
    def plugins(self) -> dict[str, Any]:
        return {plugin["entry_point"]: plugin for plugin in self.zoo["plugins"]}


class Site:
    """A directory for ``PYTHONPATH`` with the distributions that a test installs into it.

    Args:
        path: Where it is made.
        alone: Hide the plugins that are installed for real, each behind a namesake that declares none.
    """

    def __init__(self, path: Path, *, alone: bool = False) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        for name in sorted({point.dist.name for point in entry_points(group="model_zoo")}) if alone else ():
            self.add(name, "0", entry_points="")
        (path / "zoo_probe.py").write_text((HERE / "probe.py").read_text())

    def add(
        self,
        name: str,
        version: str,
        *,
        entry_points: dict[str, str] | str,
        files: dict[str, str] | None = None,
        metadata: bool = True,
    ) -> Path:
        """Install a distribution and return its ``dist-info`` folder; a string is a raw ``entry_points.txt``."""
        if isinstance(entry_points, dict):
            entry_points = "[model_zoo]\n" + "".join(f"{key} = {value}\n" for key, value in entry_points.items())
        folder = f"{name.replace('-', '_')}-{version}.dist-info"
        written = {**(files or {}), f"{folder}/entry_points.txt": entry_points}
        if metadata:
            written[f"{folder}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        written[f"{folder}/RECORD"] = "".join(f"{file},,\n" for file in (*written, f"{folder}/RECORD"))
        for file, text in written.items():
            (self.path / file).parent.mkdir(parents=True, exist_ok=True)
            (self.path / file).write_text(text)
        return self.path / folder

    def add_plugin(self, stem: str, version: str = "1.0") -> None:
        """Install ``plugins/STEM.py`` as module ``acme_STEM`` of distribution ``acme-STEM``, entry point ``STEM``."""
        (source,) = PLUGINS.glob(f"{stem}.*")
        files = {f"acme_{stem}.py": source.read_text()}
        self.add(f"acme-{stem.replace('_', '-')}", version, entry_points={stem: f"acme_{stem}"}, files=files)

    def python(
        self, *arguments: str, on_path: Sequence[Path] = (), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a fresh interpreter that sees this site, and what else is put on its path."""
        inherited = {key: value for key, value in os.environ.items() if key != "MODEL_ZOO_PLUGINS"}
        path = os.pathsep.join(filter(None, [str(self.path), *map(str, on_path), inherited.get("PYTHONPATH")]))
        return subprocess.run(
            [sys.executable, *arguments],
            env={**inherited, "PYTHONPATH": path, **environment},
            cwd=self.path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def discover(self, *, strict: bool = False, **environment: str) -> Answer:
        """Discover in a fresh interpreter."""
        return self._probe("None", *["--strict"] * strict, **environment)

    def ask(self, expression: str, **environment: str) -> Answer:
        """Discover in a fresh interpreter, and evaluate ``expression`` there with ``zoo``."""
        return self._probe(expression, **environment)

    def evaluate(self, expression: str, **environment: str) -> Any:
        """Evaluate ``expression`` in a fresh interpreter with the names of ``probe.py``; it discovers by itself."""
        answer = self._probe(expression, "--no-zoo", **environment)
        assert answer.error is None, answer
        return answer.value

    def _probe(self, *arguments: str, **environment: str) -> Answer:
        done = self.python("-m", "zoo_probe", *arguments, **environment)
        assert done.returncode == 0, done.stderr
        return Answer(**json.loads(done.stdout.splitlines()[-1]))
