"""Fetching ahead keeps order and errors, stays within its depth, and ends with its reader."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from yolonas_plugin.overlap import fetch_ahead


def test_items_come_in_their_order() -> None:
    assert list(fetch_ahead(range(100), 3)) == list(range(100))
    assert list(fetch_ahead([])) == []


def test_an_error_comes_where_its_item_would() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise ValueError("the sixth")

    reader = fetch_ahead(items())
    assert [next(reader) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="the sixth"):
        next(reader)


def test_it_runs_ahead_no_further_than_its_depth_and_ends_with_its_reader() -> None:
    fetched: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            fetched.append(item)
            yield item

    before = threading.active_count()
    reader = fetch_ahead(items(), 4)
    assert next(reader) == 0
    deadline = time.monotonic() + 10
    while len(fetched) < 6 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    assert len(fetched) == 6  # one read, four waiting, one in hand
    reader.close()
    assert threading.active_count() == before


def test_fetching_and_working_overlap() -> None:
    """The reader gets its second item only once the third is being fetched, which without a thread would never be."""
    started = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        yield 1
        started.set()
        yield 2

    reader = fetch_ahead(items(), 1)
    assert next(reader) == 0
    assert started.wait(10)
    assert list(reader) == [1, 2]
