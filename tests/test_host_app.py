"""The example host works with plugins that it was never told about."""

from __future__ import annotations

from pathlib import Path

import pytest

from sites import PLUGINS, Site

APP = Path(__file__).parents[1] / "examples" / "host_app.py"


@pytest.fixture
def site(site: Site) -> Site:
    files = {"frozen_api_1.py": (PLUGINS / "frozen_api_1" / "frozen_api_1.py").read_text()}
    site.add("frozen-api-1", "1.0", entry_points={"frozen": "frozen_api_1"}, files=files)
    return site


def rows(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


def test_it_names_no_model_family() -> None:
    named = [line for line in APP.read_text().splitlines() if "yolo" in line.lower()]
    assert named == []


def test_it_lists_every_model_with_its_task_and_licence(site: Site) -> None:
    done = site.python(str(APP))
    assert done.returncode == 0, done.stderr
    listed = rows(done.stdout)
    assert ["frozen/frozen_box", "detect", "CC0-1.0"] in listed
    assert ["yolo_nas/yolo_nas_s", "detect", "LicenseRef-Deci-YOLO-NAS"] in listed
    assert ["yolo_nas/yolo_nas_n", "detect", "-"] in listed


def test_it_reports_problems_apart_from_the_list(site: Site) -> None:
    site.add_plugin("raises_at_import")
    done = site.python(str(APP))
    assert done.returncode == 0
    assert done.stderr.startswith("problem: acme-raises-at-import 1.0")
    assert "problem" not in done.stdout


@pytest.mark.parametrize("model", [["--model", "frozen_box"], ["--model", "mine.bin", "--provider", "frozen"]])
def test_it_prints_a_row_for_each_object(site: Site, model: list[str]) -> None:
    done = site.python(str(APP), *model, "a.jpg", "b.jpg")
    assert done.returncode == 0, done.stderr
    assert rows(done.stdout) == [[name, "other thing", "0.50", "1.0 2.0 30.0 40.0"] for name in ("a.jpg", "b.jpg")]


def test_it_says_which_model_was_meant(site: Site) -> None:
    done = site.python(str(APP), "--model", "frozen_bocks", "a.jpg")
    assert done.returncode == 1
    assert "did you mean 'frozen_box'?" in done.stderr
