"""The ruler itself: what counts as found, what as missed, and what isn't judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from page_layout.scores import Page, fit, mean_average_precision

NAMES = ("text", "table", "picture")
TEXT, TABLE = 0, 1
BOXES = np.array([[10, 10, 110, 30], [10, 40, 110, 140]], float)


def page(*found: tuple[float, ...], ignored: tuple[tuple[float, ...], ...] = ()) -> Page:
    """A text above a table, and what was found: x1, y1, x2, y2, score, class."""
    rows, regions = np.array(found, float).reshape(-1, 6), np.array(ignored, float).reshape(-1, 4)
    return Page(BOXES, np.array([TEXT, TABLE]), rows, regions)


FOUND_TEXT = (*BOXES[0], 0.9, TEXT)
FOUND_TABLE = (*BOXES[1], 0.8, TABLE)
AWAY = (200, 200, 240, 240, 0.7, TEXT)


def test_all_found_is_one() -> None:
    pages = [page(FOUND_TEXT, FOUND_TABLE)]
    assert fit(pages, 0.5, by_class=True) == (1, 1, pytest.approx(1))
    figures = mean_average_precision(pages, NAMES)
    assert [figures[name] for name in ("mAP50-95", "mAP50", "text", "table")] == pytest.approx([1, 1, 1, 1])
    assert np.isnan(figures["picture"])  # there is none


def test_nothing_found_is_nothing() -> None:
    assert fit([page()], 0.5, by_class=False) == (0, 0, 0)
    assert mean_average_precision([page()], NAMES)["mAP50"] == 0


def test_a_box_is_found_once() -> None:
    again = (10, 10, 110, 29, 0.6, TEXT)
    assert fit([page(FOUND_TEXT, FOUND_TABLE, again)], 0.5, by_class=False)[:2] == (pytest.approx(2 / 3), 1)


def test_low_scores_do_not_count() -> None:
    assert fit([page(FOUND_TEXT, FOUND_TABLE, AWAY)], 0.75, by_class=False)[:2] == (1, 1)
    assert fit([page(FOUND_TEXT, FOUND_TABLE)], 0.85, by_class=False)[:2] == (1, 0.5)


def test_a_wrong_class_is_found_whatever_the_class() -> None:
    pages = [page(FOUND_TEXT, (*BOXES[1], 0.8, TEXT))]
    assert fit(pages, 0.5, by_class=False)[:2] == (1, 1)
    assert fit(pages, 0.5, by_class=True)[:2] == (0.5, 0.5)
    figures = mean_average_precision(pages, NAMES)
    assert (figures["text"], figures["table"]) == (pytest.approx(1), 0)


def test_the_better_score_takes_the_box() -> None:
    near, right = (*(BOXES[0] + (0, 0, 40, 0)), 0.6, TEXT), (*BOXES[0], 0.5, TEXT)
    assert fit([page(right, near)], 0.4, by_class=True)[:2] == (0.5, 0.5)


def test_half_an_overlap_is_the_least() -> None:
    for shift, right in ((30, 1), (40, 0)):  # IoU 70/130 and 60/140
        moved = BOXES[0] + (shift, 0, shift, 0)
        assert fit([page((*moved, 0.9, TEXT))], 0.5, by_class=False).recall == right / 2


def test_what_lies_in_an_ignored_region_is_not_judged() -> None:
    pages = [page(FOUND_TEXT, FOUND_TABLE, replace_score(AWAY, 0.95))]
    apart = [replace(pages[0], ignored=np.array([[190.0, 190, 250, 250]]))]
    assert fit(pages, 0.5, by_class=True).precision == pytest.approx(2 / 3)
    assert fit(apart, 0.5, by_class=True).precision == 1
    assert mean_average_precision(pages, NAMES)["text"] < mean_average_precision(apart, NAMES)["text"]


def replace_score(row: tuple[float, ...], score: float) -> tuple[float, ...]:
    return (*row[:4], score, row[5])


def test_pages_are_counted_together() -> None:
    pages = [page(FOUND_TEXT, FOUND_TABLE), page()]
    assert fit(pages, 0.5, by_class=True)[:2] == (1, 0.5)
    assert mean_average_precision(pages, NAMES)["mAP50"] == pytest.approx(0.5, abs=0.01)
