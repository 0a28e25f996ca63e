"""A host that isn't there, or is another version than the module for it was written for."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import supervision

from model_zoo_api import Detections
from model_zoo_api.errors import DependencyMissingError
from yolonas_plugin.errors import HostVersionError
from yolonas_plugin.hosts import torchvision

MODULES = {"docling": "docling_layout"}
"""Of hosts whose module isn't called as they are."""

PACKAGES = {
    "cvat": "cvat_sdk",
    "docling": "docling",
    "fiftyone": "fiftyone",
    "mlflow": "mlflow",
    "ray": "ray",
    "sahi": "sahi",
}
"""What is imported of each host that is no dependency of this package."""

HOSTS = pytest.mark.parametrize("host", PACKAGES)

OLD = {
    "cvat": (
        "there is no DetectionFunctionContext.conf_threshold",  # cvat-sdk 2.20
        {"auto_annotation": "class DetectionFunctionContext: pass", "models": "class LabeledShapeRequest: pass"},
    ),
    "cvat, a little newer": (
        "there is no LabeledShapeRequest.score",  # 2.50
        {
            "auto_annotation": "class DetectionFunctionContext: conf_threshold = None",
            "models": "class LabeledShapeRequest: attribute_map = {'points': 'points'}",
        },
    ),
    "mlflow": (
        "there is no model_config in pyfunc.load_model",  # 2.0
        {"pyfunc": "def load_model(model_uri, suppress_warnings=False, dst_path=None): pass"},
    ),
}
"""Of hosts whose import succeeds in any version: what is missing, and modules that lack it as old ones do."""


def put_host(path: Path, package: str, contents: str, **modules: str) -> None:
    """Put a package into a folder, in version 0.1 of a distribution whose name isn't the package's."""
    (path / package).mkdir()
    (path / package / "__init__.py").write_text(contents)
    for name, text in modules.items():
        (path / package / f"{name}.py").write_text(text)
    info = path / f"{package}_slim-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}-slim\nVersion: 0.1\n")
    (info / "top_level.txt").write_text(f"{package}\n")


def import_module(host: str, path: Path) -> str:
    """Import the module for a host in a new process, with a folder of packages before all others; return the error."""
    code = f"import sys; sys.path.insert(0, sys.argv[1]); import yolonas_plugin.hosts.{MODULES.get(host, host)}"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr.strip().splitlines()[-1]


@HOSTS
def test_a_version_without_what_is_used_is_named(host: str, tmp_path: Path) -> None:
    package = PACKAGES[host]
    put_host(tmp_path, package, f"raise ImportError('no such name in {host}')\n")
    expect_named(import_module(host, tmp_path), host)


@pytest.mark.parametrize("version", OLD)
def test_an_old_version_that_can_be_imported_is_named(version: str, tmp_path: Path) -> None:
    host = version.partition(",")[0]
    missing, modules = OLD[version]
    put_host(tmp_path, PACKAGES[host], "", **modules)
    expect_named(import_module(host, tmp_path), host, missing)


def expect_named(error: str, host: str, missing: str = "") -> None:
    assert error.startswith("yolonas_plugin.errors.HostVersionError")
    assert f"{PACKAGES[host]}-slim 0.1 is installed" in error
    assert f"lacks what yolonas_plugin.hosts.{host} uses ({missing}" in error
    assert f"pip install -U 'yolonas-plugin[{host}]'" in error


@HOSTS
def test_a_host_that_is_not_there(host: str, tmp_path: Path) -> None:
    if find_spec(PACKAGES[host]):
        pytest.skip(f"{PACKAGES[host]} is installed")
    error = import_module(host, tmp_path)
    assert error.startswith("yolonas_plugin.errors.MissingExtraError")
    assert f"pip install 'yolonas-plugin[{host}]'" in error


@HOSTS
def test_a_host_s_extra_is_declared(host: str) -> None:
    assert f"\n{host} = [" in (Path(__file__).parents[2] / "pyproject.toml").read_text()


def test_a_torchvision_whose_registry_has_moved_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("torchvision.models._api.register_model")
    with pytest.raises(
        HostVersionError, match=r"torchvision \S+ is installed, and lacks .*pip install -U 'torchvision'"
    ):
        torchvision.register()


@pytest.mark.parametrize(
    ("name", "method"), [("Detections", "to_supervision"), ("KeyPoints", "to_supervision_keypoints")]
)
def test_an_old_supervision_is_named(name: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Detections(path=None, height=9, width=9, boxes=[], scores=[], labels=[], names={0: "cat"}, keypoints=[])
    monkeypatch.setattr(supervision, name, type(name, (), {"__init__": lambda self, xyxy: None}))
    with pytest.raises(DependencyMissingError, match=rf"supervision \S+ is installed, and has no {name}\("):
        getattr(found, method)()
    monkeypatch.delattr(supervision, name)
    with pytest.raises(DependencyMissingError, match=rf"has no {name}\("):
        getattr(found, method)()
