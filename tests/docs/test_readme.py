"""The start pages' examples run: of the contract with the template's model, which has the names that the page uses."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from model_zoo_api.testing import write_picture
from sites import Site

ROOT = Path(__file__).parents[2]
HOST, PLUGIN = re.findall(
    r"^```python\n(.*?)^```", (ROOT / "contract" / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize("block", [HOST, PLUGIN], ids=["host", "plugin"])
def test_it_takes_ten_lines(block: str) -> None:
    assert len([line for line in block.splitlines() if line]) <= 10


def test_the_examples_of_the_contract_s_page_work_with_each_other(site: Site) -> None:
    template = ROOT / "examples" / "provider_template" / "acme_zoo"
    site.add("acme-zoo", "1.0", entry_points={"acme": "acme_page"}, files={"acme_page.py": PLUGIN})
    shutil.copytree(template, site.path / "acme_zoo")
    write_picture(site.path / "street.jpg", 160, 128)
    done = site.python("-W", "error", "-c", HOST)
    assert done.returncode == 0, done.stderr
    assert "acme_tiny None" in done.stdout
    assert "street.jpg [[" in done.stdout
    assert re.search(r"^harbour\.jpg .*harbour\.jpg", done.stdout, re.MULTILINE)  # it isn't there
