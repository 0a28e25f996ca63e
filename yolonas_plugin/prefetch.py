"""Prefetching: the next images are read, and may be begun, in a thread while the network works on the last ones."""

from __future__ import annotations

import atexit
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from operator import itemgetter
from typing import Any, Final, TypeVar

from model_zoo_api import Detections
from yolonas_plugin.images import Opened

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")

MOST_BYTES: Final = 256 << 20
"""Limit on the items that are fetched and not yet taken: at this many bytes fetching pauses."""

_END: Final = object()
_PATIENCE: Final = 0.5  # seconds; without a limit, some systems hear of Ctrl-C only when the waiting is over


def fetch_ahead(
    items: Iterable[_Item],
    work: Callable[[_Item], _Done],
    depth: int = 4,
    size: Callable[[_Done], int] = lambda done: 0,
    most: int = MOST_BYTES,
) -> Generator[_Done]:
    """Yield what ``work`` returns for each of ``items``, in their order; both are done by a thread that runs ahead.

    An exception comes where the item would have come. Closing the generator ends the thread, which finishes its work
    first. Nobody waits for it while it is stuck in fetching an item, nor does the end of the process.

    Args:
        items: What is fetched.
        work: What is done to each.
        depth: Items that may wait, at most.
        size: Bytes of an item that is done.
        most: No item is fetched while those that wait have so many bytes; one more than that may be there.
    """
    change, at_work = threading.Condition(), threading.Lock()
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
                with at_work:
                    if closed:
                        return
                    done = work(item)
                entry = done, None, size(done)
                del item, done
            except StopIteration:
                entry, goes_on = (_END, None, 0), False
            except BaseException as error:
                entry, goes_on = (None, error, 0), False
            with change:
                if not closed:
                    fetched.append(entry)
                    ahead += entry[2]
                    change.notify_all()
            del entry  # whoever takes it may let go of it

    def stop() -> None:
        nonlocal closed
        with change:
            closed = True
            change.notify_all()
        with at_work:  # it may be inside a library that mustn't be taken down meanwhile
            fetched.clear()
        thread.join(_PATIENCE)

    thread = threading.Thread(target=fetch, name="yolonas-fetch", daemon=True)
    thread.start()
    atexit.register(stop)
    try:
        while True:
            with change:
                while not fetched:
                    change.wait(_PATIENCE)
                done, error, bytes_of_it = fetched.popleft()
                ahead -= bytes_of_it
                change.notify_all()
            if error is not None:
                raise error
            if done is _END:
                return
            yield done
            del done
    finally:
        atexit.unregister(stop)
        stop()


def in_groups(images: Iterator[Opened], most: int) -> Generator[list[Opened]]:
    """Yield the images in batches of ``most``, or of fewer that are large."""
    while True:
        group: list[Opened] = []
        while len(group) < most and sum(map(_bytes, group)) < MOST_BYTES and (found := list(islice(images, 1))):
            group += found
            del found
        if not group:
            return
        yield group


def detect_ahead(
    images: Iterator[Opened],
    most: int,
    begin: Callable[[list[Opened]], Callable[[], Iterator[Detections]]],
    ahead: int = 0,
) -> Iterator[Detections]:
    """Yield the detections in images, numbered from 0; the next ones are read, and may be begun, meanwhile.

    Args:
        images: What is read; a thread asks for them.
        most: Images that are worked on together.
        begin: Called in that thread with each batch of :func:`in_groups`. What it returns is called in the reader's
            thread when the batch's turn has come, and yields the detections.
        ahead: Images that are to be begun before the first of them is asked for.
    """

    def work(group: list[Opened]) -> tuple[int, Callable[[], Iterator[Detections]]]:
        return sum(map(_bytes, group)), begin(group)

    index = 0
    with closing(fetch_ahead(in_groups(images, most), work, max(1, -(-ahead // most)), itemgetter(0))) as begun:
        for _, finish in begun:
            for found in finish():
                yield replace(found, index=index)
                index += 1
            del finish, found  # nothing of it is kept while the next ones are worked on


def _bytes(one: Opened) -> int:
    return 0 if one.image is None else one.image.nbytes
