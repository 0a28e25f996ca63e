"""``doctor`` reports what is broken and doesn't die of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hostile import ALL
from sites import Site
from test_broken_metadata import FINDERS
from test_hostile_plugins import install
from yolonas_plugin.cli import main


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Folders of distributions that come first on the path of this process."""
    monkeypatch.syspath_prepend(tmp_path)
    return Site(tmp_path)


def report(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = main(["doctor", "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    "metadata", [None, b"", b"Name: onnx\n", b"\xff\xfeN", b"Version: 1\n", b"Name: \x1b[2J\nVersion: \xc3("]
)
def test_broken_metadata_of_a_package_is_a_problem(
    site: Site, capsys: pytest.CaptureFixture[str], metadata: bytes | None
) -> None:
    for name in ("onnx", "torch"):
        folder = site.path / f"{name}-9.dist-info"
        folder.mkdir()
        if metadata is not None:
            (folder / "METADATA").write_bytes(metadata)
    code, said = report(capsys)
    hidden = metadata in (None, b"")  # then the real one beside it counts
    assert code == (0 if hidden else 1)
    for packages, name in ((said["extras"], "onnx"), (said["packages"], "torch")):
        problems = [problem for problem in said["problems"] if problem.startswith(f"{name} is installed, but ")]
        assert len(problems) == (not hidden)
        assert bool(packages[name]) is hidden
        assert hidden or str(site.path / f"{name}-9.dist-info") in problems[0]
    assert len(said["problems"]) == (0 if hidden else 2)
    assert main(["doctor"]) == code
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert ("onnx (unknown version)" in text) is not hidden


def test_a_required_package_that_is_missing_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("yolonas_plugin.cli.doctor._PACKAGES", ("pluggy", "a-package-that-nobody-has"))
    code, said = report(capsys)
    assert code == 1
    assert said["problems"] == ["a-package-that-nobody-has is not installed: pip install a-package-that-nobody-has"]


def test_plugins_and_finders_that_raise_or_lie_are_reported(site: Site) -> None:
    for stem in ALL:
        install(site, stem)
    (site.path / "sitecustomize.py").write_text(FINDERS)
    done = site.python("-m", "yolonas_plugin.cli", "doctor", "--json", PYTHONIOENCODING="ascii")
    assert done.returncode == 1, done.stderr
    problems = json.loads(done.stdout)["problems"]
    expected = [stem for stem, hostile in ALL.items() if hostile.phase]
    assert all(sum(f"(entry point '{stem}')" in problem for problem in problems) == 1 for stem in expected)
    assert any("Raises, metadata: a finder in sys.meta_path" in problem for problem in problems)
    assert all(problem.isprintable() for problem in problems)
