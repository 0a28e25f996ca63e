"""Fetching the next items while the last ones are worked on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

_Item = TypeVar("_Item")

_END: Final = object()


def fetch_ahead(items: Iterable[_Item], depth: int = 4) -> Iterator[_Item]:
    """Yield ``items`` in their order, fetched by a thread that is up to ``depth`` ahead.

    An exception comes where the item would have come. Closing the generator ends the thread.
    """
    fetched: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(depth)
    closed = threading.Event()

    def put(item: Any, error: BaseException | None = None) -> None:
        while not closed.is_set():
            try:
                fetched.put((item, error), timeout=0.1)
                return
            except queue.Full:
                continue

    def fetch() -> None:
        try:
            for item in items:
                put(item)
                if closed.is_set():
                    return
        except BaseException as error:
            put(None, error)
        else:
            put(_END)

    thread = threading.Thread(target=fetch, name="yolonas-fetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = fetched.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        closed.set()
        thread.join()
