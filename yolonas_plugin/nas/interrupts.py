"""A Ctrl-C that is never lost: Python drops the exception where it happens to rise in a ``__del__``."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def heard() -> Iterator[Callable[[], None]]:
    """Give a function that raises ``KeyboardInterrupt`` if Ctrl-C was pressed since, and the exception got lost.

    The end of the block is such a place too. Where Ctrl-C means something else, or in another thread than the main
    one, nothing is changed.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    pressed: list[int] = []

    def press(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        raise KeyboardInterrupt

    def check() -> None:
        if pressed:
            pressed.clear()
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, press)
    try:
        yield check
        check()
    finally:
        signal.signal(signal.SIGINT, before)
