"""The documentation as a site: ``make docs``. Pages are Markdown as code hosts show it, the reference is docstrings."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from docs.model_cards import as_markdown
from yolonas_plugin import __version__
from yolonas_plugin.cards import CARDS

project = html_title = "yolonas-plugin"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

# The source is the repository, so that links out of docs/ lead where they do on a code host.
root_doc = "README"
include_patterns = ["README.md", "C*.md", "contract/*.md", "docs/**.md", "examples/*/README.md", "layout/*.md"]
exclude_patterns = [".*", "benchmarks", "build", "dist", "runs", "scripts", "tests", "yolonas_plugin"]
myst_heading_anchors = 4  # links to headings are checked,
nitpicky = True  # and names that docstrings refer to,
suppress_warnings = ["ref.python"]  # two errors of one name: the contract's, and the plugin's, which derives from it
nitpick_ignore_regex = [("py:class", ".*")]  # but not types: most are other packages'

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
maximum_signature_line_length = 80
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_display_short_literal_types = True

html_theme = "furo"  # its fonts are the reader's, and nothing is fetched from elsewhere
html_copy_source = False

NAVIGATION = {
    "Start": ["The start page <self>", "docs/migration", "docs/models"],
    "For people with images": [
        *("docs/getting-weights", "docs/weights", "docs/runtimes", "docs/export", "docs/training", "docs/data"),
        *("docs/frigate", "docs/layout-model"),
    ],
    "For host authors": ["contract/README", "docs/contract", "docs/hosts"],
    "For plugin authors": [
        *("docs/plugin-authors", "examples/provider_template/README", "examples/torchvision_provider/README"),
    ],
    "How it is made": [
        *(
            "docs/architecture",
            "docs/testing",
            "docs/security",
            "docs/benchmarks",
            "docs/speed",
            "docs/formats",
            "layout/README",
            "CONTRIBUTING",
            "CHANGELOG",
            "contract/CHANGELOG",
        ),
    ],
    "Reference": ["docs/reference/contract", "docs/reference/use", "docs/reference/nn", "docs/reference/testing"],
}


def complete(app: Sphinx, docname: str, source: list[str]) -> None:
    """Add what a code host doesn't need or does by itself: navigation, model cards, the README of a folder."""
    folder = Path(app.env.doc2path(docname)).parent

    def page_of(link: re.Match[str]) -> str:
        return f"{link[0]}/README.md" if (folder / link[0] / "README.md").is_file() else link[0]

    text = re.sub(r"(?<=\]\()[\w./-]+(?=\))", page_of, source[0])
    if docname == root_doc:
        for caption, pages in NAVIGATION.items():
            text += "\n".join(["\n\n```{toctree}", ":hidden:", f":caption: {caption}", *pages, "```"])
    source[0] = text.replace("<!-- model cards -->", as_markdown(CARDS))


def skip_fields(app: Sphinx, what: str, name: str, member: object, skip: bool, options: Any) -> bool:
    """Leave out the fields of named tuples, which Python itself describes as "Alias for field number 0"."""
    return skip or type(member).__name__ == "_tuplegetter"


def add_index(app: Sphinx, error: Exception | None) -> None:
    """Let the address of the site show the start page."""
    if error is None:
        shutil.copyfile(Path(app.outdir, f"{root_doc}.html"), Path(app.outdir, "index.html"))


def setup(app: Sphinx) -> None:
    """Connect what is above."""
    app.connect("source-read", complete)
    app.connect("autodoc-skip-member", skip_fields)
    app.connect("build-finished", add_index)
