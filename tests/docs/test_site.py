"""The site that ``make docs`` has built is complete, and needs no other host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

import model_zoo_api
import yolonas_plugin
from model_zoo_api import testing
from yolonas_plugin import errors, nn
from yolonas_plugin.cards import CARDS

SITE = Path(__file__).parents[2] / "build" / "docs"
PAGES = {str(path.relative_to(SITE)): BeautifulSoup(path.read_bytes(), "html.parser") for path in SITE.rglob("*.html")}
REFERENCE = [page for name, page in PAGES.items() if name.startswith("docs/reference/")]


def test_the_address_of_the_site_is_the_start_page() -> None:
    assert PAGES["index.html"].h1.get_text() == PAGES["README.html"].h1.get_text()


def test_nothing_is_fetched_from_another_host() -> None:
    fetched = [
        (name, tag.get("src") or tag.get("href"))
        for name, page in PAGES.items()
        for tag in page.select("[src], link[href]")
    ]
    assert len(fetched) > len(PAGES)
    assert [(name, address) for name, address in fetched if re.match(r"(\w+:)?//", address)] == []
    styles = [(path.name, path.read_text(encoding="utf-8")) for path in SITE.rglob("*.css")]
    assert [name for name, text in styles if re.search(r"(url\(|@import)\s*[\"']?(\w+:)?//", text)] == []


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_card_is_on_the_page_of_models(card: yolonas_plugin.ModelCard) -> None:
    section = PAGES["docs/models.html"].find(id=card.name.replace("_", "-"))
    text = section.get_text(" ")
    links = [link["href"] for link in section.select("a[href]")]
    assert all(name in text for name in (card.name, *card.aliases, *card.classes))
    assert f"{card.parameters:,}" in text
    assert str(card.gflops) in text
    assert all(str(metric.value) in text and metric.source in links for metric in card.metrics)
    assert all(file.filename in text and file.sha256 in text and set(file.urls) <= set(links) for file in card.weights)
    assert card.licence is None or (card.licence.name in text and card.licence.url in links)


def test_every_public_name_is_in_the_reference() -> None:
    modules = (model_zoo_api, yolonas_plugin, nn, testing)
    public = {name for module in modules for name in module.__all__} - {"__version__"}
    public |= {name for name, value in vars(errors).items() if isinstance(value, type)}
    found = {tag["id"].rpartition(".")[2] for page in REFERENCE for tag in page.select("[id]")}
    assert public - found == set()


def test_no_sentence_of_a_docstring_is_taken_for_a_type() -> None:
    """In ``Returns`` and below a name, napoleon takes what comes before a colon for one; signatures have the types."""
    headings = [tag.get_text().strip(": ") for page in REFERENCE for tag in page.select(".field-list > dt")]
    assert "Raises" in headings
    assert not {"Type", "Return type"} & set(headings)
