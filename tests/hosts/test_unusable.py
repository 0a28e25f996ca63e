"""A host that isn't there, or is another version than the module for it was written for."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

MODULES = {"docling": "docling_layout", "fiftyone": "fiftyone", "ray": "ray", "sahi": "sahi"}
HOSTS = pytest.mark.parametrize("host", MODULES)


def import_module(host: str, path: Path) -> str:
    """Import the module for a host in a new process, with a folder of packages before all others; return the error."""
    code = f"import sys; sys.path.insert(0, sys.argv[1]); import yolonas_plugin.hosts.{MODULES[host]}"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr.strip().splitlines()[-1]


@HOSTS
def test_a_version_without_what_is_used_is_named(host: str, tmp_path: Path) -> None:
    (tmp_path / host).mkdir()
    (tmp_path / host / "__init__.py").write_text(f"raise ImportError('no such name in {host}')\n")
    info = tmp_path / f"{host}_slim-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {host}-slim\nVersion: 0.1\n")
    (info / "top_level.txt").write_text(f"{host}\n")
    error = import_module(host, tmp_path)
    assert error.startswith("yolonas_plugin.errors.HostVersionError")
    assert f"{host}-slim 0.1 is installed" in error
    assert f"lacks what yolonas_plugin.hosts.{host} uses (" in error
    assert f"pip install -U 'yolonas-plugin[{host}]'" in error


@HOSTS
def test_a_host_that_is_not_there(host: str, tmp_path: Path) -> None:
    if find_spec(host):
        pytest.skip(f"{host} is installed")
    error = import_module(host, tmp_path)
    assert error.startswith("yolonas_plugin.errors.MissingExtraError")
    assert f"pip install 'yolonas-plugin[{host}]'" in error
