"""The providers in ``examples`` are built as wheels, installed by themselves, and pass their tests and the suite."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from exhaustive import first
from model_zoo_api.testing import ProviderConformance

pytest.importorskip("setuptools", "77", reason="it builds the wheels")
EXAMPLES = Path(__file__).parents[1] / "examples"
CHECKS = {name for name in dir(ProviderConformance) if name.startswith("test_")}
NOT_OFFERED = {"test_validator_measures", "test_trainer_trains", "test_exporter_writes"}


def run(*command: str, cwd: Path, python_path: Path | None = None) -> None:
    environment = dict(os.environ)
    if python_path:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(python_path), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def install(example: str, folder: Path) -> Path:
    """Build a wheel from a copy of the example, and unpack it, as pip does with a wheel of pure Python."""
    shutil.copytree(EXAMPLES / example, folder / example)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation")
    run(*pip, "--wheel-dir", str(folder), str(folder / example), cwd=folder)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.mark.parametrize(
    ("example", "needs"),
    first([("provider_template", ["numpy", "PIL"]), ("torchvision_provider", ["torch", "torchvision", "PIL"])]),
)
def test_it_is_installable_and_passes(example: str, needs: list[str], tmp_path: Path) -> None:
    for module in needs:
        pytest.importorskip(module)
    site = install(example, tmp_path)
    tests, report = tmp_path / "tests", tmp_path / "report.xml"
    shutil.move(tmp_path / example / "tests", tests)  # away from the sources, so that only what is installed is found
    (tests / "pytest.ini").write_text("[pytest]\n")
    run(sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", str(tests), cwd=tests, python_path=site)
    skipped = {
        case.get("name"): case.find("skipped") is not None for case in ElementTree.parse(report).iter("testcase")
    }
    assert skipped.keys() > CHECKS  # and tests of its own
    assert {name for name, was in skipped.items() if was} == NOT_OFFERED


def test_a_provider_is_tested_in_15_lines() -> None:
    source = (EXAMPLES / "provider_template" / "tests" / "test_conformance.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 15


def test_the_torchvision_provider_is_small() -> None:
    modules = (EXAMPLES / "torchvision_provider" / "torchvision_provider").glob("*.py")
    assert sum(len(module.read_text(encoding="utf-8").splitlines()) for module in modules) <= 160
