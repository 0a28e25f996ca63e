"""Fetching ahead keeps order and errors, stays within its depth, and ends with its reader."""

from __future__ import annotations

import _thread
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from yolonas_plugin.prefetch import fetch_ahead


def same(item: Any) -> Any:
    return item


def test_items_come_in_their_order() -> None:
    assert list(fetch_ahead(range(100), same, 3)) == list(range(100))
    assert list(fetch_ahead([], same)) == []


def test_an_error_comes_where_its_item_would() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise ValueError("the sixth")

    reader = fetch_ahead(items(), same)
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
    reader = fetch_ahead(items(), same, 4)
    assert next(reader) == 0
    deadline = time.monotonic() + 10
    while len(fetched) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    assert len(fetched) == 5  # one read, four waiting
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

    reader = fetch_ahead(items(), same, 2)
    assert next(reader) == 0
    assert started.wait(10)
    assert list(reader) == [1, 2]


class Picture:
    """Something that takes room for as long as it lives."""

    room = most = 0
    lock = threading.Lock()

    def __init__(self, number: int, size: int) -> None:
        self.number, self.size = number, size
        with self.lock:
            Picture.room += size
            Picture.most = max(Picture.most, Picture.room)
        weakref.finalize(self, self.leave, size)

    @classmethod
    def leave(cls, size: int) -> None:
        with cls.lock:
            cls.room -= size


@pytest.mark.parametrize(("size", "ahead"), [(10, 8), (40, 3), (99, 2), (100, 1), (5000, 1)])
def test_what_waits_is_bounded_in_bytes_and_in_number(size: int, ahead: int) -> None:
    Picture.room = Picture.most = 0
    pictures = (Picture(number, size) for number in range(30))
    reader = fetch_ahead(pictures, same, 8, lambda picture: picture.size, most=100)
    picture = next(reader)
    deadline = time.monotonic() + 10
    while Picture.room < size * (ahead + 1) and time.monotonic() < deadline:
        time.sleep(0.005)
    for number in range(1, 30):
        del picture
        picture = next(reader)
        assert picture.number == number
        time.sleep(0.002)
    del picture
    assert Picture.most == size * (ahead + 1)  # those that wait, and the one that is worked on
    assert list(reader) == []
    assert Picture.room == 0


def test_ctrl_c_is_heard_while_an_item_never_comes() -> None:
    stuck = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        stuck.wait()
        yield 1

    reader = fetch_ahead(items(), same)
    assert next(reader) == 0
    press = threading.Timer(0.2, _thread.interrupt_main)
    press.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        next(reader)
    assert time.monotonic() - start < 5
    stuck.set()
    press.join()


def test_closing_waits_for_work_that_has_begun_and_begins_no_more() -> None:
    begun, done = [], []
    second, goes_on = threading.Event(), threading.Event()

    def work(item: int) -> int:
        begun.append(item)
        if item == 1:
            second.set()
            goes_on.wait(10)
        done.append(item)
        return item

    reader = fetch_ahead(range(9), work)
    assert next(reader) == 0
    assert second.wait(10)
    threading.Timer(0.3, goes_on.set).start()
    reader.close()
    assert begun == done == [0, 1]


def test_an_error_of_the_work_comes_where_its_item_would() -> None:
    reader = fetch_ahead([1, 2, 0, 3], lambda item: 6 // item)
    assert [next(reader), next(reader)] == [6, 3]
    with pytest.raises(ZeroDivisionError):
        next(reader)
