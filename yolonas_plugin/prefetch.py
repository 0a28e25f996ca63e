"""Prefetching: the next images are read in a thread while the network works on the last ones."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, Final, TypeVar

from model_zoo_api import Detections
from yolonas_plugin.images import Opened

_Item = TypeVar("_Item")

MOST_BYTES: Final = 256 << 20
"""Limit on the items that are fetched and not yet taken: at this many bytes fetching pauses."""

_END: Final = object()
_PATIENCE: Final = 0.5  # seconds; without a limit, some systems hear of Ctrl-C only when the waiting is over


def fetch_ahead(
    items: Iterable[_Item], depth: int = 4, size: Callable[[_Item], int] = lambda item: 0, most: int = MOST_BYTES
) -> Generator[_Item]:
    """Yield ``items`` in their order, fetched by a thread that runs ahead.

    An exception comes where the item would have come. Closing the generator ends the thread, unless it is stuck in
    fetching an item: nobody waits for it then, nor does the end of the process.

    Args:
        items: What is fetched.
        depth: Items that may wait, at most.
        size: Bytes of an item.
        most: No item is fetched while those that wait have so many bytes; one more than that may be there.
    """
    change = threading.Condition()
    fetched: deque[tuple[Any, BaseException | None, int]] = deque()
    ahead, closed = 0, False

    def may_go_on() -> bool:
        return closed or (len(fetched) < depth and ahead < most)

    def fetch() -> None:
        nonlocal ahead
        source, goes_on = None, True
        while goes_on:
            with change:
                change.wait_for(may_go_on)
                if closed:
                    return
            entry: tuple[Any, BaseException | None, int]
            try:
                source = iter(items) if source is None else source
                item = next(source)
                entry = item, None, size(item)
                del item
            except StopIteration:
                entry, goes_on = (_END, None, 0), False
            except BaseException as error:
                entry, goes_on = (None, error, 0), False
            with change:
                fetched.append(entry)
                ahead += entry[2]
                change.notify_all()
            del entry  # whoever takes it may let go of it

    thread = threading.Thread(target=fetch, name="yolonas-fetch", daemon=True)
    thread.start()
    try:
        while True:
            with change:
                while not fetched:
                    change.wait(_PATIENCE)
                item, error, bytes_of_it = fetched.popleft()
                ahead -= bytes_of_it
                change.notify_all()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
            del item
    finally:
        with change:
            closed = True
            change.notify_all()
        thread.join(_PATIENCE)


def in_groups(images: Iterator[Opened], most: int) -> Generator[list[Opened]]:
    """Yield the images in batches of ``most``, or of fewer that are large; the next ones are read meanwhile."""
    with closing(fetch_ahead(images, 2 * most, _bytes)) as opened:
        group: list[Opened] = []
        while True:
            while len(group) < most and sum(map(_bytes, group)) < MOST_BYTES and (one := next(opened, None)):
                group.append(one)
                del one
            if not group:
                return
            yield group
            group = []


def detect_in_groups(
    images: Iterator[Opened], most: int, detect: Callable[[list[Opened]], Iterator[Detections]]
) -> Iterator[Detections]:
    """Yield the detections that ``detect`` returns for each batch of :func:`in_groups`, numbered from 0."""
    index = 0
    with closing(in_groups(images, most)) as groups:
        for group in groups:
            for found in detect(group):
                yield replace(found, index=index)
                index += 1
            group.clear()  # nothing of it is kept while the next ones are worked on
            del found


def _bytes(one: Opened) -> int:
    return 0 if one.image is None else one.image.nbytes
